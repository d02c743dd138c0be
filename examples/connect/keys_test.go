package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheKeysAreMadeOnceAndOnlyTheOwnerCanReadThem(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connect.db.key")
	first, err := openKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v, want 0600", info.Mode())
	}
	sealed, err := first.seal.Encrypt([]byte("secret"), []byte("muster"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := openKeys(file)
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := second.seal.Decrypt(sealed, []byte("muster")); err != nil || string(plain) != "secret" {
		t.Errorf("what was sealed does not open after the program was started again: %q, %v", plain, err)
	}
	if _, err := second.seal.Decrypt(sealed, []byte("beispiel")); err == nil {
		t.Error("what was sealed for one tenant opens for another")
	}
	if len(second.states) != 1 || second.states[0].Reveal() != first.states[0].Reveal() || len(first.states[0].Reveal()) < 32 {
		t.Error("the key that signs the ways back was not kept")
	}
}

func TestADamagedKeyFileIsRefusedAndNotReplaced(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"no JSON": "x", "no keyset": `{"seal":{},"states":["x"]}`, "empty": ""} {
		file := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := openKeys(file); err == nil {
			t.Errorf("%s: the damaged file was accepted", name)
		}
		if kept, err := os.ReadFile(file); err != nil || string(kept) != text {
			t.Errorf("%s: the damaged file was replaced", name)
		}
	}
}
