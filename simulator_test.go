package finapi_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/capture"
)

// bench is a customer who has connected amnis at a simulated finAPI.
type bench struct {
	t          *testing.T
	sim        *finapitest.Server
	client     *finapi.Client
	user       *finapi.User
	connection finapi.ConnectionID
	accounts   []finapi.Account // EUR, CHF, USD
}

func newBench(t *testing.T, options ...finapitest.Option) *bench {
	t.Helper()
	b := &bench{t: t, sim: finapitest.New(t, options...)}
	b.client = b.newClient()
	var err error
	b.user, err = b.client.CreateUser(t.Context(), finapi.NewUser{ID: userName, Password: finapi.NewSecret(password)})
	must(t, err)
	b.connection = b.connect()
	b.accounts, err = b.user.Accounts(t.Context(), finapi.AccountQuery{Connection: b.connection})
	must(t, err)
	return b
}

func (b *bench) newClient(options ...finapi.Option) *finapi.Client {
	b.t.Helper()
	options = append([]finapi.Option{
		finapi.WithBaseURLs(b.sim.AccessURL(), b.sim.WebFormURL()), finapi.WithClock(b.sim.Clock()),
	}, options...)
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: b.sim.ClientID(), Secret: finapi.NewSecret(b.sim.ClientSecret())}, options...)
	must(b.t, err)
	return client
}

func (b *bench) connect() finapi.ConnectionID {
	b.t.Helper()
	consent, err := b.user.StartConsent(b.t.Context(), finapi.ConsentRequest{Bank: finapitest.AmnisID})
	must(b.t, err)
	must(b.t, b.sim.Approve(consent.URL))
	consent, err = b.user.WaitConsent(b.t.Context(), consent.ID)
	must(b.t, err)
	return consent.Connection
}

func (b *bench) rows(q finapi.TransactionQuery) []finapi.Transaction {
	b.t.Helper()
	return allRows(b.t, b.user.Transactions(b.t.Context(), q))
}

// book puts a row into finAPI's store.
func (b *bench) book(amount string) finapi.TransactionID {
	b.t.Helper()
	return finapi.TransactionID(b.sim.InsertTransaction(int64(b.accounts[0].ID), finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number(amount), Purpose: "Kiosk"}, IsNew: true,
	}))
}

func empty() finapitest.Option { return finapitest.WithEmptyWorld() }

func TestAProfileIsEditedFieldByField(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty(), finapitest.WithClient(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = true }))
	ctx := t.Context()
	got, err := b.user.EditProfile(ctx, finapi.ProfileChange{Email: ptr("buchhaltung@beispiel.example"), Phone: ptr("+49 99 1")})
	must(t, err)
	same(t, finapi.Profile{ID: userName, Email: "buchhaltung@beispiel.example", Phone: "+49 99 1"}, got)
	got, err = b.user.EditProfile(ctx, finapi.ProfileChange{Phone: ptr(""), AutoUpdate: ptr(true)})
	must(t, err)
	want := finapi.Profile{ID: userName, Email: "buchhaltung@beispiel.example", AutoUpdate: true}
	same(t, want, got)
	got, err = b.user.Profile(ctx)
	must(t, err)
	same(t, want, got)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.AutomaticBatchUpdate = false })
	_, err = b.user.EditProfile(ctx, finapi.ProfileChange{AutoUpdate: ptr(true)})
	mustFail(t, err, finapi.CodeIllegalEntityState)
}

func TestAConnectionIsRenamedUnlessItIsBusy(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	got, err := b.user.RenameConnection(t.Context(), b.connection, "Hausbank")
	must(t, err)
	same(t, "Hausbank", got.Name)
	got, err = b.user.RenameConnection(t.Context(), b.connection, "")
	must(t, err)
	same(t, "", got.Name)
	must(t, b.user.MockBatchUpdate(t.Context(), false, b.mock(nil)))
	_, err = b.user.RenameConnection(t.Context(), b.connection, "x")
	mustFail(t, err, finapi.CodeLocked)
	mustFail(t, b.user.DeleteConnection(t.Context(), b.connection, theDevice()), finapi.CodeLocked)
	mustFail(t, b.user.DeleteAccount(t.Context(), b.accounts[0].ID, nil), finapi.CodeLocked)
}

func TestARefreshAfterTheConsentWasDeletedNeedsTheCustomer(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	row := b.book("-1")
	deletion := finapi.ConsentDeletion{Connection: b.connection, Interface: finapi.XS2A, Customer: theDevice()}
	got, err := b.user.DeleteConsent(ctx, deletion)
	must(t, err)
	same(t, finapi.ConsentDeleted{AtFinAPI: "DELETED", AtBank: "DELETED"}, got)
	got, err = b.user.DeleteConsent(ctx, deletion)
	must(t, err)
	same(t, finapi.ConsentDeleted{AtFinAPI: "NOT_EXIST", AtBank: "NOT_EXIST"}, got)
	same(t, []finapi.TransactionID{row}, idsOf(b.rows(finapi.TransactionQuery{})))
	connection, err := b.user.Connection(ctx, b.connection)
	must(t, err)
	same(t, &finapi.BankConsent{}, connection.Interfaces[0].Consent)
	same(t, true, connection.ActionRequired())

	_, err = b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection, Customer: theDevice()})
	var action *finapi.ActionRequired
	if !errors.As(err, &action) {
		t.Fatalf("got %v, want an ActionRequired", err)
	}
	must(t, b.sim.Approve(action.URL))
	consent, err := b.user.WaitConsent(ctx, action.Consent)
	must(t, err)
	same(t, b.connection, consent.Connection)
	_, err = b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection})
	must(t, err)
	same(t, []finapi.TransactionID{row}, idsOf(b.rows(finapi.TransactionQuery{})))
}

func idsOf(rows []finapi.Transaction) []finapi.TransactionID {
	ids := make([]finapi.TransactionID, len(rows))
	for i := range rows {
		ids[i] = rows[i].ID
	}
	return ids
}

func TestADeletedConnectionIsGoneWithItsData(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	b.book("-1")
	must(t, b.user.DeleteConnection(t.Context(), b.connection, theDevice()))
	_, err := b.user.Connection(t.Context(), b.connection)
	mustFail(t, err, finapi.CodeUnknownEntity)
	same(t, 0, len(b.rows(finapi.TransactionQuery{})))
	mustFail(t, b.user.DeleteConnection(t.Context(), b.connection, nil), finapi.CodeUnknownEntity)
}

func TestTheConnectionGoesWithItsLastAccount(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	for i, account := range b.accounts {
		connections, err := b.user.Connections(t.Context())
		must(t, err)
		same(t, 3-i, len(connections[0].Accounts))
		must(t, b.user.DeleteAccount(t.Context(), account.ID, theDevice()))
		_, err = b.user.Account(t.Context(), account.ID)
		mustFail(t, err, finapi.CodeUnknownEntity)
	}
	connections, err := b.user.Connections(t.Context())
	must(t, err)
	same(t, []finapi.Connection{}, connections)
}

func TestAnAccountIsEditedAndFoundByWhatItIs(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	got, err := b.user.EditAccount(ctx, b.accounts[0].ID, finapi.AccountChange{Name: ptr("Hauptkonto"), New: ptr(false)})
	must(t, err)
	want := b.accounts[0]
	want.Name, want.New = "Hauptkonto", false
	same(t, want, got)
	found := func(q finapi.AccountQuery) []finapi.AccountID {
		accounts, err := b.user.Accounts(ctx, q)
		must(t, err)
		var ids []finapi.AccountID
		for _, a := range accounts {
			ids = append(ids, a.ID)
		}
		return ids
	}
	all := []finapi.AccountID{b.accounts[0].ID, b.accounts[1].ID, b.accounts[2].ID}
	balance := b.accounts[1].Balance.Amount
	same(t, all[:1], found(finapi.AccountQuery{Search: "hauptkonto"}))
	same(t, all, found(finapi.AccountQuery{UpdatedFrom: date(2026, 3, 2), UpdatedTo: date(2026, 3, 2)}))
	same(t, []finapi.AccountID(nil), found(finapi.AccountQuery{UpdatedFrom: date(2026, 3, 3)}))
	same(t, all[1:2], found(finapi.AccountQuery{MinBalance: &balance, MaxBalance: &balance}))
}

func TestThePendingRowsOfTheDefaultWorldAreRead(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ctx := t.Context()
	rows := allRows(t, b.user.PendingTransactions(ctx, finapi.PendingQuery{Accounts: []finapi.AccountID{b.accounts[0].ID}}))
	if len(rows) != 1 || rows[0].Purpose != "HOTEL ZUR POST RESERVIERUNG" || !rows[0].Amount.Amount.IsNegative() {
		t.Fatalf("pending rows are %+v", rows)
	}
	same(t, b.accounts[0].ID, rows[0].Account)
	one, err := b.user.PendingTransaction(ctx, rows[0].ID)
	must(t, err)
	same(t, rows[0], one)
	same(t, rows, allRows(t, b.user.PendingTransactions(ctx, finapi.PendingQuery{IDs: []int64{rows[0].ID}})))
	same(t, 0, len(allRows(t, b.user.PendingTransactions(ctx, finapi.PendingQuery{Accounts: []finapi.AccountID{b.accounts[1].ID}}))))
	b.sim.Clock().Advance(24 * time.Hour)
	_, err = b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection})
	must(t, err)
	_, err = b.user.PendingTransaction(ctx, rows[0].ID)
	mustFail(t, err, finapi.CodeUnknownEntity)
}

func TestDailyBalancesAgreeWithTheSumOfTheRows(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	account := b.accounts[0].ID
	rows := b.rows(finapi.TransactionQuery{Accounts: []finapi.AccountID{account}})
	from, to := date(2025, 3, 2), date(2026, 3, 2) // 366 days
	days := allRows(t, b.user.DailyBalances(t.Context(), finapi.DailyBalanceQuery{
		Accounts: []finapi.AccountID{account}, From: from, To: to, PageSize: 100,
	}))
	same(t, 366, len(days))
	for i, day := range days {
		same(t, from.AddDays(i), day.Date)
		var balance, income, spending decimal.Decimal
		var ids []finapi.TransactionID
		for _, row := range rows {
			if row.FinapiBookingDate.After(day.Date) {
				continue
			}
			balance = balance.Add(row.Amount.Amount)
			if row.FinapiBookingDate != day.Date {
				continue
			}
			ids = append(ids, row.ID)
			if row.Amount.Amount.IsNegative() {
				spending = spending.Add(row.Amount.Amount)
			} else {
				income = income.Add(row.Amount.Amount)
			}
		}
		if !balance.Equal(day.Balance) || !income.Equal(day.Income) || !spending.Equal(day.Spending) || !day.Adjustments.IsZero() {
			t.Errorf("%v: %+v, want balance %s, income %s, spending %s", day.Date, day, balance, income, spending)
		}
		if !slices.Equal(ids, day.Transactions) {
			t.Errorf("%v: rows %v, want %v", day.Date, day.Transactions, ids)
		}
		same(t, b.accounts[0].Updated(), day.Reliable)
	}
	same(t, b.accounts[0].Balance.Amount, days[365].Balance)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.PFMServices = false })
	mustFail(t, drained(b.user.DailyBalances(t.Context(), finapi.DailyBalanceQuery{})), finapi.CodeUnauthorized)
}

func TestTransactionsComeInTheOrderThatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	byAmount := b.rows(finapi.TransactionQuery{OrderBy: []finapi.Order{{By: "amount", Descending: true}}, PageSize: 100})
	byID := b.rows(finapi.TransactionQuery{})
	same(t, len(byID), len(byAmount))
	if len(byAmount) < 300 {
		t.Fatalf("only %d rows", len(byAmount))
	}
	for i := range byAmount[1:] {
		if byAmount[i+1].Amount.Amount.GreaterThan(byAmount[i].Amount.Amount) {
			t.Errorf("row %d: %s comes after %s", i+1, byAmount[i+1].Amount, byAmount[i].Amount)
		}
	}
	slices.SortFunc(byAmount, func(a, b finapi.Transaction) int { return int(a.ID - b.ID) })
	same(t, byID, byAmount)
}

func TestTransactionsAreFoundByEveryFilter(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	account := int64(b.accounts[0].ID)
	insert := func(tx finapitest.Transaction) finapi.TransactionID {
		return finapi.TransactionID(b.sim.InsertTransaction(account, tx))
	}
	rent := insert(finapitest.Transaction{
		Booking: finapitest.Booking{Amount: number("-950.50"), Purpose: "Miete März", CounterpartName: "Immo GmbH", BookingDate: "2026-03-01"},
		IsNew:   true, CategoryID: 418, FinAPIBookingDate: "2026-03-02",
	})
	sale := insert(finapitest.Transaction{
		Booking:              finapitest.Booking{Amount: number("119"), Purpose: "RE 17", CounterpartName: "Kunde & Co"},
		IsPotentialDuplicate: true,
	})
	gap := insert(finapitest.Transaction{Booking: finapitest.Booking{Amount: number("0")}, IsAdjustingEntry: true})
	for name, tt := range map[string]struct {
		query finapi.TransactionQuery
		want  []finapi.TransactionID
	}{
		"a counterpart":        {finapi.TransactionQuery{Counterpart: "kunde"}, []finapi.TransactionID{sale}},
		"a purpose":            {finapi.TransactionQuery{Purpose: "märz miete"}, []finapi.TransactionID{rent}},
		"a word of either":     {finapi.TransactionQuery{Search: "immo miete"}, []finapi.TransactionID{rent}},
		"finAPI's day":         {finapi.TransactionQuery{FinapiFrom: date(2026, 3, 2), To: date(2026, 3, 1)}, []finapi.TransactionID{rent}},
		"a least amount":       {finapi.TransactionQuery{MinAmount: ptr(number("0.01"))}, []finapi.TransactionID{sale}},
		"a greatest amount":    {finapi.TransactionQuery{MaxAmount: ptr(number("-950.50"))}, []finapi.TransactionID{rent}},
		"incoming, with zero":  {finapi.TransactionQuery{Direction: finapi.Incoming}, []finapi.TransactionID{sale, gap}},
		"outgoing":             {finapi.TransactionQuery{Direction: finapi.Outgoing}, []finapi.TransactionID{rent}},
		"new":                  {finapi.TransactionQuery{New: ptr(true)}, []finapi.TransactionID{rent}},
		"no duplicates":        {finapi.TransactionQuery{PotentialDuplicate: ptr(false)}, []finapi.TransactionID{rent, gap}},
		"adjusting entries":    {finapi.TransactionQuery{AdjustingEntry: ptr(true)}, []finapi.TransactionID{gap}},
		"a category":           {finapi.TransactionQuery{Categories: []int64{418}, ExactCategories: true}, []finapi.TransactionID{rent}},
		"no category":          {finapi.TransactionQuery{Categories: []int64{0}}, []finapi.TransactionID{sale, gap}},
		"a label":              {finapi.TransactionQuery{Labels: []int64{7}}, []finapi.TransactionID{}},
		"everything but parts": {finapi.TransactionQuery{Parts: true}, []finapi.TransactionID{rent, sale, gap}},
	} {
		if got := idsOf(b.rows(tt.query)); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v, want %v", name, got, tt.want)
		}
	}
}

// TestARowThatChangesPlacesWithAnEqualOneIsNotLost lets a row go and another come between two
// pages, with the same amount: the number of rows still fits, and their sum does, too.
func TestARowThatChangesPlacesWithAnEqualOneIsNotLost(t *testing.T) {
	t.Parallel()
	for _, window := range []int{1, 4, 16} {
		b := newBench(t, empty())
		account := int64(b.accounts[0].ID)
		const rows = 60
		for i := range rows {
			b.sim.InsertTransaction(account, finapitest.Transaction{
				Booking: finapitest.Booking{Amount: number("-9.99"), Purpose: fmt.Sprint("fee ", i)},
			})
		}
		b.sim.Clock().Advance(time.Hour)
		var once sync.Once
		b.sim.Intercept(func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/api/v2/transactions" && r.URL.Query().Get("page") == "2" {
				once.Do(func() { b.sim.ReissueTransaction(b.sim.Transactions(account)[0].ID) })
			}
			return false
		})
		user := b.newClient(finapi.WithPageWindow(window)).User(userName, finapi.NewSecret(password))
		got, err := finapi.Collect(user.Transactions(t.Context(), finapi.TransactionQuery{PageSize: 20}))
		must(t, err)
		seen := map[string]bool{}
		for i := range got {
			seen[got[i].Purpose] = true
		}
		for i := range rows {
			if purpose := fmt.Sprint("fee ", i); !seen[purpose] {
				t.Errorf("window %d: %q was there all the time, and is missing", window, purpose)
			}
		}
	}
}

func TestRulesAreMadeReadAndDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx, rules := t.Context(), b.user.Rules()
	first, err := rules.Create(ctx, finapi.Rule{
		Event: finapi.EventLowBalance, Params: map[string]string{"accountIds": "1,2", "balance": "100"}, Handle: "b3f1c0de", Details: true,
	})
	must(t, err)
	if first.ID <= 0 {
		t.Errorf("the rule is %+v", first)
	}
	same(t, finapi.Rule{
		ID: first.ID, Event: finapi.EventLowBalance, Params: map[string]string{"accountIds": "1,2", "balance": "100"},
		Handle: "b3f1c0de", Details: true,
	}, first)
	second, err := rules.Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions})
	must(t, err)
	for _, tt := range []struct {
		query finapi.RuleQuery
		want  []finapi.Rule
	}{
		{finapi.RuleQuery{}, []finapi.Rule{first, second}},
		{finapi.RuleQuery{IDs: []finapi.RuleID{second.ID}}, []finapi.Rule{second}},
		{finapi.RuleQuery{Event: finapi.EventLowBalance}, []finapi.Rule{first}},
		{finapi.RuleQuery{Details: ptr(false)}, []finapi.Rule{second}},
	} {
		got, err := rules.List(ctx, tt.query)
		must(t, err)
		same(t, tt.want, got)
	}
	must(t, rules.Delete(ctx, first.ID))
	_, err = rules.Get(ctx, first.ID)
	mustFail(t, err, finapi.CodeUnknownEntity)
	mustFail(t, rules.Delete(ctx, first.ID), finapi.CodeUnknownEntity)
	got, err := rules.Get(ctx, second.ID)
	must(t, err)
	same(t, second, got)
}

func TestFormsAreListedCancelledAndDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx, forms := t.Context(), b.user.Forms()
	b.sim.Clock().Advance(time.Minute)
	open, err := b.user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.SparkasseID})
	must(t, err)
	list := allRows(t, forms.List(ctx))
	same(t, []finapi.ConsentStatus{finapi.ConsentNotOpened, finapi.ConsentCompleted}, []finapi.ConsentStatus{list[0].Status, list[1].Status})
	same(t, open, list[0])
	same(t, b.connection, list[1].Connection)
	cancelled, err := forms.Cancel(ctx, open.ID)
	must(t, err)
	same(t, finapi.ConsentCancelled, cancelled.Status)
	if err := b.sim.Approve(open.URL); err == nil {
		t.Error("a cancelled form was approved")
	}
	_, err = b.user.WaitConsent(ctx, open.ID)
	mustFail(t, err, finapi.CodeConsentCancelled)
	must(t, forms.Delete(ctx, list[1].ID))
	same(t, []finapi.Consent{cancelled}, allRows(t, forms.List(ctx)))
	_, err = b.user.Connection(ctx, b.connection) // it stays
	must(t, err)
	mustFail(t, forms.Delete(ctx, list[1].ID), finapi.CodeNotFound)
}

func TestTasksAreListedNewestFirst(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	refresh := func() error {
		_, err := b.user.Refresh(ctx, finapi.RefreshRequest{Connection: b.connection, Customer: theDevice()})
		b.sim.Clock().Advance(time.Minute)
		return err
	}
	must(t, refresh())
	b.sim.ExpireConsent(int64(b.connection))
	var action *finapi.ActionRequired
	if err := refresh(); !errors.As(err, &action) {
		t.Fatalf("got %v", err)
	}
	tasks := allRows(t, b.user.Tasks().List(ctx))
	same(t, 2, len(tasks))
	same(t, finapi.Task{
		ID: tasks[0].ID, Created: tasks[0].Created, Status: finapi.TaskFormRequired, Connection: b.connection, Consent: action.Consent, URL: action.URL,
	}, tasks[0])
	same(t, finapi.Task{ID: tasks[1].ID, Created: tasks[1].Created, Status: finapi.TaskCompleted, Connection: b.connection}, tasks[1])
	if !tasks[0].Created.After(tasks[1].Created) {
		t.Errorf("the tasks are of %v and %v", tasks[0].Created, tasks[1].Created)
	}
	one, err := b.user.Tasks().Get(ctx, tasks[0].ID)
	must(t, err)
	same(t, tasks[0], one)
}

func TestTheSimulatorsConfigurationIsRead(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty(), finapitest.WithTokenLife(0), finapitest.WithClient(func(c *finapitest.ClientSettings) { c.MaxLoginAttempts = 3 }))
	got, err := b.client.Configuration(t.Context())
	must(t, err)
	same(t, finapi.Configuration{
		License: finapi.Unlicensed, ReadsThroughForm: true, ReadsEnabled: true, PFMServices: true, NonEuroAccounts: true,
		UserAutoVerification: true, DevelopmentMode: true, AutoCategorization: true, Categories: []finapi.Category{},
		AccountTypes: []finapi.AccountType{}, ConsentType: "RECURRING", BankGroups: []string{"DE", "AT", "CH", "LI"},
		Products: []string{"access", "webForm"}, MaxLogins: 3, RefreshTokenLife: 30 * 24 * 60 * 60,
	}, got)
}

func TestAFlaggedRowIsConfirmedOrDeleted(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	first, twin, other := b.book("-9.90"), b.book("-9.90"), b.book("-5")
	b.sim.FlagDuplicate(int64(first), true)
	b.sim.FlagDuplicate(int64(twin), true)
	got, err := b.user.ConfirmTransaction(ctx, first)
	must(t, err)
	same(t, first, got.ID)
	same(t, false, got.PotentialDuplicate)
	read, err := b.user.Transaction(ctx, first)
	must(t, err)
	same(t, got, read)
	must(t, b.user.DeleteTransaction(ctx, twin))
	_, err = b.user.Transaction(ctx, twin)
	mustFail(t, err, finapi.CodeUnknownEntity)
	mustFail(t, b.user.DeleteTransaction(ctx, other), finapi.CodeIllegalEntityState)
	same(t, []finapi.TransactionID{first, other}, idsOf(b.rows(finapi.TransactionQuery{})))
}

func TestRowsAreMarkedAsSeenAndAsNewAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	first, second := b.book("-1"), b.book("-2")
	changed, err := b.user.MarkTransactions(ctx, false, first)
	must(t, err)
	same(t, []finapi.TransactionID{first}, changed)
	changed, err = b.user.MarkTransactions(ctx, false, first, second)
	must(t, err)
	same(t, []finapi.TransactionID{second}, changed) // the first was seen before
	same(t, 0, len(b.rows(finapi.TransactionQuery{New: ptr(true)})))
	_, err = b.user.MarkTransactions(ctx, true, second)
	must(t, err)
	same(t, []finapi.TransactionID{second}, idsOf(b.rows(finapi.TransactionQuery{New: ptr(true)})))
}

func TestTheCallAfterALogoutLogsInAgain(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	logins := func() int {
		n := 0
		for _, r := range b.sim.Requests() {
			if r.Path == "/api/v2/oauth/token" {
				n++
			}
		}
		return n
	}
	b.sim.ResetRequests()
	must(t, b.user.Logout(ctx))
	same(t, 0, logins())
	_, err := b.user.Accounts(ctx, finapi.AccountQuery{})
	must(t, err)
	same(t, 1, logins())
}

func TestAUserWaitsForItsVerification(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.UserAutoVerification = false })
	user, err := b.client.CreateUser(ctx, finapi.NewUser{})
	must(t, err)
	verified, err := b.client.UserVerified(ctx, user.ID())
	must(t, err)
	same(t, false, verified)
	_, err = user.Accounts(ctx, finapi.AccountQuery{})
	mustFail(t, err, finapi.CodeUserNotVerified)
	must(t, b.client.VerifyUser(ctx, user.ID()))
	mustFail(t, b.client.VerifyUser(ctx, user.ID()), finapi.CodeUserAlreadyVerified)
	verified, err = b.client.UserVerified(ctx, user.ID())
	must(t, err)
	same(t, true, verified)
	_, err = user.Accounts(ctx, finapi.AccountQuery{})
	must(t, err)
	_, err = b.client.UserVerified(ctx, "nobody")
	mustFail(t, err, finapi.CodeUnknownEntity)
	mustFail(t, b.client.VerifyUser(ctx, "nobody"), finapi.CodeUnknownEntity)
}

// mock is the news of all accounts, of which the first one has rows.
func (b *bench) mock(rows []finapi.MockTransaction) finapi.MockUpdate {
	update := finapi.MockUpdate{Connection: b.connection, Interface: finapi.XS2A}
	for i, account := range b.accounts {
		data := finapi.MockAccount{Account: account.ID, Balance: account.Balance.Amount}
		if i == 0 {
			data.Transactions = rows
			for _, row := range rows {
				data.Balance = data.Balance.Add(row.Amount.Amount)
			}
		}
		update.Accounts = append(update.Accounts, data)
	}
	return update
}

func TestAMockedUpdateBringsRowsAndIsToldAsTheLastAutomaticOne(t *testing.T) {
	t.Parallel()
	b := newBench(t, empty())
	ctx := t.Context()
	must(t, b.user.MockBatchUpdate(ctx, true, b.mock([]finapi.MockTransaction{
		{Amount: money("-12.34", "EUR"), Purpose: "Büromaterial", Name: "Müller KG", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX", Type: "Lastschrift"},
		{Amount: money("100", ""), BookingDate: date(2026, 2, 27), ValueDate: date(2026, 2, 28)},
	})))
	connection, err := b.user.WaitReady(ctx, b.connection)
	must(t, err)
	same(t, "OK", connection.Interfaces[0].LastAuto.Result)
	rows := b.rows(finapi.TransactionQuery{})
	same(t, 2, len(rows))
	same(t, money("-12.34", "EUR"), rows[0].Amount)
	same(t, finapi.Counterpart{Name: "Müller KG", IBAN: "DE32999000020099001234", BIC: "MUVADE99XXX"}, rows[0].Counterpart)
	same(t, []string{"Büromaterial", "Lastschrift"}, []string{rows[0].Purpose, rows[0].Type})
	same(t, []finapi.Date{date(2026, 2, 27), date(2026, 2, 28)}, []finapi.Date{rows[1].BookingDate, rows[1].ValueDate})
	account, err := b.user.Account(ctx, b.accounts[0].ID)
	must(t, err)
	same(t, moneyPtr("87.66", "EUR"), account.Balance)

	update := b.mock(nil)
	update.LoginError = true
	must(t, b.user.MockBatchUpdate(ctx, false, update))
	connection, err = b.user.WaitReady(ctx, b.connection)
	must(t, err)
	same(t, "BANK_SERVER_REJECTION", connection.Interfaces[0].LastAuto.Result)
	same(t, true, connection.Interfaces[0].LastAuto.ForCustomer)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.DevelopmentMode = false })
	mustFail(t, b.user.MockBatchUpdate(ctx, false, update), finapi.CodeUnauthorized)
}
