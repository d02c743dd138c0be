package finapi

// Event is something that a ledger has to do or to know. It is one of [Booked],
// [Review], [Modified], [Removed], [Relinked], [Locked], [Notice] and [Synced];
// further kinds may come, so a type switch wants a default that complains. [Explain]
// tells one for people.
type Event interface{ event() }

// Booked is a new booking: book it. UID is the idempotency key.
type Booked struct {
	UID         UID         `json:"uid"`
	Transaction Transaction `json:"transaction"`
	// Reason says why the feed takes the row for a new booking.
	Reason Reason `json:"reason"`
}

// Review is a row that may be a double of a booking. A person must decide. It
// comes once. When the person has decided with [Feed.Confirm] or [Feed.Discard], it
// comes again, as [Booked] or as [Removed], with the same UID.
type Review struct {
	UID         UID         `json:"uid"`
	Transaction Transaction `json:"transaction"`
	// Reason says what is suspicious.
	Reason Reason `json:"reason"`
	// Candidates are the bookings that it may be a double of; may be empty.
	Candidates []UID `json:"candidates,omitempty"`
	// Evidence are the facts that speak for or against it.
	Evidence []Evidence `json:"evidence,omitempty"`
}

// Modified says that the bank changed a booking that was delivered before. The
// feed never changes a ledger: apply it, or show it to a person. A booking that finAPI
// flags as a potential duplicate only now is in [Feed.Reviews] from then on. It can also be
// about a [Review] that waits; should finAPI withdraw its flag, the review waits nevertheless,
// because a person was asked.
type Modified struct {
	UID UID         `json:"uid"`
	Old Transaction `json:"old"`
	New Transaction `json:"new"`
	// Fields names what differs, by the names of finAPI.
	Fields []string `json:"fields"`
	// Material is true if the amount, its currency, the booking date or the
	// counterpart's account changed, and false if only the value date, texts or
	// finAPI's suspicion of a duplicate did.
	Material bool `json:"material"`
}

// Removed says that the bank took back a booking that was delivered before, or that
// a person found a [Review] to be a double.
type Removed struct {
	UID         UID         `json:"uid"`
	Transaction Transaction `json:"transaction"`
	// Reason says how that was proved.
	Reason Reason `json:"reason"`
}

// Locked is a change of a period whose books are closed; see [WithLockedUntil]. It is
// reported and not applied: a person decides, for example to book it in the open
// period. It counts as delivered and does not come again.
type Locked struct {
	// Change is the [Booked], [Review], [Modified] or [Removed] that would have come.
	Change Event `json:"change"`
	// Until is the last day of the closed period.
	Until Date `json:"until"`
}

// Relinked says that a known booking goes by a new id at finAPI. The ledger has
// nothing to do.
type Relinked struct {
	UID    UID           `json:"uid"`
	Old    TransactionID `json:"old"`
	New    TransactionID `json:"new"`
	Reason Reason        `json:"reason"`
}

// Notice tells something about the feed that is not about one booking.
type Notice struct {
	Kind NoticeKind `json:"kind"`
	// Text says it in words, without personal data.
	Text string `json:"text"`
	// From and To are the days that the notice is about; zero if it is about none.
	From Date `json:"from,omitzero"`
	To   Date `json:"to,omitzero"`
	// Transaction is the row that the notice is about; nil if it is about none.
	Transaction *Transaction `json:"transaction,omitempty"`
	// Bookings are the bookings that the notice is about; may be empty.
	Bookings []UID `json:"bookings,omitempty"`
	// Amount is the difference of a [NoticeBalanceMismatch]: what the bank has and the
	// ledger has not, with open reviews as bookings. Else nil.
	Amount *Money `json:"amount,omitempty"`
}

// NoticeKind is a kind of [Notice]. The set is open.
type NoticeKind string

// The kinds of notices.
const (
	// NoticeAdjustingEntry: finAPI made up a row because balance and bookings
	// disagree. Something is missing or double at finAPI.
	NoticeAdjustingEntry NoticeKind = "adjusting_entry"
	// NoticeAdjustingEntryResolved: such a row has gone again.
	NoticeAdjustingEntryResolved NoticeKind = "adjusting_entry_resolved"
	// NoticeGap: the account was not updated for longer than finAPI reaches back,
	// so bookings may be missing for good.
	NoticeGap NoticeKind = "gap_suspected"
	// NoticeIncomplete: the listing could not be read as a whole. What is safe was
	// delivered; the next synchronisation goes on.
	NoticeIncomplete NoticeKind = "incomplete_listing"
	// NoticeDeferred: a row was held back because it could not be proved to be new.
	NoticeDeferred NoticeKind = "deferred"
	// NoticeMassDisappearance: so many bookings vanished at once, three and more
	// than half of those looked at, that the feed does not believe it. Nothing was
	// removed. It comes again until they are back, or until [WithMassRemovals].
	NoticeMassDisappearance NoticeKind = "mass_disappearance"
	// NoticeIdentityConflict: a known id shows another booking. Contents decided.
	NoticeIdentityConflict NoticeKind = "identity_conflict"
	// NoticeStale: the account's last download failed or is not finished.
	NoticeStale NoticeKind = "stale_data"
	// NoticeRebound: the ledger goes on with another account at finAPI, which is
	// the same account at the bank.
	NoticeRebound NoticeKind = "account_rebound"
	// NoticeBalanceMismatch: the bank's balance is not what it was at the last proof plus
	// what was booked since. Amount is the difference, From and To the days in which it
	// came about, Bookings those that would explain it. It comes again only if the
	// difference changes.
	NoticeBalanceMismatch NoticeKind = "balance_mismatch"
	// NoticeBalanceRestored: such a difference has gone again.
	NoticeBalanceRestored NoticeKind = "balance_restored"
)

// Synced is the last event of every synchronisation that came to its end. It asks
// nothing of the ledger; when it comes, all before it is committed.
type Synced struct {
	Pass Pass `json:"pass"`
	// Complete is false if something was deferred, held back or not read.
	Complete bool `json:"complete"`
	// Booked to Deferred count the events of this synchronisation.
	Booked   int `json:"booked"`
	Review   int `json:"review"`
	Modified int `json:"modified"`
	Removed  int `json:"removed"`
	Relinked int `json:"relinked"`
	Deferred int `json:"deferred"`
	// Locked counts changes of a closed period, Held reviews that wait in the queue; see
	// [WithHeldReviews].
	Locked int `json:"locked"`
	Held   int `json:"held"`
	// Known is how many bookings the ledger had before, with reviews that waited.
	Known int `json:"known"`
}

func (Booked) event()   {}
func (Review) event()   {}
func (Modified) event() {}
func (Removed) event()  {}
func (Relinked) event() {}
func (Locked) event()   {}
func (Notice) event()   {}
func (Synced) event()   {}

// plus returns s with the events counted.
func (s Synced) plus(events []Event) Synced {
	for _, e := range events {
		switch e := e.(type) {
		case Booked:
			s.Booked++
		case Review:
			s.Review++
		case Modified:
			s.Modified++
		case Removed:
			s.Removed++
		case Relinked:
			s.Relinked++
		case Locked:
			s.Locked++
		case Notice:
			if e.Kind == NoticeDeferred {
				s.Deferred++
			}
		}
	}
	return s
}

// Pass is how much of finAPI's store a synchronisation looked at.
type Pass string

// The passes.
const (
	// PassAuto lets the feed choose, which is best: a sweep at first and monthly,
	// a complete pass daily and whenever something is odd, else a fast pass.
	PassAuto Pass = ""
	// PassFast looks at what was imported lately. It finds new bookings only.
	PassFast Pass = "fast"
	// PassComplete looks at the last 100 days or more. It also finds changes and
	// bookings that were taken back.
	PassComplete Pass = "complete"
	// PassSweep looks at the whole history.
	PassSweep Pass = "sweep"
)

// passes are all that can be asked for.
var passes = []Pass{PassAuto, PassFast, PassComplete, PassSweep}
