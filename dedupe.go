package finapi

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Feed delivers what happens on one bank account to one ledger: each booking
// once, and whatever the ledger has to know besides. It remembers in a [Store]
// what the ledger has got, so it goes on after crashes, after new consents, and
// when finAPI gives every row a new id.
//
// A Feed is a cheap handle and safe for concurrent use. If two synchronise one
// ledger at a time, one of them commits each event; see [Feed.Sync] for what that means
// to a loop. Its options belong to the handle: give the same ones to all handles of a ledger,
// also to those that only decide about reviews.
type Feed struct {
	user    *User
	account AccountID
	ledger  LedgerKey
	store   Store
	pass    Pass
	cutOver Date
	rebind  bool
	// removeAll lets mass disappearances through.
	removeAll   bool
	holdReviews bool
	lockedUntil Date
	invalid     error
}

// FeedOption changes how a [Feed] works.
type FeedOption func(*Feed) error

// WithPass makes the feed look at more, or at less, than it would by itself. The
// first synchronisation of a ledger is a [PassSweep] in any case.
func WithPass(p Pass) FeedOption {
	return func(f *Feed) error {
		if !slices.Contains(passes, p) {
			return invalid("WithPass", "must be one of the known passes")
		}
		f.pass = p
		return nil
	}
}

// WithCutOver keeps bookings from before a day out of the ledger, because it has
// them from elsewhere. They are recorded, so they never come later, either, unless the bank
// dates one of them behind that day. The ledger remembers the day from its first
// synchronisation on: without the option it stays as it is, and with another day the feed
// refuses.
func WithCutOver(first Date) FeedOption {
	return func(f *Feed) error {
		if !first.Valid() {
			return invalid("WithCutOver", "must be a real day")
		}
		f.cutOver = first
		return nil
	}
}

// WithRebind lets a ledger go on with an account that the feed cannot recognise as
// the same one, because it has no IBAN or another one, or because the former
// connection of the account is still there. An account of another currency is refused
// nevertheless. Ask the customer first: a wrong answer
// mixes the bookings of two accounts. The account of a ledger is bound to it by
// the next synchronisation that comes to its end.
func WithRebind() FeedOption {
	return func(f *Feed) error {
		f.rebind = true
		return nil
	}
}

// WithMassRemovals believes that most bookings of an account are really gone, when
// a synchronisation has refused to with a [NoticeMassDisappearance]. Look at the
// bank's own pages first, and use it for one synchronisation only.
func WithMassRemovals() FeedOption {
	return func(f *Feed) error {
		f.removeAll = true
		return nil
	}
}

// WithHeldReviews keeps reviews in the queue instead of delivering them: nothing comes
// to the ledger before a person has decided with [Feed.Confirm] or [Feed.Discard]. See
// [Feed.Reviews] and [Status.Clean]. Set it from the first synchronisation of a ledger on:
// a review that was delivered before comes as [Booked] when it is confirmed, and not at all
// when it is discarded.
func WithHeldReviews() FeedOption {
	return func(f *Feed) error {
		f.holdReviews = true
		return nil
	}
}

// WithLockedUntil says that the books are closed up to and including a day. What would
// change them comes as [Locked] and not as itself. To the feed it counts as delivered: it is
// in [Status.Bookings] and in the balance proof, makes [Status.Clean] false only if it is a
// [Review], and what happens to it later refers to its UID. So keep what comes as [Locked]
// where a person sees it, with its UID, whatever becomes of it in the books.
func WithLockedUntil(day Date) FeedOption {
	return func(f *Feed) error {
		if !day.Valid() {
			return invalid("WithLockedUntil", "must be a real day")
		}
		f.lockedUntil = day
		return nil
	}
}

// Feed opens the feed from one of the customer's accounts to a ledger of the ERP.
// It sends nothing; bad input is refused at the first use.
//
// The first synchronisation binds the ledger to the account. When the bank is
// connected anew, the account gets a new id at finAPI: open the feed with the new
// id and the old ledger, and it goes on without a double, if IBAN, currency and
// type agree and the former account is gone; otherwise it refuses with
// [CodeLedgerBound], see [WithRebind].
func (u *User) Feed(account AccountID, ledger LedgerID, store Store, options ...FeedOption) *Feed {
	f := &Feed{
		user: u, account: account, store: store,
		ledger: LedgerKey{Environment: u.client.environment.String(), Ledger: ledger},
	}
	f.invalid = f.check(options)
	return f
}

func (f *Feed) check(options []FeedOption) error {
	name := string(f.ledger.Ledger)
	switch {
	case f.account <= 0:
		return invalid("AccountID", "must be positive")
	case strings.TrimSpace(name) == "" || utf8.RuneCountInString(name) > 200 || !printable(name):
		return invalid("LedgerID", "must be 1 to 200 printable characters")
	case f.store == nil:
		return invalid("Store", "must not be nil")
	}
	for _, option := range options {
		if option == nil {
			return invalid("options", "must not hold a nil FeedOption")
		}
		if err := option(f); err != nil {
			return err
		}
	}
	return nil
}

func printable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Ledger returns what the feed's memory is kept under.
func (f *Feed) Ledger() LedgerKey { return f.ledger }

// Store returns the feed's memory.
func (f *Feed) Store() Store { return f.store }

// Batch is a part of what one synchronisation delivers.
type Batch struct {
	// Events are up to 200, in the order in which the ledger should see them.
	Events []Event
	// Change is what the Store has to commit together with what the ERP makes of
	// the events.
	Change Change
}

// last returns the last event, or nil.
func (b *Batch) last() Event {
	if len(b.Events) == 0 {
		return nil
	}
	return b.Events[len(b.Events)-1]
}

const batchSize = 200

// maxRaces is how often a synchronisation starts over because another worker was
// faster.
const maxRaces = 3

// Sync iterates over what the ledger has to do. It first reads, then decides,
// and only then yields, so an error while reading comes before any event.
//
// It delivers at least once. An event counts as done when the loop asks for the next one:
// the feed then commits it to its [Store]. After a break, or a crash in the loop's body, the
// event comes again, with the same UID and the same [EventKey] unless finAPI has given the
// row a new id before that. If two loops run at once, both can get the first event. An ERP
// that books twice what comes twice should use the module sqlstore: its Sync commits the
// ERP's rows and the feed's memory in one transaction, its Fill keeps the events for an ERP
// that is elsewhere. A ledger that Fill fills is refused here.
//
// A review can be decided when the loop has asked for the next event, not before.
//
// Sync reads finAPI's store, not the bank: call [User.Refresh] before it. It ends
// with a [Synced], or with an error. A [CodeIncomplete] or [CodeStaleData] comes
// after the Synced: what was delivered is safe and committed, and the next
// synchronisation goes on from there. So when one account fails, go on with the
// others.
func (f *Feed) Sync(ctx context.Context) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		var stopped bool
		err := f.deliver(ctx, 1, func(ctx context.Context, b Batch) error {
			if b.Change.Mark.Filled {
				return invalid("Ledger", "must be filled as before: use sqlstore.Fill, and sqlstore.Decide with a nil apply")
			}
			for _, event := range b.Events {
				if _, end := event.(Synced); end {
					break // asks nothing of the ledger, so it is committed first
				}
				if !yield(event, nil) {
					stopped = true
					return errStopped
				}
			}
			if err := f.store.Commit(ctx, f.ledger, b.Change); err != nil {
				return err
			}
			if end, ok := b.last().(Synced); ok && !yield(end, nil) {
				stopped = true
				return errStopped
			}
			return nil
		})
		if err != nil && !stopped {
			yield(nil, err)
		}
	}
}

var errStopped = errors.New("the caller broke out of the loop")

// Deliver does what [Feed.Sync] does in batches, for stores that commit together
// with the ERP's rows: apply must commit batch.Change, as [Store.Commit] does,
// and whatever it makes of the events, all or nothing. If apply fails, delivery
// ends with its error; batches before it stay committed. If it fails with
// [CodeConflict], delivery starts over from what the other worker left.
func (f *Feed) Deliver(ctx context.Context, apply func(context.Context, Batch) error) error {
	if apply == nil {
		return invalid("apply", "must not be nil")
	}
	return f.deliver(ctx, batchSize, apply)
}

// deliver tells the hooks of one synchronisation, however it ends.
func (f *Feed) deliver(ctx context.Context, size int, apply func(context.Context, Batch) error) error {
	if f.invalid != nil {
		return f.invalid
	}
	var ended OperationEnd
	ctx, end := f.user.client.begin(ctx, Operation{Kind: OperationSync, Name: string(OperationSync), Attempt: 1})
	defer func() { end(ended) }()
	err := f.race(ctx, size, func(ctx context.Context, b Batch) error {
		err := apply(ctx, b)
		if last, ok := b.last().(Synced); ok && (err == nil || errors.Is(err, errStopped)) {
			ended.Synced = &last
		}
		return err
	})
	if !errors.Is(err, errStopped) {
		ended.Err = err
	}
	return err
}

// race delivers, and starts over if another worker was faster.
func (f *Feed) race(ctx context.Context, size int, apply func(context.Context, Batch) error) error {
	for race := 1; ; race++ {
		err := f.deliverOnce(ctx, size, apply)
		if !IsError(err, CodeConflict) || race == maxRaces {
			return err
		}
	}
}

func (f *Feed) deliverOnce(ctx context.Context, size int, apply func(context.Context, Batch) error) error {
	s, err := f.read(ctx)
	if err != nil {
		return err
	}
	for _, batch := range s.batches(size) {
		if err := apply(ctx, batch); err != nil {
			return err
		}
	}
	return s.shortfall
}

// reading is one synchronisation on its way from finAPI's rows to batches.
type reading struct {
	feed    *Feed
	account Account
	mark    Mark
	pass    Pass
	facts   evidence
	plan    plan
	uids    map[TransactionID]UID // of new rows
	notices []Notice
	done    []effect
	proof   *BalanceProof
	// provedNow: the balance could be compared in this pass.
	provedNow bool
	// shortfall is why the reading is not complete; nil if it is.
	shortfall error
}

// read reads and decides. It writes nothing.
func (f *Feed) read(ctx context.Context) (*reading, error) {
	mark, err := f.store.Mark(ctx, f.ledger)
	if err != nil {
		return nil, err
	}
	s := &reading{feed: f, mark: mark}
	if s.account, err = f.user.Account(ctx, f.account); err != nil {
		return nil, err
	}
	if err := s.bind(ctx); err != nil {
		return nil, err
	}
	for wanted := s.choosePass(); wanted != s.pass; wanted = s.closerLook() {
		s.pass = wanted
		if err := s.look(ctx); err != nil {
			return nil, err
		}
	}
	if err := s.nameNew(ctx); err != nil {
		return nil, err
	}
	return s, s.finish(ctx)
}

// bind makes sure that the account is the one that the ledger belongs to.
func (s *reading) bind(ctx context.Context) error {
	source := Source{User: s.feed.user.id, Account: s.account.ID}
	former := s.mark.Source
	s.facts.source, s.facts.removeAll = source, s.feed.removeAll
	if err := s.cutOver(); err != nil {
		return err
	}
	if s.mark.Version == 0 || former == source {
		return nil
	}
	switch {
	case s.mark.Currency != "" && s.account.Currency != "" && s.mark.Currency != s.account.Currency:
		return bound("the ledger belongs to an account with another currency")
	case !s.feed.rebind:
		if err := s.recognise(ctx, former); err != nil {
			return err
		}
	}
	s.facts.reimported = true
	s.notice(NoticeRebound, fmt.Sprintf("the ledger goes on with the account that has the id %d at finAPI", s.account.ID))
	return nil
}

// cutOver takes the ledger's cut-over from its mark, or at first from the option.
func (s *reading) cutOver() error {
	wanted, known := s.feed.cutOver, s.mark.CutOver
	if !wanted.IsZero() && s.mark.Version > 0 && wanted != known {
		return invalid("WithCutOver", "must be the day that the ledger began with")
	}
	s.facts.cutOver = known
	if s.mark.Version == 0 {
		s.facts.cutOver = wanted
	}
	return nil
}

// recognise makes sure that a new account is the ledger's bank account, and that
// the former one is gone.
func (s *reading) recognise(ctx context.Context, former Source) error {
	if !s.sameBankAccount() {
		return bound("the ledger belongs to an account with another IBAN, currency or type")
	}
	if former.User != s.facts.source.User {
		return nil // what another user has cannot be asked; nothing is removed then
	}
	_, err := s.feed.user.Account(ctx, former.Account)
	if err == nil {
		return bound("the ledger belongs to another connection of this account, which is still there")
	}
	if IsError(err, CodeUnknownEntity, CodeNotFound) {
		return nil
	}
	return err
}

func (s *reading) sameBankAccount() bool {
	return s.mark.IBAN != "" && s.mark.IBAN == fold(s.account.IBAN) &&
		s.mark.Currency == s.account.Currency && s.mark.Type == s.account.Type
}

func bound(message string) error {
	return &Error{Code: CodeLedgerBound, Actor: ActorVendor, Message: message}
}

const (
	completeEvery = 24 * time.Hour
	sweepEvery    = 30 * 24 * time.Hour
	// A fast pass looks at this many days before the newest import again, because
	// rows can become visible later than they were imported.
	overlapDays = 3
	// A complete pass looks at this many days at least, which is more than any
	// update of finAPI's reaches back.
	windowDays = 100
	// What finAPI's updates reach back at the most.
	reachDays = 89
)

func (s *reading) choosePass() Pass {
	if s.mark.Version == 0 || s.facts.reimported || s.mark.Imported.IsZero() {
		return PassSweep
	}
	if s.feed.pass != PassAuto {
		return s.feed.pass
	}
	now := s.feed.user.client.clock.Now()
	switch {
	case due(s.mark.Swept, now, sweepEvery):
		return PassSweep
	case due(s.mark.Completed, now, completeEvery):
		return PassComplete
	}
	return PassFast
}

// due also says yes if the clock was turned back.
func due(last, now time.Time, every time.Duration) bool {
	return last.IsZero() || now.Before(last) || now.Sub(last) >= every
}

// look lists, recalls, matches, and looks up what matching wants to know.
func (s *reading) look(ctx context.Context) error {
	query := TransactionQuery{Accounts: []AccountID{s.account.ID}}
	s.facts.complete, s.facts.from = s.pass != PassFast, Date{}
	switch s.pass {
	case PassFast:
		query.ImportedFrom = DateOf(s.mark.Imported).AddDays(-overlapDays)
	case PassComplete:
		query.From = s.windowStart()
		s.facts.from = query.From
	case PassSweep, PassAuto:
	}
	if err := s.list(ctx, query); err != nil {
		return err
	}
	if err := s.recall(ctx); err != nil {
		return err
	}
	s.facts.absent, s.facts.present = map[TransactionID]bool{}, map[TransactionID]bool{}
	s.plan = match(&s.facts)
	if len(s.plan.questions) == 0 {
		return nil
	}
	if err := s.lookUp(ctx, s.plan.questions); err != nil {
		return err
	}
	s.plan = match(&s.facts)
	return nil
}

// windowStart reaches behind all that finAPI may have changed since the last
// finished update.
func (s *reading) windowStart() Date {
	today := DateOf(s.account.Updated())
	if today.IsZero() || s.account.Updated().IsZero() {
		today = DateOf(s.feed.user.client.clock.Now())
	}
	days := windowDays
	if !s.mark.Updated.IsZero() {
		days = max(days, today.DaysSince(DateOf(s.mark.Updated))+10)
	}
	return today.AddDays(-days)
}

// maxListings is how often a listing is repeated because the account was updated
// while it was read.
const maxListings = 3

// list reads the rows while the account stands still. If it does not, what was
// read is used as incomplete.
func (s *reading) list(ctx context.Context, query TransactionQuery) error {
	pages, err := s.feed.user.transactionPager(query)
	if err != nil {
		return err
	}
	for attempt := 1; ; attempt++ {
		before := s.account
		if err := s.listOnce(ctx, pages); err != nil {
			return err
		}
		moved := !s.account.Updated().Equal(before.Updated())
		if s.shortfall == nil && (moved || !s.account.settled()) {
			s.shortfall = s.stale()
		}
		if s.shortfall == nil || !moved || attempt == maxListings {
			s.facts.complete = s.facts.complete && s.shortfall == nil
			return nil
		}
	}
}

// listOnce reads the rows, and then the account again. Rows that did not stand
// still are a shortfall, not an error.
func (s *reading) listOnce(ctx context.Context, pages *pager[Transaction]) error {
	rows, err := pages.list(ctx)
	if IsError(err, CodeIncomplete) {
		s.shortfall, err = err, nil
	} else {
		s.shortfall = nil
	}
	if err != nil {
		return err
	}
	if err := s.take(rows); err != nil {
		return err
	}
	s.account, err = s.feed.user.Account(ctx, s.account.ID)
	return err
}

// take checks the rows and fills in their currency.
func (s *reading) take(rows []Transaction) error {
	for i := range rows {
		tx := &rows[i]
		if tx.Account != s.account.ID {
			return unreadable(&endpoints[epTransactions], 200, "", CodeUnreadable, "the listing holds rows of another account")
		}
		if tx.Amount.Currency == "" {
			tx.Amount.Currency = s.account.Currency
		}
	}
	s.facts.listed = rows
	return nil
}

func (s *reading) stale() error {
	return &Error{
		Code: CodeStaleData, Actor: ActorBank, Endpoint: endpoints[epAccount].String(),
		Message: "the account's data is not at rest: " + string(Code(s.account.Status()).clean()),
	}
}

// recall asks the store for the rows that may concern the listing.
func (s *reading) recall(ctx context.Context) error {
	if s.mark.Version == 0 {
		return nil
	}
	q := RowQuery{Source: s.facts.source}
	for i := range s.facts.listed {
		q.IDs = append(q.IDs, s.facts.listed[i].ID)
		q.Fingerprints = append(q.Fingerprints, fingerprint(&s.facts.listed[i]))
	}
	if s.pass != PassFast {
		q.Since = &s.facts.from
	}
	var err error
	if s.facts.memory, err = s.feed.store.Rows(ctx, s.feed.ledger, q); err != nil || s.pass != PassFast {
		return err
	}
	return s.recallAround(ctx)
}

// recallAround also asks for the rows of the days around new rows, any of which
// may be the former self of one.
func (s *reading) recallAround(ctx context.Context) error {
	known := map[TransactionID]bool{}
	loaded := map[UID]bool{}
	for i := range s.facts.memory {
		known[s.facts.memory[i].ID] = true
		loaded[s.facts.memory[i].UID] = true
	}
	for _, span := range s.spans(known) {
		rows, err := s.feed.store.Rows(ctx, s.feed.ledger, RowQuery{Since: &span.from, Until: span.to})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if !loaded[row.UID] {
				loaded[row.UID] = true
				s.facts.memory = append(s.facts.memory, row)
			}
		}
	}
	return nil
}

type span struct{ from, to Date }

// spans are the days around new rows. Those that touch are one, so that a row that comes
// years late does not bring the years between.
func (s *reading) spans(known map[TransactionID]bool) []span {
	var days []Date
	for i := range s.facts.listed {
		if tx := &s.facts.listed[i]; !known[tx.ID] {
			days = append(days, tx.BookingDate)
		}
	}
	slices.SortFunc(days, Date.Compare)
	var spans []span
	for _, day := range days {
		next := span{day.AddDays(-nearby), day.AddDays(nearby)}
		if last := len(spans) - 1; last >= 0 && !next.from.After(spans[last].to.AddDays(1)) {
			spans[last].to = next.to
			continue
		}
		spans = append(spans, next)
	}
	return spans
}

// lookUpSize keeps the URL of a look-up far below what gateways take. finAPI
// itself takes 1,000 ids.
const lookUpSize = 200

// lookUp finds out which rows are still there. A row of another account under the
// same id is not the one that was asked for. One with other contents may be or not,
// which only a more thorough pass can tell, so nothing is known of it.
func (s *reading) lookUp(ctx context.Context, ids []TransactionID) error {
	known := map[TransactionID]*Row{}
	for i := range s.facts.memory {
		known[s.facts.memory[i].ID] = &s.facts.memory[i]
	}
	for chunk := range slices.Chunk(ids, lookUpSize) {
		pages, err := s.feed.user.transactionPager(TransactionQuery{IDs: chunk})
		if err != nil {
			return err
		}
		rows, err := pages.list(ctx)
		if err != nil {
			return err
		}
		changed := map[TransactionID]bool{}
		for i := range rows {
			row := &rows[i]
			if row.Amount.Currency == "" {
				row.Amount.Currency = s.account.Currency
			}
			same := known[row.ID] != nil && row.Account == known[row.ID].Source.Account
			changed[row.ID] = same && fingerprint(row) != fingerprint(&known[row.ID].Transaction)
			s.facts.present[row.ID] = same && !changed[row.ID]
		}
		for _, id := range chunk {
			s.facts.absent[id] = !s.facts.present[id] && !changed[id]
		}
	}
	return nil
}

// closerLook returns the pass that is thorough enough for what was found.
func (s *reading) closerLook() Pass {
	for i := range s.plan.verdicts {
		v := &s.plan.verdicts[i]
		switch {
		case v.kind == isConflict:
			return PassSweep // ids have moved, and nobody knows how far
		case s.pass != PassFast || v.isNew() && !v.odd:
		case v.day().Before(s.windowStart()):
			return PassSweep // a complete pass would not see it
		default:
			return s.atLeastComplete()
		}
	}
	return s.pass
}

// atLeastComplete is a complete pass, unless something odd is older than it
// reaches.
func (s *reading) atLeastComplete() Pass {
	for i := range s.facts.listed {
		if s.facts.listed[i].BookingDate.Before(s.windowStart()) {
			return PassSweep
		}
	}
	return PassComplete
}

// nameNew gives new rows their UIDs.
func (s *reading) nameNew(ctx context.Context) error {
	s.uids = map[TransactionID]UID{}
	taken := map[UID]bool{}
	var wanted []UID
	for _, v := range s.plan.verdicts {
		if v.isNew() {
			wanted = append(wanted, s.uid(v.tx.ID, 1))
		}
	}
	for n := 2; len(wanted) > 0 && s.mark.Version > 0; n++ {
		rows, err := s.feed.store.Rows(ctx, s.feed.ledger, RowQuery{UIDs: wanted})
		if err != nil {
			return err
		}
		wanted = nil
		for _, row := range rows {
			taken[row.UID] = true
		}
		for _, v := range s.plan.verdicts {
			if v.isNew() && taken[s.uid(v.tx.ID, n-1)] {
				wanted = append(wanted, s.uid(v.tx.ID, n))
			}
		}
	}
	for _, v := range s.plan.verdicts {
		n := 1
		for v.isNew() && taken[s.uid(v.tx.ID, n)] {
			n++
		}
		if v.isNew() {
			s.uids[v.tx.ID] = s.uid(v.tx.ID, n)
		}
	}
	return nil
}

func (v *verdict) isNew() bool {
	known := v.row.UID != ""
	return !known && (v.kind == isBooked || v.kind == isReview || v.kind == isRecorded || v.kind == isAdjusting)
}

// uid names a booking by the first id it had. n is above 1 for the rare booking
// that finAPI shows under an id which stood for another one before.
func (s *reading) uid(id TransactionID, n int) UID {
	uid := fmt.Sprintf("finapi/%s/%s/%d.%d", s.feed.ledger.Environment, s.feed.ledger.Ledger, s.account.ID, id)
	if n > 1 {
		uid = fmt.Sprintf("%s.%d", uid, n)
	}
	return UID(uid)
}

func (s *reading) notice(kind NoticeKind, text string) {
	s.notices = append(s.notices, Notice{Kind: kind, Text: text})
}
