package finapi_test

import (
	"testing"

	"github.com/finapi-go/finapi"
)

func TestTheKeyOfAnEventSaysWhatHappenedToWhat(t *testing.T) {
	t.Parallel()
	taken := map[string]string{}
	for name, w := range wires() {
		got := finapi.EventKey(w.event)
		if got != w.key {
			t.Errorf("%s has the key %q, want %q", name, got, w.key)
		}
		if other, double := taken[got]; double {
			t.Errorf("%s and %s have the same key %q", name, other, got)
		}
		taken[got] = name
	}
	booked := wires()["booked"].event.(finapi.Booked)
	for _, none := range []finapi.Event{nil, &booked, outside{booked}, finapi.Locked{}, finapi.Locked{Change: finapi.Synced{}}} {
		if got := finapi.EventKey(none); got != "" {
			t.Errorf("%T has the key %q, want none", none, got)
		}
	}
}

func TestAnEventThatComesAgainHasItsKeyWhateverFinAPIMadeOfItMeanwhile(t *testing.T) {
	t.Parallel()
	want := wires()["modified"].key
	again := raised()
	again.ID, again.Imported, again.Type = 815, again.Imported.Add(3600), "Überweisung"
	again.Purpose, again.EndToEndReference = " RECHNUNG 7 &8", ""
	got := finapi.EventKey(finapi.Modified{UID: uid, Old: rent(), New: again, Fields: []string{"bankBookingDate", "amount"}})
	if got != want {
		t.Errorf("the key became %q, want %q", got, want)
	}
	locked := wires()["locked"].event.(finapi.Locked)
	locked.Until = locked.Until.AddDays(30)
	if got := finapi.EventKey(locked); got != wires()["locked"].key {
		t.Errorf("closing more of the books made another key: %q", got)
	}
}

func TestEveryChangeThatTheFeedTellsMakesAnotherKey(t *testing.T) {
	t.Parallel()
	taken := map[string]string{wires()["modified"].key: "the amount"}
	for name, change := range map[string]func(*finapi.Transaction){
		"another amount":    func(tx *finapi.Transaction) { tx.Amount = money("-12.41", "EUR") },
		"the currency":      func(tx *finapi.Transaction) { tx.Amount = money("-12.34", "CHF") },
		"the booking date":  func(tx *finapi.Transaction) { tx.BookingDate = tx.BookingDate.AddDays(1) },
		"the value date":    func(tx *finapi.Transaction) { tx.ValueDate = tx.ValueDate.AddDays(1) },
		"the IBAN":          func(tx *finapi.Transaction) { tx.Counterpart.IBAN = "DE75512108001245126199" },
		"the purpose":       func(tx *finapi.Transaction) { tx.Purpose += " 9" },
		"the name":          func(tx *finapi.Transaction) { tx.Counterpart.Name = "Meier AG" },
		"the reference":     func(tx *finapi.Transaction) { tx.EndToEndReference = "R-7" },
		"finAPI's flag":     func(tx *finapi.Transaction) { tx.PotentialDuplicate = true },
		"nothing, but back": func(*finapi.Transaction) {},
	} {
		is := rent()
		change(&is)
		key := finapi.EventKey(finapi.Modified{UID: uid, Old: rent(), New: is})
		if other, double := taken[key]; double {
			t.Errorf("a change of %s and one of %s have the same key", name, other)
		}
		taken[key] = name
	}
	back := finapi.EventKey(finapi.Modified{UID: uid, Old: raised(), New: rent()})
	if other, double := taken[back]; double {
		t.Errorf("changing the amount back has the key of %s", other)
	}
}
