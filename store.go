package finapi

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"
)

// LedgerID names the ledger account of the ERP that takes the bookings of one
// bank account. It must be unique over all of the ERP's customers, so put the
// customer into it: "tenant-17/1200". 1 to 200 printable characters.
//
// Take it from the ERP's own chart of accounts, never from what finAPI says of the
// account: IBANs come and go and ids change, and a ledger with a new name gets
// everything once more. It is part of each UID, so it should not be personal.
type LedgerID string

// UID names a booking for good, whatever ids finAPI gives it over the years. It
// is made from the first of them that was committed, so it is an idempotency key for all
// that comes later. A booking that has to be delivered twice, because the first commit failed,
// has the same UID both times, unless finAPI has given it a new id in between.
type UID string

// Store is the memory of feeds: which rows a ledger has got, and how far it has
// read. Its promise is in [Store.Commit]: the memory and the ledger change
// together or not at all.
//
// [MemoryStore] is for tests. The module sqlstore keeps the memory in the ERP's
// own database, SQLite or PostgreSQL. For another database implement these three
// methods, and have the package storetest check that they keep their promises.
type Store interface {
	// Mark returns where a ledger's feed stands. A ledger that was never
	// committed has the zero Mark.
	Mark(ctx context.Context, ledger LedgerKey) (Mark, error)
	// Rows returns the remembered rows of a ledger that match the query, each
	// once, in any order.
	Rows(ctx context.Context, ledger LedgerKey, q RowQuery) ([]Row, error)
	// Commit stores a change, all of it or nothing. It succeeds only if the
	// ledger's version still is change.Mark.Version, and sets the version to one
	// more; else it changes nothing and returns an error that [IsError] knows as
	// [CodeConflict]. [Conflict] makes that error.
	Commit(ctx context.Context, ledger LedgerKey, change Change) error
}

// LedgerKey identifies a ledger in a Store.
type LedgerKey struct {
	// Environment is "sandbox" or "live". Play money and real money never meet.
	Environment string
	Ledger      LedgerID
}

// Source is the account at finAPI that a row came from. A ledger keeps its
// bookings when its source changes, as it does when the bank is connected anew.
type Source struct {
	User    UserID    `json:"user"`
	Account AccountID `json:"account"`
}

// Mark is how far a ledger's feed has got.
type Mark struct {
	// Version counts the commits. It is the fence that keeps a worker with old
	// knowledge from writing.
	Version int64 `json:"-"`
	// Source is the account that the ledger is bound to.
	Source Source `json:"source"`
	// IBAN, Currency and Type recognise the bank account when it comes back as
	// another source.
	IBAN     string      `json:"iban,omitempty"`
	Currency Currency    `json:"currency,omitempty"`
	Type     AccountType `json:"type,omitempty"`
	// Imported is finAPI's newest import time among all rows read so far.
	Imported time.Time `json:"imported,omitzero"`
	// Updated is when the account's data came from the bank, as of the last
	// finished synchronisation.
	Updated time.Time `json:"updated,omitzero"`
	// Completed and Swept are when the last complete pass and the last full sweep
	// ran.
	Completed time.Time `json:"completed,omitzero"`
	Swept     time.Time `json:"swept,omitzero"`
	// Bookings counts the bookings of the ledger, with those in review.
	Bookings int `json:"bookings"`
	// Sums are what all of the ledger's rows add up to that the bank's balance holds:
	// delivered, in review, and recorded.
	Sums Sums `json:"sums,omitempty"`
	// CutOver is the first day whose bookings the ledger wants; see [WithCutOver].
	CutOver Date `json:"cutOver,omitzero"`
	// Filled is true if the ledger's events go into an inbox of the Store and nowhere else. It
	// is the Store's to say.
	Filled bool `json:"-"`
	// First is the booking date of the oldest row at the first synchronisation. What is
	// older and comes later was in the balance all the time.
	First Date `json:"first,omitzero"`
	// Balance is how the last balance proof came out; nil before the first.
	Balance *BalanceProof `json:"balance,omitempty"`
	// Unproved is true if the last complete pass could not prove the balance.
	Unproved bool `json:"unproved,omitempty"`
	// Deferred counts what the last synchronisation held back, and Incomplete is true if
	// it could not read everything.
	Deferred   int  `json:"deferred,omitempty"`
	Incomplete bool `json:"incomplete,omitempty"`
}

// Row is one row of finAPI's that a ledger has dealt with.
type Row struct {
	UID    UID
	Source Source
	// ID is the finAPI id that the row goes by now. A Store must find the row
	// under every (Source, ID) that it was ever committed with; if two rows claim
	// one, the later commit has it.
	ID    TransactionID
	State RowState
	// Fingerprint is a text that equal bookings share; see the file match.go.
	Fingerprint string
	// Transaction is the row as it was last seen.
	Transaction Transaction
	// Decision is what a person decided about a review; nil if nobody has, or if the row
	// never was one. It is never forgotten.
	Decision *Decision
}

// discarded reports whether a person found the row to be a double.
func (r *Row) discarded() bool { return r.Decision != nil && r.Decision.Verdict == Discarded }

// RowState says what became of a row. Rows are never forgotten.
type RowState string

// The states of a row.
const (
	// RowBooked: delivered as [Booked].
	RowBooked RowState = "booked"
	// RowReview: delivered as [Review].
	RowReview RowState = "review"
	// RowSuspected: delivered as [Booked], and finAPI has flagged it as a potential
	// duplicate since. It waits for a person like a review.
	RowSuspected RowState = "suspected"
	// RowRemoved: taken back by the bank and delivered as [Removed].
	RowRemoved RowState = "removed"
	// RowRecorded: booked before the ledger's cut-over, so it is known and not
	// delivered.
	RowRecorded RowState = "recorded"
	// RowNoticed: no booking, but told in a [Notice], such as an adjusting entry.
	RowNoticed RowState = "noticed"
	// RowDiscarded: a review that a person found to be a double, and that finAPI may still
	// list, perhaps under another id. If finAPI has deleted it, it is RowRemoved.
	RowDiscarded RowState = "discarded"
)

// waits reports whether a person has to decide.
func (s RowState) waits() bool { return s == RowReview || s == RowSuspected }

// delivered reports whether the ledger has got a row as a booking or a review, and nothing
// took it back.
func (s RowState) delivered() bool { return s == RowBooked || s.waits() }

// RowQuery asks a Store for rows. Its lists can be as long as a bank's whole history, some
// ten thousand entries. A row matches if it matches any of the fields
// that are set; the zero RowQuery matches none.
type RowQuery struct {
	// Source and IDs match rows that were ever known under one of the ids at the
	// source.
	Source Source
	IDs    []TransactionID
	// UIDs match rows that have one of them.
	UIDs []UID
	// Fingerprints match rows that have one of them.
	Fingerprints []string
	// Since matches rows whose booking date is this day or later. The zero Date
	// matches all rows.
	Since *Date
	// Until makes Since match only rows whose booking date is this day or earlier. The
	// zero Date bounds nothing.
	Until Date
	// Reviews matches rows that wait for a person, which are few: those in the states
	// [RowReview] and [RowSuspected].
	Reviews bool
}

// matchesDay reports whether a booking date is between Since and Until.
func (q *RowQuery) matchesDay(day Date) bool {
	return q.Since != nil && !day.Before(*q.Since) && (q.Until.IsZero() || !day.After(q.Until))
}

// Change is what a Store commits at once.
type Change struct {
	// Mark replaces the ledger's mark. Its Version is the one it was read with.
	Mark Mark
	// Rows are added, or replace the rows with the same UID.
	Rows []Row
}

// Conflict returns the error of a [Store] whose ledger has moved on since the
// mark was read.
func Conflict() error {
	return &Error{
		Code: CodeConflict, Actor: ActorFinAPI,
		Message: "another worker synchronised the ledger meanwhile; synchronise again",
	}
}

// MemoryStore is a [Store] in memory, for tests. It is safe for concurrent use.
// The zero MemoryStore is empty and ready.
type MemoryStore struct {
	mu      sync.Mutex
	ledgers map[LedgerKey]*memoryLedger
}

type memoryLedger struct {
	mark    Mark
	rows    map[UID]Row
	aliases map[alias]UID
	// alike are the rows that have, or had, a fingerprint.
	alike map[string][]UID
}

type alias struct {
	source Source
	id     TransactionID
}

// Mark implements [Store].
func (s *MemoryStore) Mark(ctx context.Context, ledger LedgerKey) (Mark, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if l := s.ledgers[ledger]; l != nil {
		return l.mark, ctx.Err()
	}
	return Mark{}, ctx.Err()
}

// Rows implements [Store].
func (s *MemoryStore) Rows(ctx context.Context, ledger LedgerKey, q RowQuery) ([]Row, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledgers[ledger]
	if l == nil {
		return nil, ctx.Err()
	}
	found := map[UID]Row{}
	for _, id := range q.IDs {
		if uid, ok := l.aliases[alias{q.Source, id}]; ok {
			found[uid] = l.rows[uid]
		}
	}
	for _, uid := range q.UIDs {
		if row, ok := l.rows[uid]; ok {
			found[uid] = row
		}
	}
	for _, f := range q.Fingerprints {
		for _, uid := range l.alike[f] {
			if row := l.rows[uid]; row.Fingerprint == f {
				found[uid] = row
			}
		}
	}
	if q.Since != nil || q.Reviews {
		for uid, row := range l.rows {
			if q.matchesDay(row.Transaction.BookingDate) || q.Reviews && row.State.waits() {
				found[uid] = row
			}
		}
	}
	byUID := func(a, b Row) int { return cmp.Compare(a.UID, b.UID) }
	return slices.SortedFunc(maps.Values(found), byUID), ctx.Err()
}

// Commit implements [Store].
func (s *MemoryStore) Commit(ctx context.Context, ledger LedgerKey, change Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledgers[ledger]
	if l == nil {
		l = &memoryLedger{rows: map[UID]Row{}, aliases: map[alias]UID{}, alike: map[string][]UID{}}
	}
	if l.mark.Version != change.Mark.Version {
		return Conflict()
	}
	if s.ledgers == nil {
		s.ledgers = map[LedgerKey]*memoryLedger{}
	}
	s.ledgers[ledger] = l
	l.mark = change.Mark
	l.mark.Version++
	for _, row := range change.Rows {
		if was, known := l.rows[row.UID]; !known || was.Fingerprint != row.Fingerprint {
			l.alike[row.Fingerprint] = append(l.alike[row.Fingerprint], row.UID)
		}
		l.rows[row.UID] = row
		l.aliases[alias{row.Source, row.ID}] = row.UID
	}
	return nil
}
