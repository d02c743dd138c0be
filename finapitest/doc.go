// Package finapitest is a stateful simulator of finAPI on loopback, for tests
// of programs that read bank accounts through finAPI.
//
// It plays both hosts, Access V2 and Web Form 2.0, on two listeners, and
// behind them the banks: accounts on which new bookings appear every day. The
// two are kept apart as they are in life. Reading from finAPI shows finAPI's
// store only; what the bank booked meanwhile arrives with the next update, and
// an update needs a consent that the customer gave on a web form and that
// expires.
//
//	sim := finapitest.New(t)
//	// point the client under test at sim.AccessURL() and sim.WebFormURL(),
//	// with sim.ClientID() and sim.ClientSecret(), then:
//	err := sim.Approve(form.URL)          // the customer says yes
//	sim.Clock().Advance(24 * time.Hour)   // a day passes at the bank
//
// # The customer
//
// A form's link leads to pages that a person, or a test in a browser, goes
// through: finAPI's form with its terms, and behind it the log-in and the
// confirmation at the bank, on the bank's own pages if it has some. They need no
// scripts, speak German and English, and take demo as user name and password, as
// finAPI's test banks do. [Server.Approve], [Server.Abort] and [Server.Reject] do
// the same without pages. How else forms and updates can end is up to the test:
// [Server.EndForm], [Server.FailUpdates], [Server.KeepBusy] and
// [Server.RevokeConsent].
//
// # Faults
//
// [Server.Inject] lets things go wrong between the client and finAPI: connections that
// break, answers that are cut off, full of garbage or endless, gateways that give up,
// tokens that die. A [Fault] says what happens to which calls, how often or how likely,
// and whether finAPI has done what was asked for before: that the answer to a form or an
// update is lost is the worst case of all. [EveryFault] lists all kinds for a test that
// tries them one by one. Clients whose clock is wrong use [Clock.Skewed].
//
// A few faults last for as long as the client waits, so give it little patience then, with
// the Timeout of an [net/http.Client] of a fraction of a second.
//
// # Time
//
// The simulator has a clock of its own that stands still until a test moves
// it with [Clock.Advance] or [Clock.Sleep]. Tokens, forms and consents expire
// on it, imports and updates take their time on it, and the bank books on it.
// A client that polls should wait with [Clock.Sleep]; it then never really
// waits. [WithRunningClock] lets the clock follow real time, for programs
// with a person at the form.
//
// # The default world
//
// A customer has three current accounts (EUR, CHF, USD) at amnis, a current
// and a savings account at Stadtsparkasse Beispielstadt, and an account at
// each of finAPI's two test banks. The history goes back twenty months. It is
// the same in every run: generated from a fixed seed and a fixed start time.
// Each account was opened with a balance of zero within the history, so the
// sum of its booked rows is its balance. The day after the start brings the
// cases on which naive imports fail: two equal bookings, a pending row that is
// booked under another id with another text, and a row that the bank shows
// days after its booking date.
//
// # Strictness
//
// The simulator checks the contract: unknown query parameters, unknown body
// fields, null where the contract has none, illegal pages and values are
// refused, although finAPI itself may be more lenient. Where finAPI's behaviour is not documented, the source says
// "guess" next to the choice.
package finapitest
