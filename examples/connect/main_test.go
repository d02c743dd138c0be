package main

import (
	"bytes"
	"context"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// announced is what a program prints, and tells when it has printed an address.
type announced struct {
	mu      sync.Mutex
	text    bytes.Buffer
	address chan string
	once    sync.Once
}

func (w *announced) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, err := w.text.Write(p)
	if m := regexp.MustCompile(`http://\S+`).FindString(w.text.String()); m != "" {
		w.once.Do(func() { w.address <- m })
	}
	return n, err
}

func (w *announced) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.String()
}

func TestTheProgramRunsUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	ctx, interrupt := context.WithCancel(t.Context())
	out, errs := &announced{address: make(chan string, 1)}, &announced{address: make(chan string, 1)}
	code := make(chan int, 1)
	go func() { code <- run(ctx, []string{"-listen", "127.0.0.1:0"}, noEnv, out, errs) }()
	var address string
	select {
	case address = <-out.address:
	case c := <-code:
		t.Fatalf("the program ended with code %d: %s", c, errs)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/signin", nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the page for signing in answers with status %d", answer.StatusCode)
	}
	for _, text := range []string{"demo / demo", "Muster GmbH", "Ctrl-C"} {
		if !strings.Contains(out.String(), text) {
			t.Errorf("the program does not say %q:\n%s", text, out)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	interrupt()
	if c := <-code; c != 0 {
		t.Errorf("the program ended with code %d: %s", c, errs)
	}
}

func TestBadSettingsAreRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"help":              {[]string{"-h"}, nil, 0, "FINAPI_CLIENT_ID"},
		"unknown flag":      {[]string{"-x"}, nil, 2, "-x"},
		"argument":          {[]string{"now"}, nil, 2, "now"},
		"address":           {[]string{"-listen", "256.0.0.1:1"}, nil, 1, "connect:"},
		"public address":    {[]string{"-url", "http://erp.example.com"}, nil, 1, "-url must be https"},
		"unwritable file":   {[]string{"-db", "/nowhere/connect.db"}, nil, 1, "connect:"},
		"secret is missing": {nil, map[string]string{"FINAPI_CLIENT_ID": "id"}, 1, "Credentials.Secret"},
		"unknown environment": {nil, map[string]string{
			"FINAPI_CLIENT_ID": "id", "FINAPI_CLIENT_SECRET": "s", "FINAPI_ENV": "moon",
		}, 1, "FINAPI_ENV"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := c.args
			if c.code == 1 {
				args = append([]string{"-listen", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "connect.db")}, args...)
			}
			var out, errs bytes.Buffer
			code := run(t.Context(), args, func(k string) string { return c.env[k] }, &out, &errs)
			if code != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("exit code %d and %q, want %d and something about %q", code, errs.String(), c.code, c.want)
			}
		})
	}
}

func TestAFileOfOneServiceIsNotUsedWithAnother(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "connect.db")
	b, err := openBooks(t.Context(), file, "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	b.close()
	if _, err := openBooks(t.Context(), file, "live"); err == nil || !strings.Contains(err.Error(), "belongs to the service") {
		t.Errorf("a file of the sandbox opens for the live service: %v", err)
	}
}
