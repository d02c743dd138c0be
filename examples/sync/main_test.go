package main

import (
	"bytes"
	"context"
	"encoding/json"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func noEnv(string) string { return "" }

// syncProgram runs the program as a person would and returns what it printed.
func syncProgram(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, noEnv, &out, &errs)
	return code, out.String(), errs.String()
}

func syncLines(t *testing.T, stdout string) [2]map[string]string {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^sync ([12]): booked (\d+), review (\d+), modified (\d+), removed (\d+), already known (\d+)$`)
	found := pattern.FindAllStringSubmatch(stdout, -1)
	if len(found) != 2 {
		t.Fatalf("want two sync lines, got %d in:\n%s", len(found), stdout)
	}
	var lines [2]map[string]string
	for i, m := range found {
		lines[i] = map[string]string{"booked": m[2], "review": m[3], "modified": m[4], "removed": m[5], "known": m[6]}
	}
	return lines
}

func TestTheMainJobEndsWithAJournalThatEqualsTheBank(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := syncProgram(t)
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if !strings.Contains(stdout, "Checked: the journal equals the bank's balance on each of 3 accounts.") {
		t.Errorf("the program did not check itself:\n%s", stdout)
	}
	for _, iban := range []string{"EUR", "CHF", "USD", "amnis"} {
		if !strings.Contains(stdout, iban) {
			t.Errorf("the account table lacks %s:\n%s", iban, stdout)
		}
	}
	if stderr != "" {
		t.Errorf("progress went to a stderr that is no terminal: %q", stderr)
	}
}

func TestTheSecondSyncBooksTheNewRowsOnly(t *testing.T) {
	t.Parallel()
	_, stdout, _ := syncProgram(t)
	lines := syncLines(t, stdout)
	if lines[0]["known"] != "0" || len(lines[0]["booked"]) < 4 {
		t.Errorf("the first sync should book the whole history: %v", lines[0])
	}
	if lines[1]["known"] != lines[0]["booked"] {
		t.Errorf("the second sync should know the %s rows of the first: %v", lines[0]["booked"], lines[1])
	}
	if len(lines[1]["booked"]) != 1 || lines[1]["booked"] == "0" {
		t.Errorf("the second sync should book the few rows of one day: %v", lines[1])
	}
}

func TestAKeptLedgerGoesOnAfterTheBankWasConnectedAnew(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	_, first, _ := syncProgram(t, "-db", file)
	code, second, stderr := syncProgram(t, "-db", file)
	if code != 0 {
		t.Fatalf("the second run failed:\n%s%s", second, stderr)
	}
	before, after := syncLines(t, first), syncLines(t, second)
	if after[0]["booked"] != "0" || after[0]["removed"] != "0" {
		t.Errorf("nothing has happened at the bank between the runs, but the second one reports %v", after[0])
	}
	if before[1]["known"] >= after[0]["known"] {
		t.Errorf("the second run should know more than %s, but says %v", before[1]["known"], after[0])
	}
}

func TestEventsCanBePrintedAsJSONLines(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := syncProgram(t, "-json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, stderr)
	}
	booked := map[string]bool{}
	for line := range strings.Lines(stdout) {
		var event struct {
			Event string `json:"event"`
			Data  struct {
				UID string `json:"uid"`
			} `json:"data"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("not a JSON line: %q", line)
		}
		if event.Event == "booked" {
			if booked[event.Data.UID] {
				t.Errorf("%s was booked twice", event.Data.UID)
			}
			booked[event.Data.UID] = true
		}
	}
	if len(booked) < 1200 {
		t.Errorf("%d bookings, want at least 1200", len(booked))
	}
}

func TestAnInterruptedRunLosesNothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	// Pulls the plug when the account table is printed, just before booking.
	code := run(ctx, []string{"-db", file}, noEnv, cancelOn{&out, "IBAN", cancel}, &errs)
	if code != 130 || !strings.Contains(errs.String(), "Nothing is lost") {
		t.Fatalf("exit code %d, %q", code, errs.String())
	}
	code, stdout, stderr := syncProgram(t, "-db", file)
	if code != 0 || syncLines(t, stdout)[0]["booked"] == "0" {
		t.Errorf("the next run did not make up for it: %d\n%s%s", code, stdout, stderr)
	}
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

func TestBadInputIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"every is too often": {[]string{"-every", "1ms"}, nil, 2, "1s to 5m"},
		"help":               {[]string{"-h"}, nil, 0, "FINAPI_CLIENT_ID"},
		"unknown flag":       {[]string{"-x"}, nil, 2, "-x"},
		"argument":           {[]string{"now"}, nil, 2, "now"},
		"unsupported bank":   {[]string{"-bank", "no such bank"}, nil, 1, "no such bank"},
		"unwritable ledger":  {[]string{"-db", "/nowhere/ledger.db"}, nil, 1, "sync:"},
		"secret is missing":  {nil, map[string]string{"FINAPI_CLIENT_ID": "id"}, 1, "Credentials.Secret"},
		"unknown environment": {nil, map[string]string{
			"FINAPI_CLIENT_ID": "id", "FINAPI_CLIENT_SECRET": "s", "FINAPI_ENV": "moon",
		}, 1, "FINAPI_ENV"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			code := run(t.Context(), c.args, func(k string) string { return c.env[k] }, &out, &errs)
			if code != c.code || !strings.Contains(errs.String(), c.want) {
				t.Errorf("exit code %d and %q, want %d and something about %q", code, errs.String(), c.code, c.want)
			}
		})
	}
}

func TestItGoesOnByItselfUntilItIsInterrupted(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ledger.db")
	for _, args := range [][]string{
		{"-every", "5m", "-db", file}, // connects the bank
		{"-every", "5m", "-db", file}, // connects it anew, on the day on which the first run ended
	} {
		ctx, cancel := context.WithCancel(t.Context())
		var out, errs bytes.Buffer
		code := run(ctx, args, noEnv, cancelOn{&out, "sync 3:", cancel}, &errs)
		if code != 0 || errs.Len() > 0 {
			t.Fatalf("exit code %d\n%s%s", code, &out, &errs)
		}
		if !strings.Contains(out.String(), "Stopped. Nothing is lost") {
			t.Errorf("the program does not say that it has stopped:\n%s", &out)
		}
		wantNights(t, out.String())
	}
	code, after, _ := syncProgram(t, "-db", file)
	if code != 0 || !strings.Contains(after, "Checked: the journal equals the bank's balance on each of 3 accounts.") {
		t.Errorf("what was synchronised by itself does not equal the bank:\n%s", after)
	}
}

// wantNights wants a first sync and two that the nights brought.
func wantNights(t *testing.T, stdout string) {
	t.Helper()
	pattern := regexp.MustCompile(`(?m)^sync (\d): booked (\d+), review 0, modified 0, removed 0, already known (\d+)
  next: due \d{4}-\d\d-\d\d 0[0-4]:\d\d UTC: the regular synchronisation; backlog: 0 of 1 connections due, 0 in work$`)
	found := pattern.FindAllStringSubmatch(stdout, -1)
	if len(found) != 3 {
		t.Fatalf("want three syncs with what is next, got %d in:\n%s", len(found), stdout)
	}
	// The first one comes before the bank has booked anything.
	if m := found[2]; m[2] == "0" || len(m[2]) > 2 || m[3] == "0" {
		t.Errorf("a night should book the few rows of a day: %q", m[0])
	}
}

func TestJSONOfWhatGoesOnByItselfHasEventsOnly(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var out, errs bytes.Buffer
	code := run(ctx, []string{"-every", "1m", "-json"}, noEnv, cancelOn{&out, `"sync":2`, cancel}, &errs)
	if code != 0 || !strings.Contains(errs.String(), "sync 1: booked") {
		t.Fatalf("exit code %d\n%s", code, &errs)
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not a JSON line: %q", line)
		}
	}
}

func TestTheSimulatedCustomerRenewsTheConsentWhenTheBankWantsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	var stdout bytes.Buffer
	out := newOutput(options{}, cancelOn{&stdout, "sync 3:", cancel}, &stdout)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	books, err := openBooks(ctx, "")
	must(err)
	defer books.close()
	service, err := simulate(ctx, books, out)
	must(err)
	defer service.close()
	user, err := openUser(ctx, service, books)
	must(err)
	connection, err := connect(ctx, service, user, "amnis", out)
	must(err)
	service.sim.RevokeConsent(int64(connection.ID))
	must(keepSyncing(ctx, 5*time.Minute, service, user, connection, books, out))
	pattern := regexp.MustCompile(`(?s)sync 2: failed with \S+ at .*next: not due: the customer must act first.*` +
		`The simulated one renews the consent\.\nsync 3: booked \d+`)
	if !pattern.MatchString(stdout.String()) {
		t.Errorf("want a sync that fails, a renewal and another sync:\n%s", &stdout)
	}
}
