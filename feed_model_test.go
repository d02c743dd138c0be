package finapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

var histories = flag.Int("histories", 500, "random histories for TestWhateverHappensTheLedgerEndsLikeTheBank; try 20000")

// TestWhateverHappensTheLedgerEndsLikeTheBank drives a feed through random days:
// bookings that look alike, rows and accounts that get new ids, rows that are
// reworded, come late or are taken back, doubles that finAPI suspects rightly or
// wrongly and people who decide, listings that move while they are read, requests that
// fail, commits that crash, workers that overtake each other. No booking may ever be in
// the ledger twice, and in the end all must be, and the balance must be proved.
//
// The 500 of a normal run are always the same.
//
//	go test -run TestWhateverHappens -histories=20000
func TestWhateverHappensTheLedgerEndsLikeTheBank(t *testing.T) {
	t.Parallel()
	const each = 100 // what rapid.Check tries by default
	for batch := range (*histories + each - 1) / each {
		rapid.Check(t, func(t *rapid.T) {
			rapid.SliceOfN(rapid.Byte(), batch, batch).Draw(t, "batch") // its own histories, also with the same seed
			playHistory(t)
		})
	}
}

func playHistory(t *rapid.T) {
	m := newFeedModel(t)
	t.Repeat(map[string]func(*rapid.T){
		"":           m.neverDouble,
		"book":       m.book,
		"bookLate":   m.bookLate,
		"reissue":    m.reissueOne,
		"refetch":    m.reissueAll,
		"rewrap":     m.rewrap,
		"reconnect":  m.reconnect,
		"shift":      m.shiftIDs,
		"reword":     m.reword,
		"rewordAll":  m.rewordAll,
		"takeBack":   m.takeBack,
		"suspect":    m.suspect,
		"decide":     m.decideOne,
		"hours":      func(*rapid.T) { m.clock.advance(time.Hour) },
		"day":        func(*rapid.T) { m.clock.advance(25 * time.Hour) },
		"sync":       func(t *rapid.T) { m.sync(t, -1, false) },
		"syncDrift":  func(t *rapid.T) { m.sync(t, -1, true) },
		"syncCrash":  func(t *rapid.T) { m.sync(t, rapid.IntRange(0, 3).Draw(t, "commits before the crash"), false) },
		"syncFault":  m.syncFault,
		"twoWorkers": m.twoWorkers,
	})
	m.settle(t)
}

// feedModel is a bank account, what finAPI holds of it, and a ledger.
type feedModel struct {
	clock       *testClock
	fake        *scenarioServer
	store       *finapi.MemoryStore
	user        *finapi.User
	rows        []scenarioRow // ascending by id; a double that the bank does not have is marked
	nextID      int64
	account     int64
	booked      map[finapi.UID]string // what the ledger holds, by what it is
	inReview    map[finapi.UID]bool   // of what the ledger holds
	worded      int                   // for texts that no other row has
	reworded    bool                  // since the last complete pass
	reconnected bool                  // since the last complete pass
	taken       int                   // rows taken back since the last complete pass
	suspected   bool                  // a row was flagged
	believe     []finapi.FeedOption   // what a person said of a mass disappearance
}

func newFeedModel(t *rapid.T) *feedModel {
	m := &feedModel{
		clock: &testClock{now: time.Date(2025, 5, 1, 8, 0, 0, 0, time.UTC)},
		fake:  &scenarioServer{}, store: &finapi.MemoryStore{}, nextID: 100, account: 11,
		booked: map[finapi.UID]string{}, inReview: map[finapi.UID]bool{},
	}
	m.fake.edit = m.edit
	client, err := capture.NewClient(finapi.Sandbox, finapi.Credentials{ID: "id", Secret: finapi.NewSecret("secret")},
		finapi.WithTransport(m.fake), finapi.WithClock(m.clock),
		finapi.WithRetry(finapi.Retry{Attempts: 1, Base: time.Millisecond, Max: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	m.user = client.User("model", finapi.NewSecret("password"))
	m.publish()
	return m
}

// add puts a row of few possible contents into finAPI's store, so that equal
// bookings are common.
func (m *feedModel) add(t *rapid.T, day int) {
	if m.reworded {
		t.Skip("nobody could tell which one is new")
	}
	m.nextID++
	m.rows = append(m.rows, scenarioRow{
		"id": float64(m.nextID), "accountId": float64(m.account),
		"bankBookingDate": finapi.DateOf(m.clock.Now()).AddDays(-day).String(),
		"amount":          rapid.SampledFrom([]float64{-2.5, 10, 0}).Draw(t, "amount"),
		"currency":        "EUR",
		"purpose":         rapid.SampledFrom([]string{"PARKHAUS", "Miete Büro"}).Draw(t, "purpose"),
		"importDate":      m.clock.Now().Format("2006-01-02T15:04:05.000Z07:00"),
	})
	m.publish()
}

func (m *feedModel) book(t *rapid.T)     { m.add(t, rapid.IntRange(0, 2).Draw(t, "days ago")) }
func (m *feedModel) bookLate(t *rapid.T) { m.add(t, rapid.IntRange(3, 9).Draw(t, "days ago")) }

func (m *feedModel) pick(t *rapid.T) int {
	if len(m.rows) == 0 {
		t.Skip("no row")
	}
	return rapid.IntRange(0, len(m.rows)-1).Draw(t, "row")
}

// reissue gives a row a new id, as finAPI does when it deletes and fetches again.
func (m *feedModel) reissue(i int) {
	row := m.rows[i]
	copied := maps.Clone(row)
	m.nextID++
	copied["id"] = float64(m.nextID)
	copied["importDate"] = m.clock.Now().Format("2006-01-02T15:04:05.000Z07:00")
	m.rows = append(slices.Delete(m.rows, i, i+1), copied)
}

func (m *feedModel) reissueOne(t *rapid.T) { m.reissue(m.pick(t)); m.publish() }

func (m *feedModel) reissueAll(*rapid.T) {
	for range m.rows {
		m.reissue(0)
	}
	m.publish()
}

// shiftIDs gives every row the id of its neighbour, as a bank does that numbers its
// rows by their position and then puts a late one in front.
func (m *feedModel) shiftIDs(*rapid.T) {
	if len(m.rows) == 0 {
		return
	}
	m.nextID++
	for i := range m.rows {
		row := maps.Clone(m.rows[i])
		row["id"] = float64(m.nextID)
		if i+1 < len(m.rows) {
			row["id"] = m.rows[i+1]["id"]
		}
		m.rows[i] = row
	}
	m.publish()
}

// reconnect deletes the connection and connects the bank anew: the account and all
// of its rows get new ids.
func (m *feedModel) reconnect(t *rapid.T) {
	if m.taken > 0 {
		t.Skip("nobody could tell a shorter history from rows that were taken back")
	}
	m.account++
	m.reconnected = true
	for _, row := range m.rows {
		row["accountId"] = float64(m.account)
	}
	m.reissueAll(t)
}

// rewrap changes the white space of a text and the id, which is the same booking.
func (m *feedModel) rewrap(t *rapid.T) {
	m.reissue(m.pick(t))
	row := m.rows[len(m.rows)-1]
	row["purpose"] = strings.Join(strings.Split(row.text("purpose"), ""), rapid.SampledFrom([]string{" ", "\n", ""}).Draw(t, "space"))
	m.publish()
}

// reword gives a row a new id and another text at once, so that no fingerprint can
// recognise it.
func (m *feedModel) reword(t *rapid.T) {
	if m.taken == 2 || m.reconnected {
		t.Skip("enough")
	}
	i := m.pick(t)
	m.taken++ // to the feed, one has gone and another one has come
	m.reissue(i)
	m.rewordRow(len(m.rows) - 1)
	m.publish()
}

func (m *feedModel) rewordRow(i int) {
	m.worded++
	m.rows[i] = maps.Clone(m.rows[i])
	m.rows[i]["purpose"] = fmt.Sprintf("%s SVWZ%d", m.rows[i].text("purpose"), m.worded)
}

// rewordAll does that to all rows, as if finAPI had fetched them from another
// interface of the bank. If a new one came at the same time, nobody could tell which
// one it is; so all are known before.
func (m *feedModel) rewordAll(t *rapid.T) {
	if m.taken > 0 || m.reconnected || len(m.rows) < 3 {
		t.Skip("nobody could tell them apart")
	}
	m.sync(t, -1, false)
	m.reconnected, m.reworded = true, true
	m.reissueAll(t)
	for i := range m.rows {
		m.rewordRow(i)
	}
	m.publish()
}

// takeBack removes a row for good. More than two between two syncs could be taken
// for a mass disappearance, which the feed refuses to believe on purpose.
func (m *feedModel) takeBack(t *rapid.T) {
	if m.taken == 2 || m.reconnected {
		t.Skip("enough")
	}
	i := m.pick(t)
	if slices.ContainsFunc(m.rows, func(row scenarioRow) bool { return row[double] == true }) {
		t.Skip("nobody could tell a double from a booking under a new id")
	}
	m.taken++
	m.rows = slices.Delete(m.rows, i, i+1)
	m.publish()
}

// double marks a row that finAPI imported twice.
const double = "_double"

// suspect lets a row come that finAPI flags because it equals another one: the same
// booking a second time, or a booking of its own.
func (m *feedModel) suspect(t *rapid.T) {
	if m.reworded {
		t.Skip("nobody could tell which one is new")
	}
	row := maps.Clone(m.rows[m.pick(t)])
	m.nextID++
	row["id"], row["isPotentialDuplicate"] = float64(m.nextID), true
	row["importDate"] = m.clock.Now().Format("2006-01-02T15:04:05.000Z07:00")
	row[double] = rapid.Bool().Draw(t, "a double")
	m.suspected = true
	m.rows = append(m.rows, row)
	m.publish()
}

// decideOne lets a person who looks at the bank's own pages decide about a review.
func (m *feedModel) decideOne(t *rapid.T) {
	m.upToDate(t)
	open, err := m.feed().Reviews(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(open) == 0 {
		t.Skip("nothing to decide")
	}
	m.decide(t, &open[rapid.IntRange(0, len(open)-1).Draw(t, "review")])
}

// upToDate makes sure that the ledger and the bank's pages can be compared, and that the
// person has said what has become of bookings that vanished in a mass.
func (m *feedModel) upToDate(t *rapid.T) {
	m.sync(t, -1, false, finapi.WithPass(finapi.PassComplete))
	if len(m.believe) > 0 {
		m.sync(t, -1, false, finapi.WithPass(finapi.PassComplete))
	}
}

func (m *feedModel) decide(t *rapid.T, open *finapi.OpenReview) {
	uid, verdict := open.UID, finapi.Confirmed
	content := m.booked[uid]
	reworded := m.atBank()[content] == 0
	textTooOften := reworded || m.inLedger()[content] > m.atBank()[content]
	if textTooOften && m.excess(content, nil) > 0 || m.excess(content, m.otherReviews(t, open)) > 0 {
		verdict = finapi.Discarded
	}
	if verdict == finapi.Discarded {
		m.callDouble(open.Transaction.ID)
	}
	err := m.feed().Decide(t.Context(), uid, verdict, "person", func(ctx context.Context, b finapi.Batch) error {
		if err := m.store.Commit(ctx, m.feed().Ledger(), b.Change); err != nil {
			return err
		}
		delete(m.inReview, uid)
		if verdict == finapi.Discarded {
			delete(m.booked, uid)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("the decision failed: %v", err)
	}
}

// excess is how many more the ledger has of a day and amount than the bank, without some of its
// bookings. A double has to go only if there is one, whatever the texts: if all rows got new ids and
// texts at once, nobody could tell a discarded double that finAPI kept from a booking of its day
// and amount. The feed conserves their number, but the double may stand in the ledger since, and
// the booking in its place as discarded. For the same reason, one has to go if there are too many
// without all other reviews.
func (m *feedModel) excess(content string, without map[string]int) int {
	of := func(counts map[string]int) int {
		n := 0
		for other, count := range counts {
			if butText(content) == butText(other) {
				n += count
			}
		}
		return n
	}
	return of(m.inLedger()) - of(without) - of(m.atBank())
}

// otherReviews counts what is in review besides one.
func (m *feedModel) otherReviews(t *rapid.T, open *finapi.OpenReview) map[string]int {
	reviews, err := m.feed().Reviews(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	contents := map[string]int{}
	for i := range reviews {
		if reviews[i].UID != open.UID {
			contents[m.booked[reviews[i].UID]]++
		}
	}
	return contents
}

// edit is what finAPI does when a flag is cleared or a row deleted.
func (m *feedModel) edit(method string, id int64) int {
	for i, row := range m.rows {
		if row.id() != id {
			continue
		}
		flagged, _ := row["isPotentialDuplicate"].(bool)
		switch {
		case method == http.MethodPatch:
			m.rows[i] = maps.Clone(row)
			m.rows[i]["isPotentialDuplicate"] = false
		case !flagged:
			return http.StatusUnprocessableEntity
		default:
			m.rows = slices.Delete(m.rows, i, i+1)
		}
		m.publish()
		return http.StatusOK
	}
	return http.StatusNotFound
}

// callDouble makes a row the double of an equal one: which of two equal rows is the double
// is only in the model, and the person has chosen.
func (m *feedModel) callDouble(id finapi.TransactionID) {
	at := slices.IndexFunc(m.rows, func(row scenarioRow) bool { return row.id() == int64(id) })
	if at < 0 || m.rows[at][double] == true {
		return
	}
	for i, row := range m.rows {
		same := row.text("bankBookingDate") == m.rows[at].text("bankBookingDate") && row["amount"] == m.rows[at]["amount"]
		if same && row[double] == true {
			m.rows[i], m.rows[at] = maps.Clone(row), maps.Clone(m.rows[at])
			m.rows[i][double], m.rows[at][double] = false, true
			return
		}
	}
}

func (m *feedModel) feed(options ...finapi.FeedOption) *finapi.Feed {
	options = append(options, m.believe...)
	return m.user.Feed(finapi.AccountID(m.account), "ledger", m.store, options...)
}

// syncFault runs the feed while a request fails.
func (m *feedModel) syncFault(t *rapid.T) {
	m.fake.failAt = rapid.IntRange(1, 8).Draw(t, "the request that fails")
	defer func() { m.fake.failAt = 0 }()
	m.sync(t, -1, false)
}

// twoWorkers lets a second worker do everything while the first one is about to commit.
func (m *feedModel) twoWorkers(t *rapid.T) {
	feed, overtaken := m.feed(), false
	err := feed.Deliver(t.Context(), func(ctx context.Context, b finapi.Batch) error {
		if !overtaken {
			overtaken = true
			m.sync(t, rapid.IntRange(-1, 1).Draw(t, "commits before the other one crashes"), false) //nolint:contextcheck // another worker
		}
		if err := m.store.Commit(ctx, feed.Ledger(), b.Change); err != nil {
			return err
		}
		m.apply(t, b.Events)
		return nil
	})
	if err != nil {
		t.Fatalf("sync failed: %v", err)
	}
}

// publish shows finAPI's store in pages of three.
func (m *feedModel) publish() {
	in := &scenarioSync{}
	for page := range slices.Chunk(slices.Clone(m.rows), 3) {
		in.Pages = append(in.Pages, page)
	}
	in.Accounts = []map[string]any{{
		"id": float64(m.account), "bankConnectionId": 1, "iban": "DE02120300000000202051", "accountCurrency": "EUR",
		"accountType": "Checking", "status": "UPDATED", "balance": json.Number(m.balance().String()),
		// Rows come by updates only, and every update leaves its time.
		"lastSuccessfulUpdate": fmt.Sprintf("2025-05-01T08:00:00.%03d+02:00", m.nextID%1000),
	}}
	m.fake.set(in)
}

// sync runs the feed. It crashes after so many commits, if that is not negative,
// and lets a row in or out while the listing is read, if drift.
func (m *feedModel) sync(t *rapid.T, commits int, drift bool, options ...finapi.FeedOption) {
	if drift {
		m.fake.beforePage = m.driftOnce(t)
		defer func() { m.fake.beforePage = nil }()
	}
	feed := m.feed(options...)
	err := feed.Deliver(t.Context(), func(ctx context.Context, b finapi.Batch) error {
		if commits == 0 {
			return errCrash
		}
		commits--
		if err := m.store.Commit(ctx, feed.Ledger(), b.Change); err != nil {
			return err
		}
		m.apply(t, b.Events)
		return nil
	})
	fault := m.fake.failAt == -1 && finapi.IsError(err, finapi.CodeNetwork)
	if err != nil && !errors.Is(err, errCrash) && !fault {
		t.Fatalf("sync failed: %v", err)
	}
}

var errCrash = errors.New("the process died")

// driftOnce changes the store between the first and the second page, once.
func (m *feedModel) driftOnce(t *rapid.T) func(int) {
	into := !m.reworded && rapid.Bool().Draw(t, "a row comes")
	done := false
	return func(number int) {
		if done || number != 2 {
			return
		}
		done = true
		if into {
			m.add(t, 1)
		} else {
			m.reissue(0)
			m.publish()
		}
	}
}

// apply is the ERP.
func (m *feedModel) apply(t *rapid.T, events []finapi.Event) {
	book := func(uid finapi.UID, tx finapi.Transaction) {
		if _, twice := m.booked[uid]; twice {
			t.Fatalf("%s was booked twice", uid)
		}
		m.booked[uid] = contentOf(tx)
	}
	for _, event := range events {
		switch e := event.(type) {
		case finapi.Booked:
			book(e.UID, e.Transaction)
		case finapi.Review:
			book(e.UID, e.Transaction)
			m.inReview[e.UID] = true
		case finapi.Removed:
			if _, ok := m.booked[e.UID]; !ok {
				t.Fatalf("%s was removed, but never booked", e.UID)
			}
			delete(m.booked, e.UID)
			delete(m.inReview, e.UID)
		case finapi.Modified:
			m.booked[e.UID] = contentOf(e.New)
		case finapi.Synced:
			if e.Complete && e.Pass != finapi.PassFast {
				m.believe = nil
				m.taken, m.reconnected, m.reworded = 0, false, false
			}
		case finapi.Notice:
			if e.Kind == finapi.NoticeMassDisappearance {
				if !m.suspected {
					t.Fatalf("unexpected notice %s", e.Kind)
				}
				m.believe = append(m.believe, finapi.WithMassRemovals()) // the person has looked
			}
		}
	}
}

func contentOf(tx finapi.Transaction) string {
	return fmt.Sprintf("%s %s %s", tx.BookingDate, tx.Amount, strings.Join(strings.Fields(tx.Purpose), ""))
}

// balance is what the bank says: an opening and its rows.
func (m *feedModel) balance() decimal.Decimal {
	sum := decimal.RequireFromString("1000.5")
	for _, row := range m.rows {
		if row[double] != true {
			sum = sum.Add(number(fmt.Sprintf("%.2f", row["amount"])))
		}
	}
	return sum
}

func (m *feedModel) atFinAPI() map[string]int { return m.counts(true) }
func (m *feedModel) atBank() map[string]int   { return m.counts(false) }

func (m *feedModel) counts(doubles bool) map[string]int {
	counts := map[string]int{}
	for _, row := range m.rows {
		if !doubles && row[double] == true {
			continue
		}
		amount := fmt.Sprintf("%.2f EUR", row["amount"])
		purpose := strings.Join(strings.Fields(row.text("purpose")), "")
		counts[row.text("bankBookingDate")+" "+amount+" "+purpose]++
	}
	return counts
}

func (m *feedModel) inLedger() map[string]int {
	counts := map[string]int{}
	for _, content := range m.booked {
		counts[content]++
	}
	return counts
}

// withoutText adds up what differs in its text only, which the ledger may learn of
// later.
func withoutText(counts map[string]int) map[string]int {
	sums := map[string]int{}
	for content, n := range counts {
		sums[butText(content)] += n
	}
	return sums
}

// butText cuts a content down to day, amount and currency.
func butText(content string) string { return strings.Join(strings.Fields(content)[:3], " ") }

// neverDouble holds at every moment: of each day and amount, the ledger never has
// more than finAPI and what was taken back since.
func (m *feedModel) neverDouble(t *rapid.T) {
	if len(m.believe) > 0 {
		return // the feed has asked whether most bookings are really gone
	}
	excess := 0
	bank := withoutText(m.atFinAPI())
	for content, n := range withoutText(m.inLedger()) {
		excess += max(0, n-bank[content])
	}
	if excess > m.taken {
		t.Fatalf("the ledger has %d bookings too many: %v, finAPI has %v", excess, m.inLedger(), bank)
	}
}

// settle lets people decide about everything and two quiet days pass, with a complete
// pass on each.
func (m *feedModel) settle(t *rapid.T) {
	m.clock.advance(25 * time.Hour)
	m.upToDate(t)
	for range 2 {
		open, err := m.feed().Reviews(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for i := range open {
			m.decide(t, &open[i])
		}
		m.clock.advance(25 * time.Hour)
		m.sync(t, -1, false)
	}
	atBank, inLedger := m.atBank(), m.inLedger()
	if m.suspected && m.worded > 0 { // which of two rows was kept is for the person to say
		atBank, inLedger = withoutText(atBank), withoutText(inLedger)
	}
	bank, ledger := fmt.Sprint(atBank), fmt.Sprint(inLedger)
	if bank != ledger {
		t.Fatalf("in the end the ledger differs:\nbank   %v\nledger %v", bank, ledger)
	}
	status, err := m.feed().Status(t.Context())
	if err != nil || !status.Clean() {
		t.Fatalf("in the end the ledger is not clean: %+v, balance %+v, %v", status, status.Balance, err)
	}
}
