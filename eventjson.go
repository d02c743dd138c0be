package finapi

import (
	"encoding/json"
	"errors"
	"slices"
)

// This file is what events look like outside of a Go program: in the inbox of the module
// sqlstore, and on the way to an ERP that is somewhere else.

// The kinds of events in JSON. They and the fields of the events may get company, but do
// not change.
const (
	kindBooked   = "booked"
	kindReview   = "review"
	kindModified = "modified"
	kindRemoved  = "removed"
	kindRelinked = "relinked"
	kindLocked   = "locked"
	kindNotice   = "notice"
	kindSynced   = "synced"
)

// envelope names the kind of an event beside it.
type envelope struct {
	Kind  string          `json:"kind"`
	Event json.RawMessage `json:"event"`
}

// MarshalEvent writes an event as JSON with its kind:
//
//	{"kind":"booked","event":{"uid":"finapi/live/tenant-17/1200/4711.1","transaction":{...},"reason":"new"}}
//
// The kinds are booked, review, modified, removed, relinked, locked, notice and synced.
// The fields are those of the Go types. Amounts are strings, days are YYYY-MM-DD, and what
// is missing is left out. The form is stable: fields and kinds are added, but none is
// renamed or removed. What finAPI or its clients make of a transaction is not in it:
// category, labels, whether it is new, finAPI's own booking date and explanations of codes.
//
// What [UnmarshalEvent] makes of it is the same event, but need not be the same for
// [reflect.DeepEqual]: the name of a time zone, an empty list that is not nil, and zeros at the
// end of an amount do not come back. To tell whether two events are the same, compare their
// [EventKey].
//
// What is no event of this package, or lacks what every event of its kind has, is refused
// with a [CodeInvalidInput].
func MarshalEvent(event Event) ([]byte, error) {
	kind := kindOf(event)
	if kind == "" {
		return nil, invalid("event", "must be one of the events of this package, and no pointer")
	}
	if err := whole(event); err != nil {
		return nil, err
	}
	data, err := json.Marshal(event)
	if err != nil {
		return nil, badEvent(err)
	}
	return json.Marshal(envelope{Kind: kind, Event: data})
}

// UnmarshalEvent reads what [MarshalEvent] writes: an event with the same [EventKey], though
// [reflect.DeepEqual] may find a difference. Fields that it does not know are left
// out. Anything else is refused with a [CodeInvalidInput] whose Field names what is wrong,
// a kind that it does not know with the Field "kind": then a newer version of this package
// has written the event, and no older one may pass it over.
func UnmarshalEvent(data []byte) (Event, error) {
	var e envelope
	if err := json.Unmarshal(data, &e); err != nil {
		return nil, badEvent(err)
	}
	event, err := e.open()
	if err != nil {
		return nil, badEvent(err)
	}
	if err := whole(event); err != nil {
		return nil, err
	}
	return event, nil
}

func (e *envelope) open() (Event, error) {
	switch e.Kind {
	case kindBooked:
		return read[Booked](e.Event)
	case kindReview:
		return read[Review](e.Event)
	case kindModified:
		return read[Modified](e.Event)
	case kindRemoved:
		return read[Removed](e.Event)
	case kindRelinked:
		return read[Relinked](e.Event)
	case kindLocked:
		return read[Locked](e.Event)
	case kindNotice:
		return read[Notice](e.Event)
	case kindSynced:
		return read[Synced](e.Event)
	case "":
		return nil, invalid("kind", "must not be missing")
	}
	return nil, invalid("kind", "is none that this version of the package knows")
}

func read[E Event](data json.RawMessage) (Event, error) {
	if len(data) == 0 || string(data) == "null" {
		return nil, invalid("event", "must not be missing")
	}
	var e E
	err := json.Unmarshal(data, &e)
	return e, err
}

// badEvent says that an event cannot be read or written. The text of the cause may quote
// what was read, so only the name of the field is taken from it.
func badEvent(err error) error {
	var own *Error
	if errors.As(err, &own) {
		return own
	}
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) && mistyped.Field != "" {
		return invalid(mistyped.Field, "has another JSON type than expected")
	}
	return invalid("event", "cannot be read or written as JSON")
}

// kindOf returns the kind of an event of this package; "" for any other.
func kindOf(event Event) string {
	switch event.(type) {
	case Booked:
		return kindBooked
	case Review:
		return kindReview
	case Modified:
		return kindModified
	case Removed:
		return kindRemoved
	case Relinked:
		return kindRelinked
	case Locked:
		return kindLocked
	case Notice:
		return kindNotice
	case Synced:
		return kindSynced
	}
	return ""
}

// whole refuses an event that lacks what nobody could book it without.
func whole(event Event) error {
	switch e := event.(type) {
	case Booked:
		return wholeBooking(e.UID, &e.Transaction)
	case Review:
		return wholeBooking(e.UID, &e.Transaction)
	case Modified:
		return wholeBooking(e.UID, &e.Old, &e.New)
	case Removed:
		return wholeBooking(e.UID, &e.Transaction)
	case Relinked:
		return wholeBooking(e.UID)
	case Locked:
		if !lockable(e.Change) {
			return invalid("change", "must be a Booked, Review, Modified or Removed")
		}
		return whole(e.Change)
	case Notice:
		if e.Kind == "" {
			return invalid("kind", "must not be missing in a notice")
		}
	}
	return nil
}

func wholeBooking(uid UID, transactions ...*Transaction) error {
	if uid == "" {
		return invalid("uid", "must not be missing")
	}
	for _, tx := range transactions {
		if tx.ID <= 0 || !tx.BookingDate.Valid() {
			return invalid("transaction", "must have an id and a booking date")
		}
	}
	return nil
}

// lockable reports whether an event can be in a [Locked].
func lockable(event Event) bool {
	switch event.(type) {
	case Booked, Review, Modified, Removed:
		return true
	}
	return false
}

// lockedJSON is a [Locked] whose change tells its kind.
type lockedJSON struct {
	Change json.RawMessage `json:"change"`
	Until  Date            `json:"until"`
}

// MarshalJSON writes the change with its kind, as [MarshalEvent] does.
func (l Locked) MarshalJSON() ([]byte, error) {
	if !lockable(l.Change) {
		return nil, invalid("change", "must be a Booked, Review, Modified or Removed")
	}
	change, err := MarshalEvent(l.Change)
	if err != nil {
		return nil, err
	}
	return json.Marshal(lockedJSON{Change: change, Until: l.Until})
}

// UnmarshalJSON reads what [Locked.MarshalJSON] writes.
func (l *Locked) UnmarshalJSON(data []byte) error {
	var raw lockedJSON
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	var change envelope
	if err := json.Unmarshal(raw.Change, &change); err != nil {
		return invalid("change", "is not the JSON of an event")
	}
	// Not only the wrong kinds: what is locked could be nested without end.
	if slices.Contains([]string{kindRelinked, kindLocked, kindNotice, kindSynced}, change.Kind) {
		return invalid("change", "must be a Booked, Review, Modified or Removed")
	}
	event, err := change.open()
	if err != nil {
		return err
	}
	*l = Locked{Change: event, Until: raw.Until}
	return nil
}
