package finapitest

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Statuses of a web form. All but the first two are final.
const (
	formNotOpened = "NOT_YET_OPENED"
	formOpen      = "IN_PROGRESS"
	formCompleted = "COMPLETED"
	formFailed    = "COMPLETED_WITH_ERROR"
	formExpired   = "EXPIRED"
	formAborted   = "ABORTED"
	formCancelled = "CANCELLED"
)

// formLife is how long a form can be used after its creation.
const formLife = 20 * time.Minute

// webForm is a form on which the customer gives a consent: for an import or,
// when task is set, for an update.
type webForm struct {
	id           string
	owner        *user
	token        *token // the token that created it; it must outlive the form
	created      time.Time
	status       string
	bank         *Bank // nil until the customer has chosen one
	request      importRequest
	task         *task
	interfaces   []string // that an update needs the customer for
	connectionID int64
	errorCode    string
	errorMessage string
	progress     progress
}

type webFormBody struct {
	ID        string         `json:"id"`
	URL       string         `json:"url"`
	CreatedAt string         `json:"createdAt"`
	ExpiresAt string         `json:"expiresAt"`
	Type      string         `json:"type"`
	Status    string         `json:"status"`
	Payload   webFormPayload `json:"payload"`
}

// webFormPayload leaves absent values out, as a captured answer does.
type webFormPayload struct {
	BankConnectionID int64  `json:"bankConnectionId,omitempty"`
	ErrorCode        string `json:"errorCode,omitempty"`
	ErrorMessage     string `json:"errorMessage,omitempty"`
}

type webFormInfo struct {
	ID     string `json:"id"`
	URL    string `json:"url"`
	Status string `json:"status"`
}

func (f *webForm) expires() time.Time { return f.created.Add(formLife) }
func (f *webForm) final() bool        { return f.status != formNotOpened && f.status != formOpen }
func (s *Server) formURL(f *webForm) string {
	return s.formBase + "/wf/" + f.id
}

func (s *Server) formInfo(f *webForm) *webFormInfo {
	return &webFormInfo{ID: f.id, URL: s.formURL(f), Status: f.status}
}

func (s *Server) formBody(f *webForm) webFormBody {
	body := webFormBody{
		ID: f.id, URL: s.formURL(f), CreatedAt: webFormStamp(f.created), ExpiresAt: webFormStamp(f.expires()),
		Type: "BANK_CONNECTION_IMPORT", Status: f.status,
		Payload: webFormPayload{ErrorCode: f.errorCode, ErrorMessage: f.errorMessage},
	}
	if f.task != nil {
		body.Type = "BANK_CONNECTION_UPDATE"
	}
	if f.final() {
		body.Payload.BankConnectionID = f.connectionID
	}
	return body
}

// createImportForm is POST /api/webForms/bankConnectionImport.
func (s *Server) createImportForm(c *call) (answer, error) {
	var body importRequest
	if err := c.decode(&body, body.nullable()...); err != nil {
		return answer{}, err
	}
	if err := body.verify(); err != nil {
		return answer{}, err
	}
	bank, err := s.bankOf(&body)
	if err != nil {
		return answer{}, err
	}
	f := &webForm{owner: c.user(), token: c.token, bank: bank, request: body}
	s.openForm(f, c.now)
	return created(s.formBody(f)), nil
}

// openForm puts a new form into the store and sees to its end.
func (s *Server) openForm(f *webForm, now time.Time) {
	f.id, f.created, f.status = newUUID(), now, formNotOpened
	s.forms = append(s.forms, f)
	s.clock.schedule(f.expires(), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !f.final() {
			s.connectAuthorised(f, now)
			s.endForm(f, formExpired)
		}
	})
}

// endForm gives a form its final status and tells whoever asked for it. With
// the form of a task, that is the task's callback (guess: the documentation
// shows one with a finished form in it).
func (s *Server) endForm(f *webForm, status string) {
	f.status = status
	if f.task != nil {
		s.tellTask(f.task, f.task.callbacks.finalised)
		return
	}
	s.callbacks.send(f.request.callback(), formCallback{f.id, f.status})
}

type formCallback struct {
	WebFormID string `json:"webFormId"`
	Status    string `json:"status"`
}

// breakOff ends a form that the customer cannot finish. What was authorised
// before stays authorised.
func (s *Server) breakOff(f *webForm, code, message string, now time.Time) {
	s.connectAuthorised(f, now)
	s.failForm(f, code, message)
}

// failForm ends a form with an error.
func (s *Server) failForm(f *webForm, code, message string) {
	f.errorCode, f.errorMessage = code, message
	s.endForm(f, formFailed)
}

// form returns the form with the given id, or nil.
func (s *Server) form(id string) *webForm {
	for _, f := range s.forms {
		if f.id == id {
			return f
		}
	}
	return nil
}

func (s *Server) ownForm(c *call) (*webForm, error) {
	if f := s.form(c.r.PathValue("id")); f != nil && f.owner == c.user() {
		return f, nil
	}
	return nil, notFound("Web form")
}

func (s *Server) getForm(c *call) (answer, error) {
	f, err := s.ownForm(c)
	if err != nil {
		return answer{}, err
	}
	return ok(s.formBody(f)), nil
}

// cancelForm is POST /api/webForms/{id}/cancel. No callback follows.
func (s *Server) cancelForm(c *call) (answer, error) {
	f, err := s.ownForm(c)
	if err != nil {
		return answer{}, err
	}
	if f.final() {
		// guess: what finAPI says about a form that has ended.
		return answer{}, unprocessable("NOT_ALLOWED", "Das Web Form ist bereits beendet.", "The web form has ended already.")
	}
	f.status = formCancelled
	if s.connectAuthorised(f, c.now) {
		f.status = formCompleted
	}
	return ok(s.formBody(f)), nil
}

func (s *Server) deleteForm(c *call) (answer, error) {
	f, err := s.ownForm(c)
	if err != nil {
		return answer{}, err
	}
	s.forms = slices.DeleteFunc(s.forms, func(x *webForm) bool { return x == f })
	if !f.final() {
		f.status = formCancelled // the clock must not end it again
	}
	return empty(), nil
}

type formList struct {
	Items  []webFormBody `json:"items"`
	Paging paging        `json:"paging"`
}

func (s *Server) listForms(c *call) (answer, error) {
	var owned []*webForm
	for _, f := range s.forms {
		if f.owner == c.user() {
			owned = append(owned, f)
		}
	}
	page, p, err := newestOrOldest(c.query, owned)
	if err != nil {
		return answer{}, err
	}
	list := formList{Items: []webFormBody{}, Paging: p}
	for _, f := range page {
		list.Items = append(list.Items, s.formBody(f))
	}
	return ok(list), nil
}

// createdParams are those of the Web Form host's lists.
func createdParams() params { return paged(params{}, "createdAt") }

// newestOrOldest cuts a page out of a list that is kept by creation.
func newestOrOldest[T any](q query, all []T) ([]T, paging, error) {
	p := paging{Page: max(q.int("page", 1), 1), PerPage: q.int("perPage", defaultPerPage), TotalCount: len(all)}
	if p.PerPage == 0 {
		p.PerPage = defaultPerPage // guess: the contract allows 0 without saying what it means
	}
	if p.PerPage < 0 || p.PerPage > maxPerPage {
		return nil, p, fieldProblem("perPage", "must be between 0 and 500") // guess: finAPI may cut instead
	}
	p.PageCount = (p.TotalCount + p.PerPage - 1) / p.PerPage
	if strings.HasSuffix(q.text("order"), ",desc") {
		all = slices.Clone(all)
		slices.Reverse(all)
	}
	return cut(all, p), p, nil
}

// serveWebForm is the Web Form host: its API and the pages for the customer.
func (s *Server) serveWebForm() http.Handler {
	h := host{server: s, admit: admitWebForm, body: (*refusal).webFormBody}
	s.webFormMux = h.mux(webFormRoutes())
	s.addFormPages(s.webFormMux)
	s.addBankPages(s.webFormMux)
	return s.dated(logTraffic("webform", s.log.watch, h.injecting(s.webFormMux)))
}

func admitWebForm(s *Server, _ *call) error {
	if !s.settings.WebForm {
		return forbidden("Access Denied", "Access Denied")
	}
	return nil
}

func webFormRoutes() []route {
	none := params{}
	return []route{
		{method: "POST", path: "/api/webForms/bankConnectionImport", token: tokenUser, params: none, handle: (*Server).createImportForm},
		{method: "GET", path: "/api/webForms", token: tokenUser, params: createdParams(), handle: (*Server).listForms},
		{method: "GET", path: "/api/webForms/{id}", token: tokenUser, params: none, handle: (*Server).getForm},
		{method: "DELETE", path: "/api/webForms/{id}", token: tokenUser, params: none, handle: (*Server).deleteForm},
		{method: "POST", path: "/api/webForms/{id}/cancel", token: tokenUser, params: none, handle: (*Server).cancelForm},
		{method: "POST", path: "/api/tasks/backgroundUpdate", token: tokenUser, params: none, handle: (*Server).createUpdateTask},
		{method: "GET", path: "/api/tasks", token: tokenUser, params: createdParams(), handle: (*Server).listTasks},
		{method: "GET", path: "/api/tasks/{id}", token: tokenUser, params: none, handle: (*Server).getTask},
	}
}
