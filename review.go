package finapi

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Decision is what a person decided about a [Review], for the audit.
type Decision struct {
	Verdict DecisionVerdict `json:"verdict"`
	// By is who decided: the ERP's own id of the person, not a name.
	By string `json:"by"`
	// At is when.
	At time.Time `json:"at"`
	// AtFinAPI is what became of the row there: "cleared" if finAPI's flag was cleared,
	// "deleted" if the row was, "gone" if it was gone already, "kept" if finAPI does not
	// let it be deleted; "" as long as finAPI was not told.
	AtFinAPI string `json:"atFinapi"`
}

// DecisionVerdict is what a review turned out to be. The set is open.
type DecisionVerdict string

// The verdicts.
const (
	// Confirmed: a booking of its own.
	Confirmed DecisionVerdict = "confirmed"
	// Discarded: a double.
	Discarded DecisionVerdict = "discarded"
)

// OpenReview is a row that waits for a person.
type OpenReview struct {
	UID         UID
	Transaction Transaction
	// Reason says what is suspicious.
	Reason Reason
	// Candidates are the bookings of the ledger that it may be a double of, with what
	// speaks for and against the one that it resembles most.
	Candidates []Row
	Evidence   []Evidence
}

// Reviews lists the rows that wait for a person, the oldest booking first: what came as
// [Review], and bookings that finAPI has flagged since they came. It reads the store only.
func (f *Feed) Reviews(ctx context.Context) ([]OpenReview, error) {
	if f.invalid != nil {
		return nil, f.invalid
	}
	waiting, err := f.store.Rows(ctx, f.ledger, RowQuery{Reviews: true})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(waiting, func(a, b Row) int {
		return cmp.Or(a.Transaction.BookingDate.Compare(b.Transaction.BookingDate), cmp.Compare(a.UID, b.UID))
	})
	mark, err := f.store.Mark(ctx, f.ledger)
	if err != nil {
		return nil, err
	}
	reviews := make([]OpenReview, len(waiting))
	for i := range waiting {
		if reviews[i], err = f.openReview(ctx, &waiting[i], mark.Balance); err != nil {
			return nil, err
		}
	}
	return reviews, nil
}

func (f *Feed) openReview(ctx context.Context, row *Row, proof *BalanceProof) (OpenReview, error) {
	day := row.Transaction.BookingDate
	since := day.AddDays(-nearby)
	around, err := f.store.Rows(ctx, f.ledger, RowQuery{Since: &since, Until: day.AddDays(nearby)})
	if err != nil {
		return OpenReview{}, err
	}
	around = slices.DeleteFunc(around, func(r Row) bool { return r.UID == row.UID })
	open := OpenReview{UID: row.UID, Transaction: row.Transaction, Reason: ReasonFlagged}
	m := newMatcher(&evidence{memory: around})
	like := m.resembling(&row.Transaction)
	if !row.Transaction.PotentialDuplicate {
		if vanished := m.vanishedBefore(&row.Transaction); len(vanished) > 0 {
			open.Reason, like = ReasonLikeVanished, vanished
		}
	}
	open.Evidence = compare(&row.Transaction, like)
	if proof != nil {
		open.Evidence = append(open.Evidence, weigh(&row.Transaction, proof.Difference)...)
	}
	for _, r := range around {
		if slices.ContainsFunc(like, func(l likeness) bool { return l.uid == r.UID }) {
			open.Candidates = append(open.Candidates, r)
		}
	}
	return open, nil
}

// Confirm says that a review is a booking of its own. finAPI's flag is cleared, and the
// decision is remembered for good. apply gets it as [Booked] with the UID of the review,
// or gets no event if it came as [Booked] before; see [Feed.Decide].
func (f *Feed) Confirm(ctx context.Context, uid UID, by string, apply func(context.Context, Batch) error) error {
	return f.Decide(ctx, uid, Confirmed, by, apply)
}

// Discard says that a review is a double. The row is deleted at finAPI if finAPI allows
// it. If it does not, or the row got another id meanwhile, the row is recognised and does not
// come again. apply gets it as [Removed] with the UID of the review; see [Feed.Decide].
func (f *Feed) Discard(ctx context.Context, uid UID, by string, apply func(context.Context, Batch) error) error {
	return f.Decide(ctx, uid, Discarded, by, apply)
}

// Decide settles a review, for good: there is no way back but to book by hand. by is the
// ERP's own id of the person, 1 to 100 printable characters. apply must commit batch.Change
// together with what the ERP makes of the event, as in [Feed.Deliver]. sqlstore.Decide does it
// in one transaction with the ERP's rows, or with the inbox of a ledger that sqlstore.Fill
// fills: decide the reviews of such a ledger only there.
//
// If apply fails, nothing is decided. When it has committed, finAPI is told, and apply is
// called again, without an event, to note what became of the row there. If that fails, the
// decision counts nevertheless, and Decide returns the error: decide the same again, which
// tells finAPI what it does not know yet and else does nothing. Until then, finAPI keeps its
// flag or the double, which changes nothing here. If the handle has [WithLockedUntil], apply
// gets the event in a closed period as [Locked]. A uid that the ledger does not know is refused with a
// [CodeInvalidInput]. What is not in review, or was decided otherwise, is refused with a
// [CodeNotInReview].
func (f *Feed) Decide(
	ctx context.Context, uid UID, verdict DecisionVerdict, by string, apply func(context.Context, Batch) error,
) error {
	if f.invalid != nil {
		return f.invalid
	}
	if verdict != Confirmed && verdict != Discarded {
		return invalid("verdict", "must be Confirmed or Discarded")
	}
	if strings.TrimSpace(by) == "" || utf8.RuneCountInString(by) > 100 || !printable(by) {
		return invalid("by", "must have 1 to 100 printable characters")
	}
	if !printable(string(uid)) {
		return invalid("uid", "must be that of a booking of the ledger")
	}
	if apply == nil {
		return invalid("apply", "must not be nil")
	}
	var told string
	err := f.changeRow(ctx, uid, apply, func(was Row) (Row, Event, error) {
		switch {
		case was.State.waits():
		case was.Decision != nil && was.Decision.Verdict == verdict:
			told = was.Decision.AtFinAPI
			return was, nil, errUnchanged
		default:
			return was, nil, notInReview()
		}
		is := was
		is.Decision = &Decision{Verdict: verdict, By: by, At: f.user.client.clock.Now()}
		return is, f.lock(f.hold(&was, settle(&is, was.State))), nil
	})
	if err != nil || told != "" {
		return err
	}
	return f.carryOut(ctx, uid, verdict, apply)
}

// carryOut tells finAPI what was decided, and notes what became of the row there.
func (f *Feed) carryOut(
	ctx context.Context, uid UID, verdict DecisionVerdict, apply func(context.Context, Batch) error,
) error {
	rows, err := f.store.Rows(ctx, f.ledger, RowQuery{UIDs: []UID{uid}})
	switch {
	case err != nil:
		return err
	case len(rows) != 1 || rows[0].Decision == nil || rows[0].Decision.Verdict != verdict:
		return invalid("apply", "must commit the batch's Change, or fail")
	}
	done, err := f.tellFinAPI(ctx, &rows[0], verdict)
	if err != nil {
		return err
	}
	return f.changeRow(ctx, uid, apply, func(row Row) (Row, Event, error) {
		if row.Decision == nil {
			return row, nil, errUnchanged // the ledger was forgotten meanwhile
		}
		decision := *row.Decision
		decision.AtFinAPI = done
		row.Decision = &decision
		if done == atFinAPIDeleted && row.State == RowDiscarded {
			row.State = RowRemoved // it cannot come under another id
		}
		return row, nil, nil
	})
}

// changeRow commits a change of one row, and makes it again if another worker was faster.
// change can return [errUnchanged].
func (f *Feed) changeRow(
	ctx context.Context, uid UID, apply func(context.Context, Batch) error, change func(Row) (Row, Event, error),
) error {
	for race := 1; ; race++ {
		err := f.changeRowOnce(ctx, uid, apply, change)
		if !IsError(err, CodeConflict) || race == maxRaces {
			return err
		}
	}
}

var errUnchanged = errors.New("nothing to change")

func (f *Feed) changeRowOnce(
	ctx context.Context, uid UID, apply func(context.Context, Batch) error, change func(Row) (Row, Event, error),
) error {
	mark, err := f.store.Mark(ctx, f.ledger)
	if err != nil {
		return err
	}
	rows, err := f.store.Rows(ctx, f.ledger, RowQuery{UIDs: []UID{uid}})
	if err != nil {
		return err
	}
	if len(rows) != 1 {
		return invalid("uid", "must be that of a booking of the ledger")
	}
	is, event, err := change(rows[0])
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err != nil {
		return err
	}
	before := mark
	mark.count(&rows[0], &is)
	mark.decided(&before, &is)
	batch := Batch{Change: Change{Mark: mark, Rows: []Row{is}}}
	if event != nil {
		batch.Events = []Event{event}
	}
	return apply(ctx, batch)
}

// settle makes a row what its decision says, and returns what the ledger has to do:
// nothing, if it has booked already what is confirmed.
func settle(row *Row, was RowState) Event {
	if row.Decision.Verdict == Discarded {
		row.State = RowDiscarded
		return Removed{UID: row.UID, Transaction: row.Transaction, Reason: ReasonDiscarded}
	}
	row.State = RowBooked
	row.Transaction.PotentialDuplicate = false
	if was == RowSuspected {
		return nil
	}
	return Booked{UID: row.UID, Transaction: row.Transaction, Reason: ReasonConfirmed}
}

// The values of [Decision.AtFinAPI].
const (
	atFinAPICleared = "cleared"
	atFinAPIDeleted = "deleted"
	atFinAPIGone    = "gone"
	atFinAPIKept    = "kept"
)

// tellFinAPI clears the flag of a booking, or deletes a double.
func (f *Feed) tellFinAPI(ctx context.Context, row *Row, verdict DecisionVerdict) (string, error) {
	if row.Source.User != f.user.id {
		return atFinAPIGone, nil // with the former user, whose rows nobody can reach
	}
	var err error
	done := atFinAPICleared
	if verdict == Discarded {
		done = atFinAPIDeleted
		err = f.user.DeleteTransaction(ctx, row.ID)
	} else {
		_, err = f.user.ConfirmTransaction(ctx, row.ID)
	}
	switch {
	case isGone(err):
		return atFinAPIGone, nil
	case IsError(err, CodeUnauthorized, CodeForbidden):
		return atFinAPIKept, nil // the vendor has not booked changing transactions; the ledger decides alone
	case verdict == Discarded && IsError(err, CodeIllegalEntityState, CodeBadRequest):
		return atFinAPIKept, nil // guess: how finAPI refuses to delete a row that it does not suspect
	}
	return done, err
}

func notInReview() error {
	return &Error{
		Code: CodeNotInReview, Actor: actorOf(CodeNotInReview, noStatus),
		Message: "the booking is not in review, or was decided otherwise",
	}
}

// Status is how far a ledger is, and whether something waits for a person.
type Status struct {
	// Updated is when the account's data came from the bank, as of the last finished
	// synchronisation; zero if there was none. Completed is when the last complete pass ran.
	Updated, Completed time.Time
	// Bookings counts what the ledger has, with reviews that wait for a person.
	Bookings int
	// Reviews counts the rows that wait for a person, Deferred those that the last
	// synchronisation held back.
	Reviews, Deferred int
	// Incomplete is true if the last synchronisation could not read or decide everything.
	Incomplete bool
	// Balance is the last balance proof, kept up to date with decisions since; nil before the
	// first.
	Balance *BalanceProof
	// Unproved is true if there was no proof yet, or if the last complete pass could not make
	// one, because the bank tells no balance or the bookings have several currencies.
	Unproved bool
}

// Clean reports whether the ledger is as the bank was when its data came from there, which
// Updated tells, and which can be long ago: a synchronisation came to its end, nothing waits
// for a person, nothing was held back, and the balance fits as far as it could be proved. It
// was not proved if Unproved says so.
func (s *Status) Clean() bool {
	return !s.Completed.IsZero() && s.Reviews == 0 && s.Deferred == 0 && !s.Incomplete &&
		(s.Balance == nil || s.Balance.Difference.IsZero())
}

// Status tells how far the ledger is. It reads the store only.
func (f *Feed) Status(ctx context.Context) (Status, error) {
	if f.invalid != nil {
		return Status{}, f.invalid
	}
	mark, err := f.store.Mark(ctx, f.ledger)
	if err != nil {
		return Status{}, err
	}
	waiting, err := f.store.Rows(ctx, f.ledger, RowQuery{Reviews: true})
	if err != nil {
		return Status{}, err
	}
	return Status{
		Updated: mark.Updated, Completed: mark.Completed, Bookings: mark.Bookings, Reviews: len(waiting),
		Deferred: mark.Deferred, Incomplete: mark.Incomplete, Balance: mark.Balance, Unproved: mark.Balance == nil || mark.Unproved,
	}, nil
}

// Plan shows what a synchronisation would deliver now, and writes nothing: a dry run. It
// reads from finAPI what the synchronisation would read. Held reviews are not in it. The last
// event is a [Synced]. Where [Feed.Sync] would end with a [CodeIncomplete] or [CodeStaleData],
// Plan returns that error and the events.
func (f *Feed) Plan(ctx context.Context) ([]Event, error) {
	if f.invalid != nil {
		return nil, f.invalid
	}
	s, err := f.read(ctx)
	if err != nil {
		return nil, err
	}
	var events []Event
	for _, batch := range s.batches(batchSize) {
		events = append(events, batch.Events...)
	}
	return events, s.shortfall
}
