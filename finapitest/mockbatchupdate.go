package finapitest

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// mockBatchUpdate is the body of POST /api/v2/tests/mockBatchUpdate: what the
// banks are made to say in a simulated nightly update.
type mockBatchUpdate struct {
	Updates []mockConnectionUpdate `json:"mockBankConnectionUpdates"`
	Notify  bool                   `json:"triggerNotifications"`
}

type mockConnectionUpdate struct {
	ConnectionID *int64            `json:"bankConnectionId"`
	Interface    string            `json:"bankingInterface"`
	LoginError   bool              `json:"simulateBankLoginError"`
	Accounts     []mockAccountData `json:"mockAccountsData"`
}

type mockAccountData struct {
	AccountID *int64            `json:"accountId"`
	Balance   *mockAmount       `json:"accountBalance"`
	Rows      []mockTransaction `json:"newTransactions"`
}

type mockTransaction struct {
	Amount              *mockAmount `json:"amount"`
	Currency            *string     `json:"currency"`
	OriginalAmount      *mockAmount `json:"originalAmount"`
	OriginalCurrency    *string     `json:"originalCurrency"`
	Purpose             *string     `json:"purpose"`
	Counterpart         *string     `json:"counterpart"`
	CounterpartIBAN     *string     `json:"counterpartIban"`
	CounterpartBLZ      *string     `json:"counterpartBlz"`
	CounterpartBIC      *string     `json:"counterpartBic"`
	CounterpartAccount  *string     `json:"counterpartAccountNumber"`
	BookingDate         *Date       `json:"bookingDate"`
	ValueDate           *Date       `json:"valueDate"`
	TypeID              *int32      `json:"typeId"` // taken, but not stored
	MandateReference    *string     `json:"counterpartMandateReference"`
	CreditorID          *string     `json:"counterpartCreditorId"`
	CustomerReference   *string     `json:"counterpartCustomerReference"`
	CounterpartDebtorID *string     `json:"counterpartDebitorId"`
	Type                *string     `json:"type"`
	TypeCodeSWIFT       *string     `json:"typeCodeSwift"`
	SEPAPurposeCode     *string     `json:"sepaPurposeCode"`
}

// mockAmount is a JSON number, never a text.
type mockAmount decimal.Decimal

func (m *mockAmount) UnmarshalJSON(data []byte) error {
	d, err := decimal.NewFromString(string(data))
	if err != nil {
		return errors.New("an amount must be a number")
	}
	*m = mockAmount(d)
	return nil
}

func (m *mockAmount) decimal() *decimal.Decimal {
	return (*decimal.Decimal)(m)
}

const (
	// maxMockRows is how many rows of an account can be mocked at once.
	maxMockRows = 1000
	// maxMockAge is how old a row may be in days.
	maxMockAge = 89
)

// startMockUpdate is POST /api/v2/tests/mockBatchUpdate. It answers at once; what
// comes of it is the connection's last automatic update.
func (s *Server) startMockUpdate(c *call) (answer, error) {
	if !s.settings.DevelopmentMode {
		return answer{}, forbidden("Der Entwicklungsmodus ist nicht freigeschaltet.", "The development mode is not enabled.")
	}
	var body mockBatchUpdate
	if err := c.decode(&body); err != nil {
		return answer{}, err
	}
	if len(body.Updates) == 0 {
		return answer{}, missing("mockBankConnectionUpdates")
	}
	if c.user().autoUpdate {
		// guess: the code for a user whom a real batch update could meet.
		return answer{}, unprocessable(codeIllegalState, "Die automatische Aktualisierung des Benutzers ist eingeschaltet.", "The user's automatic updates are enabled.")
	}
	connections := make([]*connection, len(body.Updates))
	for i := range body.Updates {
		x, err := s.mockable(c, &body.Updates[i])
		if err != nil {
			return answer{}, err
		}
		if slices.Contains(connections, x) {
			return answer{}, badValue("bankConnectionId", "twice") // guess
		}
		connections[i] = x
	}
	news := newBatchNews()
	for i, x := range connections {
		s.runMockUpdate(x, body.Updates[i], news, c.now)
	}
	if owner := c.user(); body.Notify {
		s.clock.schedule(c.now.Add(s.cfg.updateDuration), func(time.Time) { // after the last of them
			s.mu.Lock()
			defer s.mu.Unlock()
			s.notify(owner, news)
		})
	}
	return empty(), nil
}

func missing(name string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: codeMissingField,
		de: "Das Feld '" + name + "' fehlt.", en: "The field '" + name + "' is missing.",
	}
}

// mockable returns the connection that an update is about, if all of it is in
// order.
func (s *Server) mockable(c *call, u *mockConnectionUpdate) (*connection, error) {
	if u.ConnectionID == nil {
		return nil, missing("bankConnectionId")
	}
	x := s.connection(*u.ConnectionID)
	switch {
	case u.Interface == "":
		return nil, missing("bankingInterface")
	case x == nil || x.owner != c.user():
		return nil, notFound("Bank connection")
	case x.through(u.Interface) == nil:
		return nil, unprocessable(codeIllegalValue, "Das Interface gehört nicht zur Bankverbindung.", "The interface does not belong to the bank connection.")
	case x.busy(c.now):
		// guess: the contract has no 423 here.
		return nil, unprocessable(codeIllegalState, "Die Bankverbindung wird gerade aktualisiert.", "The bank connection is currently being updated.")
	}
	for i := range u.Accounts {
		if err := u.Accounts[i].verify(x); err != nil {
			return nil, err
		}
	}
	return x, nil
}

func (d *mockAccountData) verify(x *connection) error {
	switch {
	case d.AccountID == nil:
		return missing("accountId")
	case d.Balance == nil:
		return missing("accountBalance")
	case len(d.Rows) > maxMockRows:
		return badRequest("Höchstens 1000 Umsätze sind erlaubt.", "At most 1000 transactions are allowed.")
	}
	i := slices.IndexFunc(x.accounts, func(a *account) bool { return a.ID == *d.AccountID })
	if i < 0 {
		return notFound("Account")
	}
	if x.accounts[i].Type == "Security" {
		return unprocessable(codeIllegalValue, "Depots können nicht simuliert werden.", "Security accounts cannot be mocked.")
	}
	for j := range d.Rows {
		if err := d.Rows[j].verify(); err != nil {
			return err
		}
	}
	return nil
}

func (t *mockTransaction) verify() error {
	if t.Amount == nil {
		return missing("amount")
	}
	for _, text := range []struct {
		name  string
		value *string
		most  int
	}{
		{"purpose", t.Purpose, 2000},
		{"counterpart", t.Counterpart, 80},
		{"type", t.Type, 270},
		{"counterpartMandateReference", t.MandateReference, 270},
		{"counterpartCreditorId", t.CreditorID, 270},
		{"counterpartCustomerReference", t.CustomerReference, 270},
		{"counterpartDebitorId", t.CounterpartDebtorID, 100},
	} {
		if text.value != nil && !lengthIn(*text.value, 1, text.most) {
			return badValue(text.name, *text.value)
		}
	}
	if t.BookingDate != nil && !t.BookingDate.valid() {
		return badValue("bookingDate", string(*t.BookingDate))
	}
	if t.ValueDate != nil && !t.ValueDate.valid() {
		return badValue("valueDate", string(*t.ValueDate))
	}
	return nil
}

func (t *mockTransaction) booking(today Date) Booking {
	return Booking{
		Amount: *t.Amount.decimal(), Currency: orElse(t.Currency, ""), BookingDate: orElse(t.BookingDate, ""),
		ValueDate: orElse(t.ValueDate, ""), Purpose: orElse(t.Purpose, ""), CounterpartName: orElse(t.Counterpart, ""),
		CounterpartIBAN: orElse(t.CounterpartIBAN, ""), CounterpartAccount: orElse(t.CounterpartAccount, ""),
		CounterpartBLZ: orElse(t.CounterpartBLZ, ""), CounterpartBIC: orElse(t.CounterpartBIC, ""),
		MandateReference: orElse(t.MandateReference, ""), CreditorID: orElse(t.CreditorID, ""),
		CustomerReference: orElse(t.CustomerReference, ""), DebtorID: orElse(t.CounterpartDebtorID, ""),
		Type: orElse(t.Type, ""), TypeCodeSWIFT: orElse(t.TypeCodeSWIFT, ""), SEPAPurposeCode: orElse(t.SEPAPurposeCode, ""),
		OriginalAmount: t.OriginalAmount.decimal(), OriginalCurrency: orElse(t.OriginalCurrency, ""),
	}.dated(today)
}

// runMockUpdate lets the update end as time passes.
func (s *Server) runMockUpdate(x *connection, u mockConnectionUpdate, news *batchNews, now time.Time) {
	x.updating = true
	s.clock.schedule(now.Add(s.cfg.updateDuration), func(now time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		x.updating = false
		if u.LoginError {
			x.refuseAuto(x.through(u.Interface), now)
			news.failed = append(news.failed, x)
			return
		}
		news.note(x, func() { s.finishMockUpdate(x, u, now) })
	})
}

func (s *Server) finishMockUpdate(x *connection, u mockConnectionUpdate, now time.Time) {
	i := x.through(u.Interface)
	i.LastAutoUpdate = &UpdateResult{Result: resultOK, Timestamp: now}
	for _, a := range x.accounts {
		at := slices.IndexFunc(u.Accounts, func(d mockAccountData) bool { return *d.AccountID == a.ID })
		switch {
		case at < 0:
			a.deprecate(i.Name) // the bank does not show it any more
		case a.Interface == i.Name:
			s.mockAccount(a, &u.Accounts[at], now)
		default:
			a.updated(i.Name, now)
		}
	}
}

// mockAccount stores the news of an account. If they do not add up to the new
// balance, finAPI evens them out.
func (s *Server) mockAccount(a *account, d *mockAccountData, now time.Time) {
	a.moveFutureDates(DateOf(now))
	sum := s.mockRows(a, d.Rows, now)
	balance := *d.Balance.decimal()
	a.Status = statusUpdated
	// guess: without a former balance there is nothing to deviate from.
	if a.Balance != nil {
		if gap := balance.Sub(*a.Balance).Sub(sum); !gap.IsZero() {
			s.add(a, adjustingEntry(gap, a.Currency, now))
			a.Status = statusFixed
		}
	}
	a.Balance = &balance
	a.LastSuccessfulUpdate, a.LastUpdateAttempt = now, now
}

// mockRows stores the rows that finAPI takes and returns their sum: not those
// before its update window, not the old ones, and not those that it takes for
// rows that were there before.
func (s *Server) mockRows(a *account, rows []mockTransaction, now time.Time) decimal.Decimal {
	today := DateOf(now)
	from := max(a.windowStart(0, now), today.AddDays(-maxMockAge))
	before := slices.Clone(a.rows)
	var sum decimal.Decimal
	for i := range rows {
		b := rows[i].booking(today)
		known := slices.ContainsFunc(before, func(t *Transaction) bool {
			return t.BookingDate == b.BookingDate && t.Amount.Equal(b.Amount)
		})
		if b.BookingDate < from || known {
			continue
		}
		s.add(a, importRow(b, now))
		sum = sum.Add(b.Amount)
	}
	return sum
}
