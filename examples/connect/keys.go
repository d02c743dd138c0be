package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/finapi-go/finapi"
)

// keys are the secrets of the ERP itself.
type keys struct {
	// seal encrypts what opens the tenants' finAPI users.
	seal finapi.AEAD
	// states sign the ways back from forms.
	states []finapi.Secret
}

// keyFile is how they are kept.
type keyFile struct {
	Seal   json.RawMessage `json:"seal"`   // a Tink keyset
	States []string        `json:"states"` // the first one signs
}

// openKeys reads the keys from a file that only its owner can read, and makes them
// before the first time.
//
// A file beside the database protects a copy of the database alone, such as a backup.
// In production keep the keyset encrypted by a key management service (Tink: keyset.Read
// with the AEAD of the service), so that whoever has the machine's disk has nothing.
func openKeys(file string) (keys, error) {
	data, err := os.ReadFile(file) //nolint:gosec // the operator names the file
	if errors.Is(err, fs.ErrNotExist) {
		data, err = makeKeys(file)
	}
	if err != nil {
		return keys{}, err
	}
	var kept keyFile
	if err := json.Unmarshal(data, &kept); err != nil {
		return keys{}, fmt.Errorf("the key file is damaged: %w", err)
	}
	handle, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(kept.Seal)))
	if err != nil {
		return keys{}, fmt.Errorf("the key file is damaged: %w", err)
	}
	k := keys{}
	if k.seal, err = aead.New(handle); err != nil {
		return keys{}, fmt.Errorf("the key file is damaged: %w", err)
	}
	for _, state := range kept.States {
		k.states = append(k.states, finapi.NewSecret(state))
	}
	return k, nil
}

func makeKeys(file string) ([]byte, error) {
	handle, err := keyset.NewHandle(aead.XAES256GCM192BitNonceKeyTemplate())
	if err != nil {
		return nil, err
	}
	var seal bytes.Buffer
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&seal)); err != nil {
		return nil, err
	}
	data, err := json.Marshal(keyFile{Seal: seal.Bytes(), States: []string{rand.Text() + rand.Text()}})
	if err != nil {
		return nil, err
	}
	// Never over a file that is there: without its keys, the sealed users are lost.
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, err
	}
	_, err = f.Write(data)
	return data, errors.Join(err, f.Sync(), f.Close())
}
