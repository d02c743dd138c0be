// Package finapi reads bank accounts through finAPI, a regulated open banking
// provider, for accounting and ERP systems: it finds a customer's bank, gets the
// customer's consent, reads accounts, balances and booked transactions, and
// delivers each booking into a ledger exactly once.
//
// # Overview
//
// A [Client] acts for the ERP vendor: it searches [Client.Banks] and creates
// users. A [User] acts for one customer: everything that belongs to a customer is
// a method of User, so the wrong token does not compile. The way of a booking:
//
//	client, err := finapi.NewClient(finapi.Sandbox, credentials)
//	user, err := client.CreateUser(ctx, finapi.NewUser{})        // once per customer; keep ID and Password sealed
//	consent, err := user.StartConsent(ctx, finapi.ConsentRequest{Bank: bank.ID, Return: back, State: state})
//	// ... send the customer to consent.URL ...
//	consent, err = user.WaitConsent(ctx, consent.ID)
//	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: consent.Connection})
//	feed := user.Feed(accounts[0].ID, "tenant-17/1200", store)
//	for event, err := range feed.Sync(ctx) { ... }
//
// and every further day [User.Refresh], then [Feed.Sync].
//
// # Read-only
//
// The package is able to make a closed list of calls, the table in endpoints.go.
// None of them moves money, and none carries a bank credential: customers log in
// on the pages of finAPI and of their bank. A test compares the table with
// finAPI's contract.
//
// # Fresh data
//
// Reading returns what finAPI stored at the last update. Without [User.Refresh]
// it grows old without any error. Banks allow four updates a day without the
// customer; the package does not start any by itself. [Schedule] and [Timetable.Next] tell
// when one is due.
//
// # The customer
//
// [User.StartConsent] sends the customer to the bank, [ReturnHandler] receives the
// customer who comes back, [Consent.Outcome] tells what came of it. [Connection.State]
// and [User.ConsentCalendar] tell who must act by when, [User.RenewConsent] renews,
// [User.Disconnect] and [User.Forget] end it. docs/consent.md shows the whole way.
//
// # Repeating
//
// Calls that change nothing are repeated when the network or finAPI fails, as
// [WithRetry] says: with growing waits and jitter, heeding Retry-After. Creating a
// user, starting a consent and starting an update are never repeated by
// themselves. A user's first log-in is sent once, too, because finAPI locks users
// after failed ones, and a refused password is never sent again; renewing a token
// is repeated like a read. After a status 401, any call is made once
// more with a new token, because finAPI refused it before it acted.
//
// # How much is sent
//
// A client has at most 32 requests under way, see [WithMaxInFlight]; [WithRateLimit] adds
// a rate. A host that fails for a while is left alone, and calls fail at once with
// [CodeHostDown], see [Circuit]. Every wait ends with its context. docs/scale.md shows
// the bounds.
//
// # Errors
//
// Every refusal is an [*Error] with a [Code] and an [Actor], who is the one that
// must act: the customer, the vendor, the bank or finAPI. [Error.Remedy] says in a
// sentence for people what to do, in English or German, and [Error.Retry] when it
// is worth trying again. Bad input is refused
// before anything is sent, and [Error.Field] names it. Contexts that end give the
// context's own error, wrapped. [*ActionRequired] says that the customer must visit the
// bank again.
//
// # Watching
//
// [WithLogger] logs requests, [WithHooks] tells of requests, refreshes and
// synchronisations as they begin and end; the module otel makes OpenTelemetry's spans
// and metrics of that. docs/observability.md lists what there is to see.
//
// # Personal data
//
// Texts of errors and log lines hold no ids, IBANs, names, queries or bodies.
// [Secret] prints as REDACTED in every way. Nothing is logged unless [WithLogger]
// asks for it.
//
// # What may change
//
// Structs gain fields and enums gain values, so use field names in literals and
// give switches a default. finAPI adds fields and values, too; unknown ones never
// make an answer unreadable.
package finapi
