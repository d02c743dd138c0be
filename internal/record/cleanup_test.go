package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheUserIsDeletedIfCallsFail(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v2/accounts", "/api/webForms/bankConnectionImport", "/api/v2/transactions", "/api/v2/users/verificationStatus"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			sim := plantedSim(t)
			sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == path {
					w.WriteHeader(http.StatusInternalServerError)
				}
				return r.URL.Path == path
			})
			r := recordSim(t.Context(), t, sim, nil)
			r.wantWritten(t, exitLook)
			r.wantUserDeleted(t)
			if !strings.Contains(r.report, "  failed: ") {
				t.Errorf("the report tells no failure:\n%s", r.report)
			}
		})
	}
}

func TestTheUserIsDeletedAfterCtrlC(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/api/v2/users", "/api/v2/accounts", "/api/webForms", "/api/v2/transactions"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			sim := plantedSim(t)
			sim.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == path && r.Method != http.MethodDelete {
					cancel()
				}
				return false
			})
			r := recordSim(ctx, t, sim, nil)
			r.wantNothing(t)
			if !errors.Is(r.err, errInterrupted) {
				t.Errorf("got error %v, want %v", r.err, errInterrupted)
			}
			r.wantUserDeleted(t)
		})
	}
}

// losing loses the answer to a call that the server has acted on.
type losing struct {
	http.RoundTripper
	method, path string
	lost         int
}

func (l *losing) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	if err != nil || r.URL.Path != l.path || r.Method != l.method || l.lost > 0 {
		return resp, err
	}
	l.lost++
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return nil, errors.New("the connection broke")
}

func TestTheUserIsDeletedIfTheAnswerToItsCreationWasLost(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), func(c *config) {
		c.target.base = &losing{RoundTripper: c.target.base, method: http.MethodPost, path: "/api/v2/users"}
	})
	r.wantWritten(t, exitLook)
	r.wantUserDeleted(t)
}

func TestADeletionWhoseAnswerWasLostCounts(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), func(c *config) {
		c.target.base = &losing{RoundTripper: c.target.base, method: http.MethodDelete, path: "/api/v2/users"}
	})
	r.wantUserDeleted(t)
	if strings.Contains(r.report, "STILL EXISTS") {
		t.Errorf("the report says that the user remains:\n%s", r.report)
	}
}

func TestAUserThatRemainsIsNamedToThePerson(t *testing.T) {
	t.Parallel()
	sim := plantedSim(t)
	sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		remains := r.URL.Path == "/api/v2/users" && r.Method == http.MethodDelete
		if remains {
			w.WriteHeader(http.StatusForbidden)
		}
		return remains
	})
	r := recordSim(t.Context(), t, sim, nil)
	r.wantWritten(t, exitLook)
	if !strings.Contains(r.report, "THE USER recorder-") {
		t.Errorf("the report does not name the user:\n%s", r.report)
	}
}

func TestADeletionWaitsWhileFinAPIIsBusy(t *testing.T) {
	t.Parallel()
	sim := plantedSim(t)
	refusals := 0
	sim.Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		busy := r.URL.Path == "/api/v2/users" && r.Method == http.MethodDelete && refusals < 3
		if busy {
			refusals++
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusLocked)
			_, _ = w.Write([]byte(`{"errors":[{"code":"LOCKED","type":"BUSINESS"}],"date":"2026-03-02T09:00:00.000+01:00","requestId":"x","endpoint":"DELETE /api/v2/users","authContext":"1/2"}`))
		}
		return busy
	})
	r := recordSim(t.Context(), t, sim, nil)
	r.wantUserDeleted(t)
}

func TestARecordingIsNeverOverwrittenUnasked(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "taken")
	into := func(force bool) func(*config) { return func(c *config) { c.dir, c.force = dir, force } }
	first := recordSim(t.Context(), t, plantedSim(t), into(false))
	first.wantWritten(t, exitGood)
	before := first.read(t, indexName)

	sim := plantedSim(t)
	again := recordSim(t.Context(), t, sim, into(false))
	if again.code != exitNothing || again.err == nil || len(sim.Requests()) != 0 {
		t.Errorf("got status %d, %v, after %d requests; want a refusal before the first", again.code, again.err, len(sim.Requests()))
	}
	if !bytes.Equal(before, first.read(t, indexName)) {
		t.Error("the recording was changed")
	}

	stale := filepath.Join(dir, "access_get_stale_200.json")
	if err := os.WriteFile(stale, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	recordSim(t.Context(), t, plantedSim(t), into(true)).wantWritten(t, exitGood)
	if _, err := os.Stat(stale); err == nil {
		t.Error("a file of the earlier recording is still there")
	}
}

func TestAFolderWithSomethingElseIsNeverReplaced(t *testing.T) {
	t.Parallel()
	for name, files := range map[string][]string{"no recording": {"a.json"}, "another index": {indexName}, "a foreign file": {indexName, "notes.txt"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, file := range files {
				text := "mine"
				if file == indexName && len(files) > 1 {
					text = indexTitle
				}
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			r := recordSim(t.Context(), t, plantedSim(t), func(c *config) { c.dir, c.force = dir, true })
			if r.code != exitNothing || r.err == nil {
				t.Errorf("got status %d and error %v, want a refusal", r.code, r.err)
			}
		})
	}
}

func TestWithoutAPersonThereIsNoBankData(t *testing.T) {
	t.Parallel()
	r := recordSim(t.Context(), t, plantedSim(t), func(c *config) { c.wait = 0 })
	r.wantWritten(t, exitGood)
	r.wantUserDeleted(t)
	files := r.files(t)
	if files["access_get_accounts_id_200.json"] != "" || files["webform_post_web_forms_id_cancel_200.json"] == "" {
		t.Error("want a cancelled form and no account")
	}
}

func TestTheCommand(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		code int
		want string
	}{
		"the simulator needs no account":  {nil, nil, exitGood, "differences from the contract"},
		"help":                            {[]string{"-h"}, nil, exitGood, "-wait"},
		"the live environment is refused": {nil, map[string]string{"FINAPI_CLIENT_ID": "a", "FINAPI_CLIENT_SECRET": "b", "FINAPI_ENV": "live"}, exitNothing, "FINAPI_ENV must be sandbox"},
		"half of the credentials":         {nil, map[string]string{"FINAPI_CLIENT_ID": "a"}, exitNothing, "belong together"},
		"an unknown flag":                 {[]string{"-live"}, nil, exitNothing, "not defined"},
		"an argument":                     {[]string{"now"}, nil, exitNothing, "unexpected argument"},
		"a contract that is not there":    {[]string{"-contract", "nowhere"}, nil, exitNothing, "finapi-access-v2.yaml"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			args := append([]string{"-out", filepath.Join(t.TempDir(), "out")}, c.args...)
			code := run(t.Context(), args, func(key string) string { return c.env[key] }, &out)
			if code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("got status %d and:\n%s\nwant status %d and %q", code, out.String(), c.code, c.want)
			}
		})
	}
}

func TestTheSandboxIsTheOnlyPlaceThatCredentialsGoTo(t *testing.T) {
	t.Parallel()
	env := map[string]string{"FINAPI_CLIENT_ID": "id", "FINAPI_CLIENT_SECRET": "secret"}
	target, err := newTarget(func(key string) string { return env[key] }, &config{})
	if err != nil {
		t.Fatal(err)
	}
	defer target.close()
	if target.simulated || target.access != "https://sandbox.finapi.io" || target.webForm != "https://webform-sandbox.finapi.io" {
		t.Errorf("got %s and %s", target.access, target.webForm)
	}
}
