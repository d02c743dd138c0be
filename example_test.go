package finapi_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// started returns a new user at a simulated finAPI.
func started(ctx context.Context) (*finapitest.Server, *finapi.User, *finapi.Client) {
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()))
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.CreateUser(ctx, finapi.NewUser{})
	if err != nil {
		log.Fatal(err)
	}
	return sim, user, client
}

// connected returns a user who has connected amnis at a simulated finAPI.
func connected(ctx context.Context) (*finapitest.Server, *finapi.User, finapi.Consent) {
	sim, user, _ := started(ctx)
	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	if err != nil {
		log.Fatal(err)
	}
	if err := sim.Approve(consent.URL); err != nil {
		log.Fatal(err)
	}
	if consent, err = user.WaitConsent(ctx, consent.ID); err != nil {
		log.Fatal(err)
	}
	return sim, user, consent
}

func ExampleNewClient() {
	client, err := finapi.NewClient(finapi.Sandbox, finapi.Credentials{
		ID:     os.Getenv("FINAPI_CLIENT_ID"),
		Secret: finapi.NewSecret(os.Getenv("FINAPI_CLIENT_SECRET")),
	})
	if finapi.IsError(err, finapi.CodeInvalidInput) {
		fmt.Println(err)
		return
	}
	fmt.Println(client)
	// Output: finapi: SDK_INVALID_INPUT: Credentials.ID must be 1 to 255 printable characters without spaces [vendor must act]
}

// Everything that a program may want to set, in one place.
func ExampleOption() {
	client, err := finapi.NewClient(finapi.Live,
		finapi.Credentials{ID: "id", Secret: finapi.NewSecret("secret")},
		finapi.WithUserAgent("acme-erp/4.2"),
		finapi.WithLanguage(finapi.English),
		finapi.WithRetry(finapi.Retry{Attempts: 6, Base: time.Second, Max: time.Minute}),
		finapi.WithPageWindow(8),
	)
	fmt.Println(client, err)
	// Output: finapi.Client(live) <nil>
}

// A program with many customers tells finAPI how much it will send, and keeps to it.
func ExampleWithRateLimit() {
	client, err := finapi.NewClient(finapi.Live,
		finapi.Credentials{ID: "id", Secret: finapi.NewSecret("secret")},
		finapi.WithMaxInFlight(64),
		finapi.WithRateLimit(50, time.Second),
	)
	fmt.Println(client, err)
	// Output: finapi.Client(live) <nil>
}

// A host that fails is left alone, and the error says since when.
func ExampleWithCircuit() {
	ctx := context.Background()
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()
	sim.Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	})
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()),
		finapi.WithCircuit(finapi.Circuit{Failures: 4, Base: time.Minute, Max: time.Hour}),
	)
	if err != nil {
		log.Fatal(err)
	}
	_, _ = client.Configuration(ctx)
	sim.Clock().Advance(10 * time.Second)
	_, err = client.Configuration(ctx)
	var down *finapi.Error
	if errors.As(err, &down) && down.Code == finapi.CodeHostDown {
		fmt.Println("for more than ten seconds:", sim.Clock().Now().Sub(down.Since) > 10*time.Second)
		fmt.Println("try again in less than two minutes:", down.RetryAfter < 2*time.Minute)
		fmt.Println(down.Remedy(finapi.English))
	}
	// Output:
	// for more than ten seconds: true
	// try again in less than two minutes: true
	// finAPI has been out of order for a while; please try again in a few minutes.
}

func ExampleClient_Banks() {
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()))
	if err != nil {
		log.Fatal(err)
	}
	for _, search := range []string{"amnis", "nordische"} {
		for bank, err := range client.Banks(context.Background(), finapi.BankQuery{Search: search}) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Printf("%s: supported %v\n", bank.Name, bank.Supported())
		}
	}
	// Output:
	// amnis: supported true
	// Nordische Handelsbank Zweigniederlassung Hamburg: supported false
}

func ExampleUser_StartConsent() {
	ctx := context.Background()
	sim, user, _ := connected(ctx)
	defer sim.Close()
	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{
		Bank:         finapitest.SparkasseID,
		AccountTypes: []finapi.AccountType{finapi.Checking},
		Return:       "https://erp.example/bank/back",
		State:        "unguessable",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("redirect the customer to consent.URL; status", consent.Status)

	_ = sim.Abort(consent.URL) // the customer changes their mind
	_, err = user.WaitConsent(ctx, consent.ID)
	var refusal *finapi.Error
	if errors.As(err, &refusal) {
		fmt.Println("who must act:", refusal.Actor)
	}
	// Output:
	// redirect the customer to consent.URL; status NOT_YET_OPENED
	// who must act: customer
}

func ExampleUser_Accounts() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	for _, account := range accounts {
		if account.Balance == nil { // nil is "unknown", not zero
			fmt.Println(account.Name, "has no balance")
			continue
		}
		fmt.Println(account.Name, account.Balance.Currency, account.Status())
	}
	// Output:
	// amnis Konto EUR EUR UPDATED
	// amnis Konto CHF CHF UPDATED
	// amnis Konto USD USD UPDATED
}

func ExampleCollect() {
	ctx := context.Background()
	sim, user, _ := connected(ctx)
	defer sim.Close()
	rows, err := finapi.Collect(user.Transactions(ctx, finapi.TransactionQuery{
		From: finapi.Date{Year: 2025, Month: time.March, Day: 1},
		To:   finapi.Date{Year: 2025, Month: time.March, Day: 31},
	}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("more than 50 bookings in March:", len(rows) > 50)
	// Output: more than 50 bookings in March: true
}

// A day at the ERP: ask the bank, then book what is new.
func ExampleUser_Refresh() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()

	sim.Clock().Advance(24 * time.Hour)
	connection, err := user.Refresh(ctx, finapi.RefreshRequest{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("ready:", connection.Ready())

	sim.ExpireConsent(int64(consent.Connection))
	_, err = user.Refresh(ctx, finapi.RefreshRequest{Connection: consent.Connection})
	var action *finapi.ActionRequired
	if errors.As(err, &action) {
		fmt.Println("show the customer a button that calls RenewConsent")
	}
	// Output:
	// ready: true
	// show the customer a button that calls RenewConsent
}

// The customer clicks on "renew": open a form, send the customer there, go on when
// the form has ended.
func ExampleUser_RenewConsent() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	sim.ExpireConsent(int64(consent.Connection))

	renewal, err := user.RenewConsent(ctx, finapi.RenewRequest{
		Connection: consent.Connection,
		Customer:   &finapi.CustomerDevice{IP: "192.0.2.7", UserAgent: "Mozilla/5.0"},
		Return:     "https://erp.example/bank/back",
		State:      "unguessable",
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("redirect the customer to renewal.URL; status", renewal.Status)
	if err := sim.Approve(renewal.URL); err != nil { // really: the customer, at the bank
		log.Fatal(err)
	}
	renewal, err = user.WaitConsent(ctx, renewal.ID)
	if err != nil {
		log.Fatal(err)
	}
	outcome := renewal.Outcome()
	fmt.Println(outcome.Result, outcome.Connection == consent.Connection)
	// Output:
	// redirect the customer to renewal.URL; status NOT_YET_OPENED
	// renewed true
}

func ExampleFeed_Sync() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	feed := user.Feed(accounts[0].ID, "tenant-17/1200", &finapi.MemoryStore{})
	for range 2 {
		booked := 0
		for event, err := range feed.Sync(ctx) {
			if err != nil {
				log.Fatal(err)
			}
			switch e := event.(type) {
			case finapi.Booked:
				booked++ // book it; e.UID is the idempotency key
			case finapi.Review, finapi.Modified, finapi.Removed, finapi.Notice:
				fmt.Printf("a person should look at %T\n", e)
			case finapi.Relinked:
				// nothing to do
			case finapi.Synced:
				fmt.Println("booked something:", e.Booked > 0, "- counted right:", e.Booked == booked)
			default:
				log.Fatalf("an event of a newer version: %T", e)
			}
		}
	}
	// Output:
	// booked something: true - counted right: true
	// booked something: false - counted right: true
}

func ExampleWithCutOver() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	first := finapi.Date{Year: 2026, Month: time.January, Day: 1}
	feed := user.Feed(accounts[0].ID, "tenant-17/1200", &finapi.MemoryStore{}, finapi.WithCutOver(first))
	for event, err := range feed.Sync(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if booking, ok := event.(finapi.Booked); ok && booking.Transaction.BookingDate.Before(first) {
			log.Fatal("booked before the cut-over")
		}
	}
	fmt.Println("the ledger begins on", first)
	// Output: the ledger begins on 2026-01-01
}

func ExampleError() {
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret("wrong")},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()))
	if err != nil {
		log.Fatal(err)
	}
	_, err = client.CreateUser(context.Background(), finapi.NewUser{})
	var refusal *finapi.Error
	if errors.As(err, &refusal) {
		fmt.Println(refusal.Status, refusal.Code, refusal.Actor, refusal.Endpoint)
	}
	// Output: 401 invalid_client vendor POST /api/v2/oauth/token
}

func ExampleSecret() {
	credentials := finapi.Credentials{ID: "id", Secret: finapi.NewSecret("hunter2")}
	fmt.Printf("%v %+v %s\n", credentials, credentials, credentials.Secret)
	// Output: {id REDACTED} {ID:id Secret:REDACTED} REDACTED
}

func ExampleMoney_Minor() {
	var m finapi.Money
	if err := m.UnmarshalJSON([]byte(`{"amount":"-12.34","currency":"EUR"}`)); err != nil {
		log.Fatal(err)
	}
	cents, err := m.Minor(2)
	fmt.Println(m, cents, err)
	_, err = m.Minor(1)
	fmt.Println(finapi.IsError(err, finapi.CodeInvalidInput)) // never rounds
	// Output:
	// -12.34 EUR -1234 <nil>
	// true
}

func ExampleDate() {
	day, err := finapi.ParseDate("2025-02-28")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(day.AddDays(1), day.Before(day.AddDays(1)), finapi.Date{}.IsZero())
	// Output: 2025-03-01 true true
}

// The customer withdraws the consent. What was read stays; the next update needs the
// customer.
func ExampleUser_DeleteConsent() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	connection, err := user.Connection(ctx, consent.Connection)
	if err != nil {
		log.Fatal(err)
	}
	for _, way := range connection.Interfaces {
		if way.Consent == nil {
			continue // this interface works without one
		}
		deleted, err := user.DeleteConsent(ctx, finapi.ConsentDeletion{
			Connection: connection.ID, Interface: way.Interface,
			Customer: &finapi.CustomerDevice{IP: "192.0.2.7", OS: "Linux", UserAgent: "Mozilla/5.0"},
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("at finAPI:", deleted.AtFinAPI, "at the bank:", deleted.AtBank)
	}
	_, err = user.Refresh(ctx, finapi.RefreshRequest{Connection: connection.ID})
	var action *finapi.ActionRequired
	fmt.Println("the next update needs the customer:", errors.As(err, &action))
	// Output:
	// at finAPI: DELETED at the bank: DELETED
	// the next update needs the customer: true
}

// finAPI is to tell the vendor of new bookings after its nightly update. The handle
// tells the vendor whose they are.
func ExampleUser_Rules() {
	ctx := context.Background()
	sim, user, _ := connected(ctx)
	defer sim.Close()
	rule, err := user.Rules().Create(ctx, finapi.Rule{Event: finapi.EventNewTransactions, Handle: "an-unguessable-handle"})
	if err != nil {
		log.Fatal(err)
	}
	rules, err := user.Rules().List(ctx, finapi.RuleQuery{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(rules), rules[0].Event, rules[0].ID == rule.ID)
	if err := user.Rules().Delete(ctx, rule.ID); err != nil {
		log.Fatal(err)
	}
	// Output: 1 NEW_TRANSACTIONS true
}

// Everything that the customer should see of a connection, and who must act.
func ExampleConnection_State() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	show := func() {
		connection, err := user.Connection(ctx, consent.Connection)
		if err != nil {
			log.Fatal(err)
		}
		accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: connection.ID})
		if err != nil {
			log.Fatal(err)
		}
		state := connection.State(accounts, sim.Clock().Now())
		if state.Problem == nil {
			fmt.Println("good until", state.Expires.Format(time.DateOnly))
			return
		}
		fmt.Printf("stale since %s, %s must act: %s\n",
			state.StaleSince.Format(time.DateOnly), state.Problem.Actor, state.Problem.Remedy(finapi.English))
	}
	show()
	sim.Clock().Advance(91 * 24 * time.Hour)
	show()
	// Output:
	// good until 2026-05-31
	// stale since 2026-03-02, customer must act: Your bank asks you to confirm the access; please open the form and follow its steps.
}

func ExampleUser_ConsentCalendar() {
	ctx := context.Background()
	sim, user, _ := connected(ctx)
	defer sim.Close()
	sim.Clock().Advance(80 * 24 * time.Hour)
	ends, err := user.ConsentCalendar(ctx, 14)
	if err != nil {
		log.Fatal(err)
	}
	for _, end := range ends {
		fmt.Println(end.Bank, end.Ends.Format(time.DateOnly), "lapsed:", end.Lapsed)
	}
	// Output: amnis 2026-05-31 lapsed: false
}

// The customer comes back from the form to the ERP.
func ExampleClient_NewReturnHandler() {
	ctx := context.Background()
	sim, user, client := started(ctx)
	defer sim.Close()
	handler, err := client.NewReturnHandler(finapi.ReturnConfig{
		URL:  "https://erp.example/bank/back",
		Keys: []finapi.Secret{finapi.NewSecret("32 random bytes from your secrets")},
		SignedIn: func(*http.Request) (*finapi.User, error) {
			return user, nil // really: the tenant of the session's cookie
		},
		Returned: func(w http.ResponseWriter, r *http.Request, back finapi.Return) {
			fmt.Println("the customer is back:", back.Outcome.Result)
			http.Redirect(w, r, "/accounts", http.StatusSeeOther)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	consent, err := handler.StartConsent(ctx, user, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	if err != nil {
		log.Fatal(err)
	}
	if err := sim.Approve(consent.URL); err != nil { // really: the customer, at the bank
		log.Fatal(err)
	}
	form, _ := url.Parse(consent.URL) // really: finAPI's form redirects the browser
	back := httptest.NewRequestWithContext(ctx, http.MethodGet, form.Query().Get("redirectUrl"), nil)
	answer := httptest.NewRecorder()
	handler.ServeHTTP(answer, back)
	fmt.Println(answer.Code, answer.Header().Get("Location"))
	// Output:
	// the customer is back: connected
	// 303 /accounts
}

func ExampleUser_Disconnect() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	done, err := user.Disconnect(ctx, finapi.Disconnection{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("gone:", done.Gone, "with", len(done.Accounts), "accounts; ended at the bank:", done.AtEveryBank())
	if err := user.Forget(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("finAPI does not know the user any more")
	// Output:
	// gone: true with 3 accounts; ended at the bank: true
	// finAPI does not know the user any more
}

func ExampleUser_KeepAccounts() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	picked := []finapi.AccountID{accounts[0].ID} // the customer ticked this one
	deleted, err := user.KeepAccounts(ctx, consent.Connection, picked, nil)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("kept", accounts[0].Currency, "and deleted", len(deleted), "others at finAPI")
	// Output: kept EUR and deleted 2 others at finAPI
}

// A person settles what finAPI suspects to be a double.
func ExampleFeed_Confirm() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	feed := user.Feed(accounts[0].ID, "tenant-17/1200", &finapi.MemoryStore{})
	sync := func() {
		for event, err := range feed.Sync(ctx) {
			if err != nil {
				log.Fatal(err)
			}
			if review, ok := event.(finapi.Review); ok {
				fmt.Println("to decide:", review.Reason.Text(finapi.English))
				for _, fact := range review.Evidence {
					fmt.Println("-", fact.Text(finapi.English))
				}
			}
		}
	}
	sync()
	sim.Clock().Advance(time.Minute)
	twin := sim.Transactions(int64(accounts[0].ID))[0]
	twin.IsPotentialDuplicate, twin.ImportDate = true, sim.Clock().Now()
	sim.InsertTransaction(int64(accounts[0].ID), twin)
	sync()

	open, err := feed.Reviews(ctx)
	if err != nil {
		log.Fatal(err)
	}
	// sqlstore.Decide does this in one transaction with the ERP's rows.
	err = feed.Discard(ctx, open[0].UID, "person-7", func(ctx context.Context, b finapi.Batch) error {
		for _, event := range b.Events {
			fmt.Println(finapi.Explain(event))
		}
		return feed.Store().Commit(ctx, feed.Ledger(), b.Change)
	})
	if err != nil {
		log.Fatal(err)
	}
	status, err := feed.Status(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("clean:", status.Clean())
	// Output:
	// to decide: finAPI suspects that it imported a booking twice
	// - the ledger has a booking of the same day and amount
	// - the purposes are the same
	// - the counterpart's account is the same
	// Removed: 250000.00 EUR on 2024-07-01 (finAPI's id 1860782398). Why: a person says that it is a double.
	// clean: true
}

// A dry run: what would a synchronisation do?
func ExampleFeed_Plan() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	feed := user.Feed(accounts[0].ID, "tenant-17/1200", &finapi.MemoryStore{})
	plan, err := feed.Plan(ctx)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(finapi.Explain(plan[0]))
	// Output: Booked: 250000.00 EUR on 2024-07-01 (finAPI's id 1860779401). Why: an id that was never seen before.
}

// After a bank was connected anew: which ledger goes on with which account?
func ExampleUser_Bind() {
	ctx := context.Background()
	sim, user, consent := connected(ctx)
	defer sim.Close()
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
	if err != nil {
		log.Fatal(err)
	}
	bindings, err := user.Bind(ctx, &finapi.MemoryStore{}, []finapi.LedgerID{"tenant-17/1200"}, accounts)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(bindings[0].State, "-", bindings[0].Reason)
	// Output: unbound - no ledger has had an account of this currency and type that is gone now
}

// finAPI calls the vendor after its nightly update, and the user whose rule it was
// becomes due.
func ExampleClient_NewNotificationHandler() {
	ctx := context.Background()
	sim, user, client := started(ctx)
	defer sim.Close()
	due := make(chan finapi.Notification, 1)
	handler, err := client.NewNotificationHandler(finapi.NotificationConfig{
		Keys: []finapi.Secret{finapi.NewSecret("32 random bytes from a key store")},
		Notified: func(_ context.Context, n finapi.Notification) error {
			due <- n // note it in a table; a job reads the accounts later
			return nil
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	erp := httptest.NewServer(handler) // the address that finAPI has in the vendor's configuration
	defer erp.Close()
	sim.EditClient(func(c *finapitest.ClientSettings) { c.NotificationURL, c.AutomaticBatchUpdate = erp.URL, true })

	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: finapitest.AmnisID})
	if err != nil {
		log.Fatal(err)
	}
	if err := sim.Approve(consent.URL); err != nil {
		log.Fatal(err)
	}
	if _, err := user.WaitConsent(ctx, consent.ID); err != nil {
		log.Fatal(err)
	}
	automatic := true
	if _, err := user.EditProfile(ctx, finapi.ProfileChange{AutoUpdate: &automatic}); err != nil {
		log.Fatal(err)
	}
	if _, err := handler.CreateRule(ctx, user, finapi.Rule{Event: finapi.EventNewTransactions}); err != nil {
		log.Fatal(err)
	}
	sim.Clock().Advance(24 * time.Hour)
	sim.BatchUpdate() // the night

	n := <-due
	fmt.Println(n.Event, "in", len(n.Accounts), "accounts; the user is known:", n.User == user.ID())
	// Output: NEW_TRANSACTIONS in 2 accounts; the user is known: true
}

// Hooks count what a client does. The module otel turns them into OpenTelemetry's
// spans and metrics.
func ExampleWithHooks() {
	ctx := context.Background()
	sim, err := finapitest.Start()
	if err != nil {
		log.Fatal(err)
	}
	defer sim.Close()
	client, err := finapi.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: sim.ClientID(), Secret: finapi.NewSecret(sim.ClientSecret())},
		finapi.WithBaseURLs(sim.AccessURL(), sim.WebFormURL()), finapi.WithClock(sim.Clock()),
		finapi.WithHooks(finapi.Hooks{
			Start: func(ctx context.Context, op finapi.Operation) (context.Context, func(finapi.OperationEnd)) {
				return ctx, func(end finapi.OperationEnd) {
					fmt.Printf("%s: %d %q\n", op.Name, end.Status, end.Code)
				}
			},
		}))
	if err != nil {
		log.Fatal(err)
	}
	user, err := client.CreateUser(ctx, finapi.NewUser{})
	if err != nil {
		log.Fatal(err)
	}
	_, _ = user.Account(ctx, 7)
	// Output:
	// POST /api/v2/oauth/token: 200 ""
	// POST /api/v2/users: 201 ""
	// POST /api/v2/oauth/token: 200 ""
	// GET /api/v2/accounts/{id}: 404 "UNKNOWN_ENTITY"
}
