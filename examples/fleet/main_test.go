package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/finapi-go/finapi/internal/pgtest"
)

// TestMain lets the program of the tests be a worker, too.
func TestMain(m *testing.M) {
	if task := os.Getenv(workerTask); task != "" {
		os.Exit(work(context.Background(), task, os.Stdin, os.Stderr))
	}
	os.Exit(server.Around(m).Run())
}

var server = pgtest.Server{Settings: []string{"fsync = off"}}

// missing is a PostgreSQL that is not installed.
type missing struct{}

func (missing) Start() (string, error) { return "", pgtest.ErrNotInstalled }
func (missing) Stop()                  {}

func TestWhateverHappensToTheWorkersEachLedgerEqualsItsBank(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	var out, errs bytes.Buffer
	args := []string{"-tenants", "12", "-workers", "3", "-failing", "10", "-gone", "10", "-kill", "8s", "-pause", "-postgres", url}
	code := run(t.Context(), args, missing{}, &out, &errs)
	if code != 0 || errs.Len() > 0 {
		t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
	}
	for _, want := range []string{
		`(?m)^proved: each booking of the banks is in its ledger once \(936 bookings in 36 ledgers\)$`,
		`(?m)^proved: each ledger's balance is the bank's`,
		`(?m)^proved: no due time was completed twice`,
		`(?m)^proved: no bank was asked more than 4 times in 24 hours without the customer \(\d+ updates, at most 4 of`,
		`(?m)^proved: everything is well in the end`,
		`customer 2, finAPI [2-9]`, // 2 banks, which are tried again
		`(?m)^[1-9]\d* times a worker was killed, and [1-9]\d* times one was paused`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("want %s in:\n%s", want, &out)
		}
	}
	wantNoSchema(t, url)
}

// wantNoSchema wants a database in which nothing was left.
func wantNoSchema(t *testing.T, url string) {
	t.Helper()
	d, err := place{URL: url, Schema: "public"}.open(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	var left int
	err = d.db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'finapi%'`).Scan(&left)
	if err != nil || left != 0 {
		t.Errorf("%d schemas were left in the database, %v", left, err)
	}
}

func TestWithoutPostgreSQLItTellsHowToGetIt(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	if code := run(t.Context(), nil, missing{}, &out, &errs); code != 2 {
		t.Errorf("exit code %d, want 2", code)
	}
	for _, want := range []string{"not installed", "Debian's package postgresql", "-postgres"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("want %q in %q", want, &errs)
		}
	}
}

func TestBadInputIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"help":                       {[]string{"-h"}, 0, "-tenants"},
		"unknown flag":               {[]string{"-x"}, 2, "-x"},
		"argument":                   {[]string{"now"}, 2, "now"},
		"no customer":                {[]string{"-tenants", "0"}, 2, "-tenants must be 1 to 10000"},
		"no worker":                  {[]string{"-workers", "0"}, 2, "-workers must be 1 to 50"},
		"no work":                    {[]string{"-parallel", "0"}, 2, "-parallel must be 1 to 200"},
		"more than all":              {[]string{"-failing", "60", "-gone", "50"}, 2, "-gone must be 0 to 40"},
		"kills without a pause":      {[]string{"-kill", "1ms"}, 2, "-kill must be at least 100ms"},
		"more than PostgreSQL takes": {[]string{"-workers", "10", "-parallel", "20"}, 2, "need 218 connections"},
		"no such database":           {[]string{"-postgres", "postgres:///nowhere?host=" + filepath.Join(os.TempDir(), "nowhere")}, 1, "open PostgreSQL"},
		"no URL":                     {[]string{"-postgres", "::"}, 1, "open PostgreSQL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, missing{}, &out, &errs)
			if code != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("exit code %d and %q, want %d and something about %q", code, &errs, c.code, c.want)
			}
		})
	}
}

func TestInterruptedItLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	url := server.Database(t)
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-tenants", "3", "-workers", "2", "-postgres", url}, missing{}, cancelOn{&out, "night 1", cancel}, &errs)
	if code != 130 || !strings.Contains(errs.String(), "Interrupted") {
		t.Errorf("exit code %d, %q\n%s", code, &errs, &out)
	}
	wantNoSchema(t, url)
}

// cancelOn cancels when a text is written.
type cancelOn struct {
	*bytes.Buffer
	text   string
	cancel func()
}

func (w cancelOn) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(w.text)) {
		w.cancel()
	}
	return w.Buffer.Write(p)
}
