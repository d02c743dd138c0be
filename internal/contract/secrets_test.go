package contract_test

import (
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
	. "github.com/finapi-go/finapi/internal/contract"
)

// secretsOf gathers the secrets of all traffic, and those of the answers that stubs give,
// which are not in it.
func secretsOf(tb testing.TB, all []*Exchange) *Secrets {
	tb.Helper()
	s := NewSecrets()
	for _, e := range all {
		s.Gather(e)
	}
	err := filepath.WalkDir(testdata, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		data, err := os.ReadFile(filepath.Clean(path))
		s.GatherJSON(data, path)
		return err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// TestNothingThatTheSDKSaysInAnyTestHoldsASecret searches all that was logged and all errors
// of all suites, in every way of printing them, for all that the traffic of the same run had of
// passwords, tokens, names, IBANs and texts.
func TestNothingThatTheSDKSaysInAnyTestHoldsASecret(t *testing.T) {
	t.Parallel()
	all := theTraffic(t)
	secrets := secretsOf(t, all.exchanges)
	if len(secrets.Credentials) < 100 || len(secrets.Personal) < 300 {
		t.Errorf("%d credentials and %d personal texts were gathered only: the traffic is not whole",
			len(secrets.Credentials), len(secrets.Personal))
	}
	for what, secrets := range map[string]map[string]string{"a credential": secrets.Credentials, "something personal": secrets.Personal} {
		for _, leak := range Leaks(all.said, secrets) {
			t.Errorf("a log or an error holds %s: %v", what, leak)
		}
	}
	t.Logf("%d credentials and %d personal texts are in none of %d different lines that the SDK said",
		len(secrets.Credentials), len(secrets.Personal), strings.Count(string(all.said), "\n"))
}

// TestNoTestPrintsACredential searches the tests' own output, which CI keeps.
func TestNoTestPrintsACredential(t *testing.T) {
	t.Parallel()
	all := theTraffic(t)
	for _, leak := range Leaks(all.output, secretsOf(t, all.exchanges).Credentials) {
		t.Errorf("the output of a test holds a credential: %v", leak)
	}
	t.Logf("the suites printed %d lines", strings.Count(string(all.output), "\n"))
}

// careless is a transport that quotes the token in its error.
type careless struct{ http.RoundTripper }

func (c careless) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/accounts") {
		return nil, errors.New("cannot send " + r.Header.Get("Authorization"))
	}
	return c.RoundTripper.RoundTrip(r)
}

// TestASecretThatIsSaidIsFound proves that the search can fail, from the client to the
// finding: the token gets into an error by a careless transport.
func TestASecretThatIsSaidIsFound(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(capture.Variable, dir)
	sim := finapitest.New(t)
	client, err := capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()), finapi.WithTransport(careless{http.DefaultTransport}))
	if err != nil {
		t.Fatal(err)
	}
	user, err := client.CreateUser(t.Context(), finapi.NewUser{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := user.Accounts(t.Context(), finapi.AccountQuery{}); !finapi.IsError(err, finapi.CodeNetwork) {
		t.Fatalf("got %v, want the transport's error", err)
	}
	secrets := NewSecrets()
	if err := ReadTraffic(dir, secrets.Gather); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "said-*.txt"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%d files were written, %v", len(files), err)
	}
	said, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	leaks := Leaks(Distinct(said), secrets.Credentials)
	if len(leaks) != 1 || !strings.HasSuffix(leaks[0].From, "/oauth/token") {
		t.Errorf("found %d leaks %v, want the user's token", len(leaks), leaks)
	}
}

func TestASecretIsFoundInEveryForm(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{"Jürgen \"Käse\" & Söhne": "a test"}
	for form, text := range map[string]string{
		"plain": `x Jürgen "Käse" & Söhne x`, "JSON": `{"name":"Jürgen \"Käse\" \u0026 Söhne"}`, "quoted": `name="Jürgen \"Käse\" & Söhne"`,
		"hex": "4ac3bc7267656e20224bc3a473652220262053c3b6686e65", "URL": "q=J%C3%BCrgen+%22K%C3%A4se%22+%26+S%C3%B6hne",
		"base64": "x:SsO8cmdlbiAiS8Okc2UiICYgU8O2aG5l", "bytes": "[120 74 195 188 114 103 101 110 32 34 75 195 164 115 101 34 32 38 32 83 195 182 104 110 101]",
	} {
		if leaks := Leaks(Distinct([]byte("before\n"+text+"\nafter\n")), secrets); len(leaks) != 1 {
			t.Errorf("the secret is not found as %s: %v", form, leaks)
		}
	}
	if leaks := Leaks([]byte("Jürgen Käse & Söhne"), secrets); len(leaks) != 0 {
		t.Errorf("found %v in another text", leaks)
	}
}

// stackWith has an argument that Go passes by its bytes, and returns the stack as internal/capture writes it down.
//
//go:noinline
func stackWith(_ context.Context, _ [16]byte) []byte { return debug.Stack() }

func TestASecretThatIsPassedAsAnArrayIsFoundInADump(t *testing.T) {
	t.Parallel()
	said := Distinct(stackWith(t.Context(), [16]byte([]byte("a-password-08154"))))
	if leaks := Leaks(said, map[string]string{"a-password-08154": "a test", "another-password": "a test"}); len(leaks) != 1 || leaks[0].Form != "in a dump" {
		t.Errorf("found %v, want the password in the dump\n%s", leaks, said)
	}
}
