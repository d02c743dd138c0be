package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/finapi-go/finapi"
)

const (
	formsRoute      = "GET /api/webForms"
	tasksRoute      = "GET /api/tasks"
	cancelRoute     = "POST /api/webForms/" + formID + "/cancel"
	otherFormID     = "2f9a4f3e-61b8-4f67-8d55-03b0e9c7a211"
	otherTaskID     = "a4c0d3be-5f3b-47d0-b1b8-2f0d3d2c6e17"
	foreignFormHost = "https://evil.example"
)

func theForms() []finapi.Consent {
	created, expires := instant("2026-11-20T08:36:15Z"), instant("2026-11-20T08:56:15Z")
	return []finapi.Consent{
		{ID: formID, URL: webForms + "/wf/" + formID, Created: created, Expires: expires, Status: finapi.ConsentCompleted, Connection: 3540249},
		{ID: otherFormID, URL: webForms + "/wf/" + otherFormID, Created: created, Expires: expires, Status: finapi.ConsentNotOpened, Renewal: true},
	}
}

func theTasks() []finapi.Task {
	return []finapi.Task{
		{ID: taskID, Created: instant("2026-11-20T05:00:02.417Z"), Status: finapi.TaskCompleted, Connection: 3540249},
		{
			ID: otherTaskID, Created: instant("2026-11-20T11:00:01.002Z"), Status: finapi.TaskFormRequired, Connection: 3540249,
			Consent: otherFormID, URL: webForms + "/wf/" + otherFormID,
		},
	}
}

func TestAllFormsAndTasksAreRead(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(formsRoute, fixtureReply(t, "web_forms_page.json"))
	server.on(tasksRoute, fixtureReply(t, "tasks_page.json"))
	user := server.user()
	same(t, theForms(), allRows(t, user.Forms().List(t.Context())))
	same(t, theTasks(), allRows(t, user.Tasks().List(t.Context())))
	want := map[string][]string{"order": {"createdAt,desc"}, "page": {"1"}, "perPage": {"100"}}
	same(t, want, server.sentQuery(formsRoute))
	same(t, want, server.sentQuery(tasksRoute))
}

func TestAListingWhosePagesBringNothingNewEnds(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	endless := strings.NewReplacer(`"pageCount": 1`, `"pageCount": 2147483647`)
	server.always(formsRoute, reply{body: endless.Replace(fixture(t, "web_forms_page.json"))})
	server.always(tasksRoute, reply{body: endless.Replace(fixture(t, "tasks_page.json"))})
	user := server.user()
	forms, err := finapi.Collect(user.Forms().List(t.Context()))
	mustFail(t, err, finapi.CodeIncomplete)
	same(t, theForms(), forms)
	tasks, err := finapi.Collect(user.Tasks().List(t.Context()))
	mustFail(t, err, finapi.CodeIncomplete)
	same(t, theTasks(), tasks)
	server.wantCalls(formsRoute, 12)
	server.wantCalls(tasksRoute, 12)
}

func TestEveryTaskOfTheFixturesIsRead(t *testing.T) {
	t.Parallel()
	made := finapi.Task{ID: taskID, Created: instant("2026-11-20T05:00:02.417Z"), Connection: 3540249}
	cases := map[string]struct {
		want finapi.Task
		done bool
	}{
		"task_created.json":     {finapi.Task{Status: finapi.TaskNotStarted}, false},
		"task_in_progress.json": {finapi.Task{Status: finapi.TaskInProgress}, false},
		"task_completed.json":   {finapi.Task{Status: finapi.TaskCompleted}, true},
		"task_completed_after_web_form.json": {finapi.Task{
			Status: finapi.TaskCompleted, Consent: otherFormID, URL: webForms + "/wf/" + otherFormID,
		}, true},
		"task_web_form_required.json": {finapi.Task{
			Status: finapi.TaskFormRequired, Consent: otherFormID, URL: webForms + "/wf/" + otherFormID,
		}, true},
		"task_completed_with_error.json": {finapi.Task{
			Status: finapi.TaskFailed, ErrorCode: finapi.CodeBankServerRejection,
			ErrorMessage: "Der Zugang zu Ihrem Konto ist derzeit gesperrt.",
		}, true},
		"task_completed_with_error_internal.json": {finapi.Task{Status: finapi.TaskFailed, ErrorCode: finapi.CodeInternalError}, true},
	}
	for name, tt := range cases {
		server := newStub(t)
		server.on(taskRoute, fixtureReply(t, name))
		got, err := server.user().Tasks().Get(t.Context(), taskID)
		must(t, err)
		want := tt.want
		want.ID, want.Created, want.Connection = made.ID, made.Created, made.Connection
		same(t, want, got)
		same(t, tt.done, got.Done())
	}
}

func TestATaskOfAnotherUserIsNotFound(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(taskRoute, reply{status: 404, body: fixture(t, "web_form_error_404.json")})
	got, err := server.user().Tasks().Get(t.Context(), taskID)
	mustFail(t, err, finapi.CodeNotFound)
	same(t, finapi.Task{}, got)
}

func TestACancelledFormIsReturned(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(cancelRoute, fixtureReply(t, "web_form_cancelled.json"))
	got, err := server.user().Forms().Cancel(t.Context(), formID)
	must(t, err)
	same(t, finapi.ConsentCancelled, got.Status)
	same(t, true, got.Done())
	mustFail(t, got.Err(), finapi.CodeConsentCancelled)
}

func TestAURLOnAForeignHostIsLeftOutWhereverFormsAreRead(t *testing.T) {
	t.Parallel()
	foreign := func(name string) reply {
		return reply{body: strings.ReplaceAll(fixture(t, name), webForms, foreignFormHost)}
	}
	server := newStub(t)
	server.on(formsRoute, foreign("web_forms_page.json"))
	server.on(tasksRoute, foreign("tasks_page.json"))
	server.on(taskRoute, foreign("task_web_form_required.json"))
	server.on(cancelRoute, foreign("web_form_cancelled.json"))
	user := server.user()
	forms := allRows(t, user.Forms().List(t.Context()))
	cancelled, err := user.Forms().Cancel(t.Context(), formID)
	must(t, err)
	tasks := allRows(t, user.Tasks().List(t.Context()))
	task, err := user.Tasks().Get(t.Context(), taskID)
	must(t, err)
	same(t, []int{2, 2}, []int{len(forms), len(tasks)})
	for _, form := range append(forms, cancelled) {
		same(t, "", form.URL)
	}
	for _, task := range append(tasks, task) {
		same(t, "", task.URL)
	}
}

// tasksOf is a page of tasks whose ids end in the given numbers.
func tasksOf(page, pages int, ids ...int) reply {
	rows := make([]string, len(ids))
	for i, id := range ids {
		rows[i] = fmt.Sprintf(`{"id":%q,"createdAt":"2026-11-20T05:00:02.417+0000","type":"BANK_CONNECTION_UPDATE","status":"COMPLETED",`+
			`"payload":{"bankConnectionId":1}}`, numbered(id))
	}
	return reply{body: fmt.Sprintf(`{"items":[%s],"paging":{"page":%d,"perPage":2,"pageCount":%d,"totalCount":9}}`,
		strings.Join(rows, ","), page, pages)}
}

func numbered(id int) finapi.TaskID {
	return finapi.TaskID(fmt.Sprintf("00000000-0000-0000-0000-%012d", id))
}

func TestATaskThatComesWhileTheListIsReadDoublesNoOther(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(tasksRoute, tasksOf(1, 2, 4, 3), tasksOf(2, 3, 3, 2), tasksOf(3, 3, 1))
	var ids []finapi.TaskID
	for task, err := range server.user().Tasks().List(t.Context()) {
		must(t, err)
		ids = append(ids, task.ID)
	}
	same(t, []finapi.TaskID{numbered(4), numbered(3), numbered(2), numbered(1)}, ids)
	for i, want := range []string{"1", "2", "3"} {
		same(t, want, server.asked(tasksRoute)[i].query.Get("page"))
	}
}

func TestAListOfTasksEndsWhereItsReaderOrItsPagesDo(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	server.on(tasksRoute, tasksOf(1, 2, 4, 3))
	for range server.user().Tasks().List(t.Context()) {
		break
	}
	server.wantCalls(tasksRoute, 1)
	server = newStub(t)
	server.on(tasksRoute, tasksOf(1, 1000)) // a page count that is wrong
	same(t, 0, len(allRows(t, server.user().Tasks().List(t.Context()))))
	server.wantCalls(tasksRoute, 1)
}

func TestAnErrorBetweenThePagesOfTasksComesOnceAndEndsThem(t *testing.T) {
	t.Parallel()
	server := newStub(t)
	ctx, cancel := context.WithCancel(t.Context())
	server.handle(tasksRoute, func(*request) reply {
		cancel()
		return tasksOf(1, 2, 2, 1)
	})
	tasks, err := finapi.Collect(server.user().Tasks().List(ctx))
	if len(tasks) != 2 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d tasks and error %v", len(tasks), err)
	}
}

func TestATaskOfAListWithoutAnIDOrAStatusIsRefused(t *testing.T) {
	t.Parallel()
	for _, row := range []string{`{"id":"x","status":"COMPLETED"}`, `{"id":"` + taskID + `"}`} {
		server := newStub(t)
		server.on(tasksRoute, reply{body: `{"items":[` + row + `],` + onePage + `}`})
		mustFail(t, drained(server.user().Tasks().List(t.Context())), finapi.CodeUnreadable)
	}
}
