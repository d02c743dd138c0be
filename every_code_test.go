package finapi_test

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/finapi-go/finapi"
)

// codesIn returns the words of a list in finAPI's contract: the values below a
// line, up to the next line that is indented less.
func codesIn(t *testing.T, file, list string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "contract", file))
	must(t, err)
	found := regexp.MustCompile(list + `\n((?: +- [A-Z_]+\n)+)`).FindSubmatch(data)
	if found == nil {
		t.Fatalf("%s holds no list %q", file, list)
	}
	return regexp.MustCompile(`[A-Z_]{2,}`).FindAllString(string(found[1]), -1)
}

func TestEveryCodeOfAccessIsReadFromItsFixture(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/v2/accounts", reply{status: 422, body: fixture(t, "error_422_every_code.json")})
	_, err := server.user().Accounts(t.Context(), finapi.AccountQuery{})
	var e *finapi.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %v, want an *Error", err)
	}
	var got []string
	for _, detail := range e.Details {
		got = append(got, string(detail.Code))
	}
	same(t, codesIn(t, "finapi-access-v2.yaml", `    ErrorCode:\n      type: string\n(?:      [^\n]*\n)*?      enum:`), got)
}

func TestEveryCodeOfAFormAndOfATaskIsReadFromItsFixture(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on("GET /api/webForms", reply{body: fixture(t, "web_forms_page_every_error_code.json")})
	server.on("GET /api/tasks", reply{body: fixture(t, "tasks_page_every_error_code.json")})
	forms, err := finapi.Collect(server.user().Forms().List(t.Context()))
	must(t, err)
	for _, form := range forms {
		refusal := failure(t, form.Err(), form.ErrorCode)
		if refusal.Remedy(finapi.German) == "" {
			t.Errorf("%s has no remedy", form.ErrorCode)
		}
	}
	tasks, err := finapi.Collect(server.user().Tasks().List(t.Context()))
	must(t, err)
	if len(forms) != 11 || len(tasks) != 5 {
		t.Errorf("%d codes of forms and %d of tasks, want 11 and 5", len(forms), len(tasks))
	}
	for _, task := range tasks {
		if task.ErrorCode == "" || !task.Done() {
			t.Errorf("got the task %+v", task)
		}
	}
}

func TestEveryCodeOfWebFormIsReadFromItsFixture(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/fixtures/web_form_error_*.json")
	must(t, err)
	var got []string
	for _, file := range files {
		server := newStub(t)
		server.on("POST /api/webForms/bankConnectionImport", reply{status: 422, body: fixture(t, filepath.Base(file))})
		_, err := server.user().StartConsent(t.Context(), finapi.ConsentRequest{})
		var e *finapi.Error
		if !errors.As(err, &e) {
			t.Fatalf("%s: got %v, want an *Error", file, err)
		}
		if len(e.Details) == 0 { // the answer to a bad request names fields, not codes
			got = append(got, string(e.Code))
		}
	}
	want := codesIn(t, "finapi-webform-2.yaml", `(?s)    Error:\n.*?code:\n          type: string\n          enum:`)
	slices.Sort(want)
	slices.Sort(got)
	same(t, want, slices.Compact(got))
}
