package finapi

import (
	"cmp"
	"context"
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
	// let it be deleted.
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
	reviews := make([]OpenReview, len(waiting))
	for i := range waiting {
		if reviews[i], err = f.openReview(ctx, &waiting[i]); err != nil {
			return nil, err
		}
	}
	return reviews, nil
}

func (f *Feed) openReview(ctx context.Context, row *Row) (OpenReview, error) {
	day := row.Transaction.BookingDate
	since := day.AddDays(-nearby)
	around, err := f.store.Rows(ctx, f.ledger, RowQuery{Since: &since, Until: day.AddDays(nearby)})
	if err != nil {
		return OpenReview{}, err
	}
	m := newMatcher(&evidence{memory: slices.DeleteFunc(around, func(r Row) bool { return r.UID == row.UID })})
	candidates := m.resembling(&row.Transaction)
	open := OpenReview{UID: row.UID, Transaction: row.Transaction, Evidence: m.compare(&row.Transaction, candidates)}
	for _, r := range m.memory {
		if slices.Contains(candidates, r.UID) {
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

// Decide settles a review. by is the ERP's own id of the person, 1 to 100 characters.
// apply must commit batch.Change together with what the ERP makes of the event, as in
// [Feed.Deliver]; nil commits to the feed's store alone. sqlstore.Decide does it in one
// transaction with the ERP's rows, or with the inbox of a ledger that sqlstore.Fill fills:
// decide the reviews of such a ledger only there.
//
// finAPI is told first. If apply fails, the ERP has decided nothing yet: decide the same
// again, because a double that was to be discarded can be deleted at finAPI already. In a
// closed period, apply gets the event as [Locked]. To decide the same again is no error and does nothing. What is not in
// review, or was decided otherwise, is refused with [CodeNotInReview].
func (f *Feed) Decide(
	ctx context.Context, uid UID, verdict DecisionVerdict, by string, apply func(context.Context, Batch) error,
) error {
	if f.invalid != nil {
		return f.invalid
	}
	if verdict != Confirmed && verdict != Discarded {
		return invalid("verdict", "must be Confirmed or Discarded")
	}
	if strings.TrimSpace(by) == "" || utf8.RuneCountInString(by) > 100 {
		return invalid("by", "must have 1 to 100 characters")
	}
	if apply == nil {
		apply = func(ctx context.Context, b Batch) error { return f.store.Commit(ctx, f.ledger, b.Change) }
	}
	for race := 1; ; race++ {
		err := f.decideOnce(ctx, uid, verdict, by, apply)
		if !IsError(err, CodeConflict) || race == maxRaces {
			return err
		}
	}
}

func (f *Feed) decideOnce(
	ctx context.Context, uid UID, verdict DecisionVerdict, by string, apply func(context.Context, Batch) error,
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
		return notInReview("the ledger knows no such booking")
	}
	was := rows[0]
	switch {
	case was.Decision != nil && was.Decision.Verdict == verdict:
		return nil
	case !was.State.waits():
		return notInReview("the booking is not in review")
	}
	is := was
	is.Decision = &Decision{Verdict: verdict, By: by, At: f.user.client.clock.Now()}
	if is.Decision.AtFinAPI, err = f.tellFinAPI(ctx, &was, verdict); err != nil {
		return err
	}
	batch := Batch{Change: Change{Mark: mark}}
	if event := f.lock(f.hold(&was, settle(&is, was.State))); event != nil {
		batch.Events = []Event{event}
	}
	batch.Change.Mark.count(&was, &is)
	batch.Change.Rows = []Row{is}
	return apply(ctx, batch)
}

// settle makes a row what its decision says, and returns what the ledger has to do:
// nothing, if it has booked already what is confirmed.
func settle(row *Row, was RowState) Event {
	if row.Decision.Verdict == Discarded {
		row.State = RowRemoved
		if row.Decision.AtFinAPI != "deleted" { // it can be there under another id
			row.State = RowDiscarded
		}
		return Removed{UID: row.UID, Transaction: row.Transaction, Reason: ReasonDiscarded}
	}
	row.State = RowBooked
	row.Transaction.PotentialDuplicate = false
	if was == RowSuspected {
		return nil
	}
	return Booked{UID: row.UID, Transaction: row.Transaction, Reason: ReasonConfirmed}
}

// tellFinAPI clears the flag of a booking, or deletes a double.
func (f *Feed) tellFinAPI(ctx context.Context, row *Row, verdict DecisionVerdict) (string, error) {
	if row.Source.User != f.user.id {
		return "gone", nil // with the former user, whose rows nobody can reach
	}
	var err error
	done := "cleared"
	if verdict == Discarded {
		done = "deleted"
		err = f.user.DeleteTransaction(ctx, row.ID)
	} else {
		_, err = f.user.ConfirmTransaction(ctx, row.ID)
	}
	switch {
	case isGone(err):
		return "gone", nil
	case IsError(err, CodeUnauthorized, CodeForbidden):
		return "kept", nil // the vendor has not booked changing transactions; the ledger decides alone
	case verdict == Discarded && IsError(err, CodeIllegalEntityState, CodeBadRequest):
		return "kept", nil // guess: how finAPI refuses to delete a row that it does not suspect
	}
	return done, err
}

func notInReview(message string) error {
	return &Error{Code: CodeNotInReview, Actor: actorOf(CodeNotInReview, noStatus), Message: message}
}

// Status is how far a ledger is, and whether something waits for a person.
type Status struct {
	// Updated is when the account's data came from the bank, as of the last finished
	// synchronisation; zero if there was none. Completed is when the last complete pass ran.
	Updated, Completed time.Time
	// Bookings counts what the ledger has got.
	Bookings int
	// Reviews counts the rows that wait for a person, Deferred those that the last
	// synchronisation held back.
	Reviews, Deferred int
	// Incomplete is true if the last synchronisation could not read or decide everything.
	Incomplete bool
	// Balance is the last balance proof; nil before the first.
	Balance *BalanceProof
}

// Clean reports whether the ledger is as the bank: a synchronisation came to its end,
// nothing waits for a person, nothing was held back, and the balance fits as far as it
// could be proved.
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
		Deferred: mark.Deferred, Incomplete: mark.Incomplete, Balance: mark.Balance,
	}, nil
}

// Plan shows what a synchronisation would deliver now, and writes nothing: a dry run. It
// reads from finAPI what the synchronisation would read. Held reviews are not in it.
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
