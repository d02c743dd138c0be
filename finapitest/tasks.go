package finapitest

import (
	"encoding/json"
	"slices"
	"time"
)

// Statuses of a task. The last three are final.
const (
	taskWaiting   = "NOT_YET_STARTED"
	taskRunning   = "IN_PROGRESS"
	taskNeedsForm = "WEB_FORM_REQUIRED"
	taskCompleted = "COMPLETED"
	taskFailed    = "COMPLETED_WITH_ERROR"
)

// task is a background update of a connection.
type task struct {
	id           string
	owner        *user
	token        *token
	created      time.Time
	status       string
	connection   *connection
	request      updateRequest
	callbacks    taskAddresses
	form         *webForm
	errorCode    string
	errorMessage string
}

type taskAddresses struct{ finalised, formRequired string }

type taskBody struct {
	ID        string      `json:"id"`
	CreatedAt string      `json:"createdAt"`
	Type      string      `json:"type"`
	Status    string      `json:"status"`
	Payload   taskPayload `json:"payload"`
}

type taskPayload struct {
	BankConnectionID int64        `json:"bankConnectionId"`
	WebForm          *webFormInfo `json:"webForm"`
	ErrorCode        *string      `json:"errorCode"`
	ErrorMessage     *string      `json:"errorMessage,omitempty"`
}

// updateRequest is the body of POST /api/tasks/backgroundUpdate.
type updateRequest struct {
	BankConnectionID    *int64          `json:"bankConnectionId"`
	ImportNewAccounts   *bool           `json:"importNewAccounts"`
	NewAccountsMode     json.RawMessage `json:"importNewAccountsMode"` // null differs from absent
	ManageSavedSettings []string        `json:"manageSavedSettings"`
	Callbacks           *struct {
		Finalised       *string `json:"finalised"`
		WebFormRequired *string `json:"webFormRequired"`
	} `json:"callbacks"`
	UserMetadata *userMetadata `json:"userMetadata"`
	downloadRequest
}

// nullable are the paths of the fields that may be null.
func (r *updateRequest) nullable() []string {
	return append(r.downloadRequest.nullable(),
		"importNewAccounts", "importNewAccountsMode", "manageSavedSettings", "callbacks", "callbacks.finalised", "callbacks.webFormRequired", "userMetadata",
	)
}

// userMetadata tells the bank that the customer is present.
type userMetadata struct {
	IPAddress *string `json:"ipAddress"`
	DeviceOS  *string `json:"deviceOs"`
	UserAgent *string `json:"userAgent"`
}

func (m *userMetadata) verify() error {
	switch {
	case m == nil:
		return nil
	case m.IPAddress == nil || len(*m.IPAddress) > 64:
		return fieldProblem("userMetadata.ipAddress", "must be given, with at most 64 characters")
	case m.DeviceOS == nil || len(*m.DeviceOS) > 1024:
		return fieldProblem("userMetadata.deviceOs", "must be given, with at most 1024 characters")
	case m.UserAgent == nil || len(*m.UserAgent) > 1024:
		return fieldProblem("userMetadata.userAgent", "must be given, with at most 1024 characters")
	}
	return nil
}

func (r *updateRequest) addresses() taskAddresses {
	if r.Callbacks == nil {
		return taskAddresses{}
	}
	return taskAddresses{orElse(r.Callbacks.Finalised, ""), orElse(r.Callbacks.WebFormRequired, "")}
}

func (r *updateRequest) verify() error {
	if r.BankConnectionID == nil {
		return fieldProblem("bankConnectionId", "must not be null")
	}
	if !slices.Contains([]string{`"SKIP"`, `"CONDITIONAL"`, `"FORCED"`, `null`}, string(r.NewAccountsMode)) {
		return fieldProblem("importNewAccountsMode", "must be SKIP, CONDITIONAL or FORCED")
	}
	for _, m := range r.ManageSavedSettings {
		if m != "CREDENTIALS" && m != "DEFAULT_TWO_STEP_PROCEDURE" {
			return fieldProblem("manageSavedSettings", "unknown value "+m)
		}
	}
	if err := verifyCallback("callbacks.finalised", r.addresses().finalised); err != nil {
		return err
	}
	if err := verifyCallback("callbacks.webFormRequired", r.addresses().formRequired); err != nil {
		return err
	}
	if err := r.UserMetadata.verify(); err != nil {
		return err
	}
	return r.downloadRequest.verify()
}

// conditional reports whether accounts that are not imported yet are to be added
// if the consent allows it, forced whether in any case.
func (r *updateRequest) conditional() bool {
	mode := string(r.NewAccountsMode)
	return mode == `"CONDITIONAL"` || (mode == "null" && orElse(r.ImportNewAccounts, false))
}

func (r *updateRequest) forced() bool { return string(r.NewAccountsMode) == `"FORCED"` }

// createUpdateTask is POST /api/tasks/backgroundUpdate. The connection is busy
// from here on.
func (s *Server) createUpdateTask(c *call) (answer, error) {
	var body updateRequest
	if err := c.decode(&body, body.nullable()...); err != nil {
		return answer{}, err
	}
	if err := body.verify(); err != nil {
		return answer{}, err
	}
	x := s.connection(*body.BankConnectionID)
	if x == nil || x.owner != c.user() {
		return answer{}, notFound("Bank connection")
	}
	if x.busy(c.now) {
		return answer{}, locked()
	}
	t := &task{
		id: newUUID(), owner: c.user(), token: c.token, created: c.now, status: taskWaiting, connection: x, request: body,
		callbacks: body.addresses(),
	}
	s.tasks = append(s.tasks, t)
	s.runTask(t, c.now)
	return created(s.taskBody(t)), nil
}

// runTask lets the task go through its statuses as time passes.
func (s *Server) runTask(t *task, now time.Time) {
	t.connection.updating = true
	s.clock.schedule(now.Add(s.cfg.updateDuration/8), func(time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		t.status = taskRunning
	})
	s.clock.schedule(now.Add(s.cfg.updateDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.finishTask(t, now)
	})
}

// finishTask decides how finAPI and the bank answer.
func (s *Server) finishTask(t *task, now time.Time) {
	x := t.connection
	x.updating = false
	interfaces := t.interfaces()
	if !s.alive(t.token, now) {
		s.failTask(t, codeInvalidToken, "The access token is not valid any more.")
		return
	}
	if failure, fails := s.failNext(x, interfaces, now); fails {
		s.failTask(t, failure.ErrorCode, failure.Message)
		return
	}
	if missing := s.needingCustomer(t, interfaces, now); len(missing) > 0 {
		s.requireForm(t, missing, now)
		return
	}
	if !s.bankAdmits(t, now) {
		// guess: what finAPI says when a bank counts more than four accesses.
		s.failUpdate(x, interfaces, UpdateResult{Result: resultRejected, ErrorMessage: rejected, ErrorType: business, Timestamp: now})
		s.failTask(t, resultRejected, rejected)
		return
	}
	s.update(t, now)
	t.status = taskCompleted
	s.tellTask(t, t.callbacks.finalised)
}

const rejected = "Zugriff von der Bank abgelehnt: ACCESS_EXCEEDED"

// interfaces are those of the connection that the update goes through.
func (t *task) interfaces() []string {
	allowed := t.connection.names(func(i *connectionInterface) bool { return t.request.allows(i.Name) })
	if len(allowed) == 0 { // guess: only interfaces that the connection lacks were allowed
		return t.connection.names(func(*connectionInterface) bool { return true })
	}
	return allowed
}

// needingCustomer returns the interfaces on which the update cannot go on
// without the customer, and notes that their consents are gone: finAPI learns it
// only now.
//
// guess: if one interface needs the customer, the others wait for the form, too.
func (s *Server) needingCustomer(t *task, interfaces []string, now time.Time) []string {
	if len(t.request.ManageSavedSettings) > 0 {
		return interfaces
	}
	var missing []string
	for _, name := range interfaces {
		i := t.connection.through(name)
		if i.needsCustomer(now) || (t.request.forced() && !i.importsNewAccounts()) {
			i.loseConsent()
			missing = append(missing, name)
		}
	}
	return missing
}

// update downloads what is new through all interfaces that the customer need not
// unlock, and new accounts if they were asked for.
func (s *Server) update(t *task, now time.Time) {
	x := t.connection
	interfaces := slices.DeleteFunc(t.interfaces(), func(name string) bool { return x.through(name).needsCustomer(now) })
	switch {
	case t.request.forced():
		s.addNewAccounts(x, interfaces)
	case t.request.conditional():
		s.addNewAccounts(x, slices.DeleteFunc(slices.Clone(interfaces), func(name string) bool { return !x.through(name).importsNewAccounts() }))
	}
	s.download(x, interfaces, t.request.downloadRequest, now)
}

// bankAdmits counts the updates of the last 24 hours without the customer.
func (s *Server) bankAdmits(t *task, now time.Time) bool {
	x := t.connection
	if t.request.UserMetadata != nil {
		return true
	}
	x.unattended = slices.DeleteFunc(x.unattended, func(at time.Time) bool { return now.Sub(at) >= 24*time.Hour })
	if len(x.unattended) >= s.cfg.unattended {
		return false
	}
	x.unattended = append(x.unattended, now)
	return true
}

// requireForm ends the task with a form on which the customer can go on. The
// task keeps its status afterwards, since the documentation calls it final;
// what becomes of it is the form's status.
func (s *Server) requireForm(t *task, interfaces []string, now time.Time) {
	t.form = &webForm{
		owner: t.owner, token: t.token, task: t, bank: t.connection.bank, connectionID: t.connection.id, interfaces: interfaces,
		request: importRequest{downloadRequest: t.request.downloadRequest},
	}
	s.openForm(t.form, now)
	t.status = taskNeedsForm
	s.tellTask(t, t.callbacks.formRequired)
}

func (s *Server) failTask(t *task, code, message string) {
	t.status, t.errorCode, t.errorMessage = taskFailed, code, message
	s.tellTask(t, t.callbacks.finalised)
}

type taskCallback struct {
	TaskID  string       `json:"taskId"`
	Status  string       `json:"status"`
	WebForm *webFormInfo `json:"webForm"`
}

func (s *Server) tellTask(t *task, address string) {
	body := taskCallback{TaskID: t.id, Status: t.status}
	if t.form != nil {
		body.WebForm = s.formInfo(t.form)
	}
	s.callbacks.send(address, body)
}

func (s *Server) taskBody(t *task) taskBody {
	body := taskBody{
		ID: t.id, CreatedAt: webFormStamp(t.created), Type: "BANK_CONNECTION_UPDATE", Status: t.status,
		Payload: taskPayload{
			BankConnectionID: t.connection.id, ErrorCode: optional(t.errorCode), ErrorMessage: optional(t.errorMessage),
		},
	}
	if t.form != nil {
		body.Payload.WebForm = s.formInfo(t.form)
	}
	return body
}

func (s *Server) getTask(c *call) (answer, error) {
	for _, t := range s.tasks {
		if t.id == c.r.PathValue("id") && t.owner == c.user() {
			return ok(s.taskBody(t)), nil
		}
	}
	return answer{}, notFound("Task")
}

type taskList struct {
	Items  []taskBody `json:"items"`
	Paging paging     `json:"paging"`
}

func (s *Server) listTasks(c *call) (answer, error) {
	var owned []*task
	for _, t := range s.tasks {
		if t.owner == c.user() {
			owned = append(owned, t)
		}
	}
	page, p, err := newestOrOldest(c.query, owned)
	if err != nil {
		return answer{}, err
	}
	list := taskList{Items: []taskBody{}, Paging: p}
	for _, t := range page {
		list.Items = append(list.Items, s.taskBody(t))
	}
	return ok(list), nil
}

// alive reports whether a token is still good: not expired and not revoked.
func (s *Server) alive(t *token, now time.Time) bool {
	return t.alive(now) && s.tokens.access[t.value] == t
}
