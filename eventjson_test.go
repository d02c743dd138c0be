package finapi_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
)

const (
	uid      = finapi.UID("finapi/live/tenant-17/1200/4711.1")
	rentJSON = `{"id":1,"account":4711,"amount":{"amount":"-12.34","currency":"EUR"},` + rentRest
	rentRest = `"bookingDate":"2026-03-02","valueDate":"2026-03-03","imported":"2026-03-04T06:00:08Z",` +
		`"purpose":"Rechnung 7 \u0026 8","counterpart":{"name":"Müller AG","iban":"DE89370400440532013000"},` +
		`"endToEndReference":"NOTPROVIDED","fee":{"amount":"-0.5","currency":"EUR"}}`
)

// rent is the transaction of rentJSON.
func rent() finapi.Transaction {
	return finapi.Transaction{
		ID: 1, Account: 4711, Amount: money("-12.34", "EUR"), Purpose: "Rechnung 7 & 8", EndToEndReference: "NOTPROVIDED",
		BookingDate: finapi.Date{Year: 2026, Month: 3, Day: 2}, ValueDate: finapi.Date{Year: 2026, Month: 3, Day: 3},
		Imported:    time.Date(2026, 3, 4, 6, 0, 8, 0, time.UTC),
		Counterpart: finapi.Counterpart{Name: "Müller AG", IBAN: "DE89370400440532013000"}, Fee: moneyPtr("-0.5", "EUR"),
	}
}

// raised is rent after the bank changed it.
func raised() finapi.Transaction {
	tx := rent()
	tx.Amount = money("-12.40", "EUR")
	return tx
}

// wire is an event, its JSON and its key.
type wire struct {
	event finapi.Event
	json  string
	key   string
}

func wires() map[string]wire {
	march := finapi.Date{Year: 2026, Month: 3, Day: 31}
	tx := rent()
	raisedJSON := strings.Replace(rentJSON, `"-12.34"`, `"-12.4"`, 1)
	return map[string]wire{
		"booked": {
			finapi.Booked{UID: uid, Transaction: rent(), Reason: finapi.ReasonNew},
			`{"kind":"booked","event":{"uid":"finapi/live/tenant-17/1200/4711.1","transaction":` + rentJSON + `,"reason":"new"}}`,
			"finapi/live/tenant-17/1200/4711.1#booked",
		},
		"review": {
			finapi.Review{
				UID: uid, Transaction: rent(), Reason: finapi.ReasonFlagged, Candidates: []finapi.UID{"finapi/live/tenant-17/1200/4711.9"},
				Evidence: []finapi.Evidence{{Kind: finapi.EvidenceText, Double: true}},
			},
			`{"kind":"review","event":{"uid":"finapi/live/tenant-17/1200/4711.1","transaction":` + rentJSON +
				`,"reason":"flagged_by_finapi","candidates":["finapi/live/tenant-17/1200/4711.9"],` +
				`"evidence":[{"kind":"purpose","double":true}]}}`,
			"finapi/live/tenant-17/1200/4711.1#review",
		},
		"modified": {
			finapi.Modified{UID: uid, Old: rent(), New: raised(), Fields: []string{"amount"}, Material: true},
			`{"kind":"modified","event":{"uid":"finapi/live/tenant-17/1200/4711.1","old":` + rentJSON + `,"new":` + raisedJSON +
				`,"fields":["amount"],"material":true}}`,
			"finapi/live/tenant-17/1200/4711.1#modified/9-WDNemeTYPRmq6Z",
		},
		"removed": {
			finapi.Removed{UID: uid, Transaction: rent(), Reason: finapi.ReasonLookedUp},
			`{"kind":"removed","event":{"uid":"finapi/live/tenant-17/1200/4711.1","transaction":` + rentJSON + `,"reason":"gone_and_looked_up"}}`,
			"finapi/live/tenant-17/1200/4711.1#removed",
		},
		"relinked": {
			finapi.Relinked{UID: uid, Old: 1, New: 815, Reason: finapi.ReasonRelinked},
			`{"kind":"relinked","event":{"uid":"finapi/live/tenant-17/1200/4711.1","old":1,"new":815,"reason":"same_booking_new_id"}}`,
			"finapi/live/tenant-17/1200/4711.1#relinked/1-815",
		},
		"locked": {
			finapi.Locked{Change: finapi.Booked{UID: uid, Transaction: rent(), Reason: finapi.ReasonNew}, Until: march},
			`{"kind":"locked","event":{"change":{"kind":"booked","event":{"uid":"finapi/live/tenant-17/1200/4711.1","transaction":` +
				rentJSON + `,"reason":"new"}},"until":"2026-03-31"}}`,
			"finapi/live/tenant-17/1200/4711.1#locked/booked",
		},
		"locked modification": {
			finapi.Locked{Change: finapi.Modified{UID: uid, Old: rent(), New: raised(), Fields: []string{"amount"}, Material: true}, Until: march},
			`{"kind":"locked","event":{"change":{"kind":"modified","event":{"uid":"finapi/live/tenant-17/1200/4711.1","old":` + rentJSON +
				`,"new":` + raisedJSON + `,"fields":["amount"],"material":true}},"until":"2026-03-31"}}`,
			"finapi/live/tenant-17/1200/4711.1#locked/modified/9-WDNemeTYPRmq6Z",
		},
		"notice of an amount": {
			finapi.Notice{
				Kind: finapi.NoticeBalanceMismatch, Text: "the balance does not fit", From: finapi.Date{Year: 2026, Month: 3, Day: 1}, To: march,
				Bookings: []finapi.UID{uid}, Amount: moneyPtr("-5.00", "EUR"),
			},
			`{"kind":"notice","event":{"kind":"balance_mismatch","text":"the balance does not fit","from":"2026-03-01","to":"2026-03-31",` +
				`"bookings":["finapi/live/tenant-17/1200/4711.1"],"amount":{"amount":"-5","currency":"EUR"}}}`,
			"#notice/balance_mismatch/2026-03-01/2026-03-31/Dx-oPDskK4ZHn2no",
		},
		"notice of a row": {
			finapi.Notice{Kind: finapi.NoticeDeferred, Text: "wait", Transaction: &tx},
			`{"kind":"notice","event":{"kind":"deferred","text":"wait","transaction":` + rentJSON + `}}`,
			"#notice/deferred///JMe-Q8IDZCI6mXRO",
		},
		"synced": {
			finapi.Synced{Pass: finapi.PassSweep, Complete: true, Booked: 3, Known: 7},
			`{"kind":"synced","event":{"pass":"sweep","complete":true,"booked":3,"review":0,"modified":0,"removed":0,` +
				`"relinked":0,"deferred":0,"locked":0,"held":0,"known":7}}`,
			"",
		},
	}
}

func TestEventsAreWrittenAsTheirJSONSaysAndReadBackTheSame(t *testing.T) {
	t.Parallel()
	for name, w := range wires() {
		t.Run(name, func(t *testing.T) {
			data, err := finapi.MarshalEvent(w.event)
			must(t, err)
			same(t, w.json, string(data))
			event, err := finapi.UnmarshalEvent([]byte(w.json))
			must(t, err)
			same(t, w.event, event)
		})
	}
}

func TestAnEventThatIsReadBackIsTheSameByItsKey(t *testing.T) {
	t.Parallel()
	tx := raised() // of -12.40
	tx.Imported, tx.Children = tx.Imported.In(time.FixedZone("CET", 3600)), []finapi.TransactionID{}
	written := finapi.Modified{UID: uid, Old: rent(), New: tx, Fields: []string{"amount"}, Material: true}
	data, err := finapi.MarshalEvent(written)
	must(t, err)
	again, err := finapi.UnmarshalEvent(data)
	must(t, err)
	if reflect.DeepEqual(finapi.Event(written), again) {
		t.Error("the event is the same in all its parts, so this test shows nothing")
	}
	same(t, finapi.EventKey(written), finapi.EventKey(again))
}

func TestAnEventThatSomebodyAddedToIsRead(t *testing.T) {
	t.Parallel()
	event, err := finapi.UnmarshalEvent([]byte(
		` {"version": 2, "event": {"uid": "u", "transaction": ` + rentJSON + `, "mood": "good", "reason": "of tomorrow"}, "kind": "booked"} `))
	must(t, err)
	same(t, finapi.Booked{UID: "u", Transaction: rent(), Reason: "of tomorrow"}, event)
}

func TestWhatIsNoEventIsRefusedByTheNameOfItsField(t *testing.T) {
	t.Parallel()
	for text, field := range map[string]string{
		``: "event", `null`: "kind", `[]`: "event", `{}`: "kind", `{"kind":"booked"`: "event",
		`{"kind":7,"event":{}}`: "kind", `{"kind":"paid","event":{}}`: "kind", `{"kind":"BOOKED","event":{}}`: "kind",
		`{"kind":"booked"}`: "event", `{"kind":"booked","event":null}`: "event", `{"kind":"booked","event":[]}`: "event",
		`{"kind":"booked","event":{}}`:                                                                     "uid",
		`{"kind":"booked","event":{"uid":"u"}}`:                                                            "transaction",
		`{"kind":"booked","event":{"uid":7,"transaction":` + rentJSON + `}}`:                               "uid",
		`{"kind":"booked","event":{"uid":"u","transaction":{"id":1,"amount":null,` + rentRest + `}}`:       "amount",
		`{"kind":"booked","event":{"uid":"u","transaction":{"id":1,"bookingDate":"2026-02-30"}}}`:          "date",
		`{"kind":"modified","event":{"uid":"u","old":` + rentJSON + `}}`:                                   "transaction",
		`{"kind":"relinked","event":{"old":1,"new":2}}`:                                                    "uid",
		`{"kind":"notice","event":{"text":"t"}}`:                                                           "kind",
		`{"kind":"locked","event":{"until":"2026-03-31"}}`:                                                 "change",
		`{"kind":"locked","event":{"change":{"kind":"notice","event":{"kind":"deferred"}}}}`:               "change",
		`{"kind":"locked","event":{"change":{"kind":"locked","event":{}}}}`:                                "change",
		`{"kind":"locked","event":{"change":{"kind":"paid","event":{}}}}`:                                  "kind",
		`{"kind":"locked","event":{"change":{"kind":"removed","event":{"transaction":` + rentJSON + `}}}}`: "uid",
	} {
		t.Run(text, func(t *testing.T) {
			event, err := finapi.UnmarshalEvent([]byte(text))
			if err == nil {
				t.Fatalf("it was read as %#v", event)
			}
			mustRefuse(t, err, field)
		})
	}
}

func TestAnAmountThatIsNoStringIsRefused(t *testing.T) {
	t.Parallel()
	_, err := finapi.UnmarshalEvent([]byte(
		`{"kind":"booked","event":{"uid":"u","transaction":{"id":1,"amount":{"amount":-12.34},` + rentRest + `}}`))
	if e := failure(t, err, finapi.CodeInvalidInput); !strings.HasSuffix(e.Field, "amount") {
		t.Errorf("the error names the field %q, want the amount", e.Field)
	}
}

// outside is an event that no version of the package has made.
type outside struct{ finapi.Booked }

func TestWhatIsNoEventIsNotWritten(t *testing.T) {
	t.Parallel()
	whole := wires()["booked"].event.(finapi.Booked)
	for name, c := range map[string]struct {
		event finapi.Event
		field string
	}{
		"nothing":             {nil, "event"},
		"a pointer":           {&whole, "event"},
		"somebody else's":     {outside{whole}, "event"},
		"no UID":              {finapi.Booked{Transaction: rent()}, "uid"},
		"no transaction":      {finapi.Removed{UID: uid}, "transaction"},
		"nothing locked":      {finapi.Locked{}, "change"},
		"a locked notice":     {finapi.Locked{Change: finapi.Notice{Kind: finapi.NoticeGap}}, "change"},
		"a day in no year":    {finapi.Locked{Change: whole, Until: finapi.Date{Year: 2026, Month: 2, Day: 30}}, "date"},
		"no kind of a notice": {finapi.Notice{Text: "t"}, "kind"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := finapi.MarshalEvent(c.event)
			mustRefuse(t, err, c.field)
		})
	}
	_, err := json.Marshal(finapi.Locked{})
	if err == nil {
		t.Error("a Locked without a change was written as JSON")
	}
}

func TestAnErrorAboutAnEventQuotesNothingOfIt(t *testing.T) {
	t.Parallel()
	_, err := finapi.UnmarshalEvent([]byte(`{"kind":"DE89370400440532013000","event":{"uid":"u"}}`))
	if err == nil || strings.Contains(err.Error(), "DE8937") {
		t.Errorf("got %v, want an error without the IBAN", err)
	}
	_, err = finapi.UnmarshalEvent([]byte(`{"kind":"booked","event":{"uid":89370400440532013000}}`))
	if err == nil || strings.Contains(err.Error(), "8937") {
		t.Errorf("got %v, want an error without the number", err)
	}
}

// FuzzUnmarshalEvent checks that nothing makes the reader panic, and that what it reads is
// written and read again as the same.
func FuzzUnmarshalEvent(f *testing.F) {
	for _, w := range wires() {
		f.Add(w.json)
	}
	f.Fuzz(func(t *testing.T, text string) {
		event, err := finapi.UnmarshalEvent([]byte(text))
		if err != nil {
			if e := failure(t, err, finapi.CodeInvalidInput); e.Field == "" {
				t.Errorf("%v names no field", err)
			}
			return
		}
		data, err := finapi.MarshalEvent(event)
		must(t, err)
		again, err := finapi.UnmarshalEvent(data)
		must(t, err)
		twice, err := finapi.MarshalEvent(again)
		must(t, err)
		same(t, string(data), string(twice))
		same(t, finapi.EventKey(event), finapi.EventKey(again))
	})
}
