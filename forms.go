package finapi

import (
	"cmp"
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// Forms manages the consent forms that were opened for a user. [User.StartConsent]
// and [User.Refresh] open them; most programs need no more.
type Forms struct{ user *User }

// Forms opens the user's consent forms. It sends nothing.
func (u *User) Forms() Forms { return Forms{u} }

// List iterates over the user's forms, the newest first. It hands out none twice,
// but can miss some if others are deleted while it reads. [Consent.URL] is "" if it is
// not on a host of finAPI's. Pages that bring nothing new, again and again, end it with a
// [CodeIncomplete]. The iterator yields an error once and ends.
func (f Forms) List(ctx context.Context) iter.Seq2[Consent, error] {
	l := newestFirst[Consent]{
		endpoint: epConsents,
		id:       func(c *Consent) string { return string(c.ID) },
		fetch: func(ctx context.Context, query url.Values) ([]Consent, *paging, error) {
			var answer formPage
			err := f.user.do(ctx, call{endpoint: epConsents, query: query, into: &answer})
			forms := unwrap(answer.Items, consentAnswer.value)
			for i := range forms {
				forms[i].URL = f.user.client.ownFormURL(epConsents, forms[i].URL)
			}
			return forms, answer.Paging, err
		},
	}
	return l.each(ctx)
}

// Cancel ends a form before the customer does, and returns it. If the customer
// has already connected the bank on one interface, the form counts as completed.
// finAPI refuses a form that has ended, and an unknown one with [CodeNotFound]. The
// call is never repeated by itself.
func (f Forms) Cancel(ctx context.Context, id ConsentID) (Consent, error) {
	if !formIDPattern.MatchString(string(id)) {
		return Consent{}, errFormID()
	}
	var answer consentAnswer
	err := f.user.do(ctx, call{endpoint: epCancelConsent, ids: []string{string(id)}, into: &answer})
	consent := answer.Consent
	consent.URL = f.user.client.ownFormURL(epCancelConsent, consent.URL)
	return consent, err
}

// Delete deletes what finAPI keeps of a form. The connection that came of it
// stays. An unknown form is refused with [CodeNotFound]. The call is never repeated by
// itself.
func (f Forms) Delete(ctx context.Context, id ConsentID) error {
	if !formIDPattern.MatchString(string(id)) {
		return errFormID()
	}
	return f.user.do(ctx, call{endpoint: epDeleteForm, ids: []string{string(id)}})
}

func errFormID() error {
	return invalid("ConsentID", "must be the 36 characters that finAPI gave")
}

func (a consentAnswer) value() Consent { return a.Consent }

type formPage struct {
	Items  []consentAnswer `json:"items"`
	Paging *paging         `json:"paging"`
}

func (p *formPage) check() error {
	return cmp.Or(p.Paging.check(), require(requirement{"items", p.Items != nil}))
}

// TaskID identifies an update that was asked for: 36 characters.
type TaskID string

// Task is an update that [User.Refresh] has asked for.
type Task struct {
	ID TaskID
	// Created is when it was asked for.
	Created time.Time
	// Status changes until [Task.Done].
	Status TaskStatus
	// Connection is what is updated.
	Connection ConnectionID
	// Consent and URL are the form that the bank wanted, also after it has ended; ""
	// if none was wanted. URL is "" as well if it is not on a host of finAPI's.
	Consent ConsentID
	URL     string
	// ErrorCode and ErrorMessage say why it failed; "" if it did not, or if finAPI
	// gave no reason. The message may quote personal data.
	ErrorCode    Code
	ErrorMessage string
}

// TaskStatus is the state of an update. The set is open.
type TaskStatus string

// The states of an update. All but the first two are final. TaskFormRequired stays
// after the customer has gone through the form, too: follow [Task.Consent] then.
const (
	TaskNotStarted   TaskStatus = "NOT_YET_STARTED"
	TaskInProgress   TaskStatus = "IN_PROGRESS"
	TaskFormRequired TaskStatus = "WEB_FORM_REQUIRED"
	TaskCompleted    TaskStatus = "COMPLETED"
	TaskFailed       TaskStatus = "COMPLETED_WITH_ERROR"
)

// Done reports whether the update has ended, well or badly. A status that this
// version does not know counts as still going on.
func (t *Task) Done() bool {
	return t.Status == TaskFormRequired || t.Status == TaskCompleted || t.Status == TaskFailed
}

// Tasks lists the updates of a user's connections.
type Tasks struct{ user *User }

// Tasks opens the user's updates. It sends nothing.
func (u *User) Tasks() Tasks { return Tasks{u} }

// List iterates over the user's updates, the newest first. It hands out none twice.
// Pages that bring nothing new, again and again, end it with a [CodeIncomplete]. The iterator yields an error once and ends.
func (t Tasks) List(ctx context.Context) iter.Seq2[Task, error] {
	l := newestFirst[Task]{
		endpoint: epTasks,
		id:       func(t *Task) string { return string(t.ID) },
		fetch: func(ctx context.Context, query url.Values) ([]Task, *paging, error) {
			var answer taskPage
			err := t.user.do(ctx, call{endpoint: epTasks, query: query, into: &answer})
			tasks := answer.tasks()
			for i := range tasks {
				tasks[i].URL = t.user.client.ownFormURL(epTasks, tasks[i].URL)
			}
			return tasks, answer.Paging, err
		},
	}
	return l.each(ctx)
}

// Get returns one update. An unknown id is refused with [CodeNotFound].
func (t Tasks) Get(ctx context.Context, id TaskID) (Task, error) {
	if !formIDPattern.MatchString(string(id)) {
		return Task{}, invalid("TaskID", "must be the 36 characters that finAPI gave")
	}
	task, err := t.user.task(ctx, id)
	task.URL = t.user.client.ownFormURL(epTask, task.URL)
	return task, err
}

// task reads an update with whatever URL finAPI gives.
func (u *User) task(ctx context.Context, id TaskID) (Task, error) {
	var answer taskAnswer
	err := u.do(ctx, call{endpoint: epTask, ids: []string{string(id)}, into: &answer})
	return answer.value(), err
}

// ownFormURL drops the URL of a form that is not finAPI's, so that it cannot be
// handed to a customer by mistake.
func (c *Client) ownFormURL(id endpointID, form string) string {
	if form == "" || c.checkFormURL(id, form) != nil {
		return ""
	}
	return form
}

type taskPage struct {
	Items  []taskAnswer `json:"items"`
	Paging *paging      `json:"paging"`
}

func (p *taskPage) check() error {
	err := cmp.Or(p.Paging.check(), require(requirement{"items", p.Items != nil}))
	for i := range p.Items {
		err = cmp.Or(err, p.Items[i].check())
	}
	return err
}

func (p *taskPage) tasks() []Task {
	tasks := make([]Task, len(p.Items))
	for i := range p.Items {
		tasks[i] = p.Items[i].value()
	}
	return tasks
}

type taskAnswer struct {
	ID      TaskID     `json:"id"`
	Created instant    `json:"createdAt"`
	Status  TaskStatus `json:"status"`
	Payload struct {
		Connection ConnectionID `json:"bankConnectionId"`
		Form       struct {
			ID  ConsentID `json:"id"`
			URL string    `json:"url"`
		} `json:"webForm"`
		ErrorCode    Code   `json:"errorCode"`
		ErrorMessage string `json:"errorMessage"`
	} `json:"payload"`
}

func (a *taskAnswer) check() error {
	return require(
		requirement{"id", formIDPattern.MatchString(string(a.ID))}, requirement{"status", a.Status != ""},
	)
}

func (a *taskAnswer) value() Task {
	return Task{
		ID: a.ID, Created: a.Created.Time, Status: a.Status, Connection: a.Payload.Connection,
		Consent: a.Payload.Form.ID, URL: a.Payload.Form.URL,
		ErrorCode: a.Payload.ErrorCode.clean(), ErrorMessage: a.Payload.ErrorMessage,
	}
}

// listPage is how many rows a page of Web Form's listings has.
const listPage = 100

// newestFirst is one of Web Form's listings. They are short, and their ids are no
// numbers, so they are read page by page. What comes meanwhile comes at the front:
// it shifts rows to the next page, where they are known already.
type newestFirst[T any] struct {
	fetch func(context.Context, url.Values) ([]T, *paging, error)
	id    func(*T) string
	// endpoint names the listing in errors.
	endpoint endpointID
}

// maxRepeatedPages is how many pages without a new row are followed. Even one takes a
// hundred rows that came between two requests; a wrong page count must not keep the walk
// going.
const maxRepeatedPages = 10

func (l newestFirst[T]) each(ctx context.Context) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		known, repeated := map[string]bool{}, 0
		for number := 1; ; number++ {
			rows, info, err := l.fetch(ctx, url.Values{
				"order": {"createdAt,desc"}, "page": {strconv.Itoa(number)}, "perPage": {strconv.Itoa(listPage)},
			})
			if err == nil && repeated == maxRepeatedPages {
				err = l.endless()
			}
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			before := len(known)
			if !l.handOut(rows, known, yield) || number >= *info.PageCount || len(rows) == 0 {
				return
			}
			repeated++
			if len(known) > before {
				repeated = 0
			}
		}
	}
}

func (l newestFirst[T]) endless() error {
	return &Error{
		Code: CodeIncomplete, Actor: ActorFinAPI, Endpoint: endpoints[l.endpoint].String(),
		Message: "the pages brought the same rows, again and again",
	}
}

// handOut yields the rows that are not known, until the caller stops.
func (l newestFirst[T]) handOut(rows []T, known map[string]bool, yield func(T, error) bool) bool {
	for i := range rows {
		id := l.id(&rows[i])
		if known[id] {
			continue
		}
		known[id] = true
		if !yield(rows[i], nil) {
			return false
		}
	}
	return true
}
