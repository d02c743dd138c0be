package finapi

import (
	"fmt"
	"slices"
	"strconv"
)

// EventKey returns the idempotency key of an event, for an ERP that books over a network
// and can get the same event twice: it is the same in every delivery of the event, and
// another one for every other event of the ledger, except for a change that comes again;
// see below. An ERP that takes a key once takes an event once. It is "" for a [Synced], which asks nothing of the ledger, and for what is
// no event of this package.
//
// It is made of the UID, "#", and what happened to the booking:
//
//	finapi/live/tenant-17/1200/4711.1#booked
//	finapi/live/tenant-17/1200/4711.1#review
//	finapi/live/tenant-17/1200/4711.1#modified/rqGnhUWc6D1o1xcj
//	finapi/live/tenant-17/1200/4711.1#removed
//	finapi/live/tenant-17/1200/4711.1#relinked/815-4712
//	finapi/live/tenant-17/1200/4711.1#locked/booked
//	#notice/balance_mismatch/2026-03-01/2026-03-31/Rc9CyNJgdXyBNtqL
//
// A booking comes once as Booked, once as Review and once as Removed at the most, so their
// keys need no more. The key of a [Modified] also has a hash of the contents before and
// after, as far as the feed compares them; that of a [Locked] does not depend on the day
// until which the books are closed. The key of a [Notice] has the notice's kind and days and a
// hash of its transaction, bookings and amount. It does not name the ledger: put that in front.
//
// One thing no key of contents can tell: if the bank changes a booking back and then again
// as before, the third Modified has the key of the first, and so has a notice that comes
// again. The Inbox of the module sqlstore numbers them.
//
// A key has ASCII letters only if the [LedgerID] has. It has up to 300 characters if that is
// long, and up to 900 bytes of UTF-8. Hash it if the ERP takes less.
func EventKey(event Event) string {
	switch e := event.(type) {
	case Booked:
		return bookingKey(e.UID, kindBooked)
	case Review:
		return bookingKey(e.UID, kindReview)
	case Modified:
		return bookingKey(e.UID, kindModified+"/"+changeDigest(&e))
	case Removed:
		return bookingKey(e.UID, kindRemoved)
	case Relinked:
		return bookingKey(e.UID, fmt.Sprintf("%s/%d-%d", kindRelinked, e.Old, e.New))
	case Locked:
		return lockedKey(&e)
	case Notice:
		return noticeKey(&e)
	}
	return ""
}

func bookingKey(uid UID, what string) string { return string(uid) + "#" + what }

func lockedKey(e *Locked) string {
	switch c := e.Change.(type) {
	case Booked:
		return bookingKey(c.UID, kindLocked+"/"+kindBooked)
	case Review:
		return bookingKey(c.UID, kindLocked+"/"+kindReview)
	case Modified:
		return bookingKey(c.UID, kindLocked+"/"+kindModified+"/"+changeDigest(&c))
	case Removed:
		return bookingKey(c.UID, kindLocked+"/"+kindRemoved)
	}
	return ""
}

func noticeKey(e *Notice) string {
	var about []string
	if tx := e.Transaction; tx != nil {
		about = append(about, fmt.Sprint(tx.Account), fmt.Sprint(tx.ID))
	}
	about = append(about, "bookings")
	for _, uid := range slices.Sorted(slices.Values(e.Bookings)) {
		about = append(about, string(uid))
	}
	if e.Amount != nil {
		about = append(about, "amount", canonical(e.Amount.Amount), string(e.Amount.Currency))
	}
	return fmt.Sprintf("#%s/%s/%s/%s/%s", kindNotice, e.Kind, e.From, e.To, digest(about...))
}

// changeDigest stands for the contents of a booking before and after a change.
func changeDigest(e *Modified) string {
	return digest(append(compared(&e.Old), compared(&e.New)...)...)
}

// compared are the contents of a booking in which [difference] looks for changes, in the
// form in which it compares them: what is no difference must not make another key.
func compared(t *Transaction) []string {
	return []string{
		canonical(t.Amount.Amount), string(t.Amount.Currency), t.BookingDate.String(), fold(t.Counterpart.IBAN),
		t.ValueDate.String(), fold(t.Purpose), fold(t.Counterpart.Name), reference(t.EndToEndReference),
		strconv.FormatBool(t.PotentialDuplicate),
	}
}
