package finapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
)

// The matching core is pure, so its rules are tested here as they are: rows in, verdicts
// out. What a feed makes of them is tested from outside.

var home = Source{User: "u", Account: 1}

// listed is a row of finAPI's: its id, day of March 2026, amount and purpose.
func listed(id TransactionID, day int, amount, purpose string, change ...func(*Transaction)) Transaction {
	tx := Transaction{
		ID: id, Account: home.Account, BookingDate: Date{Year: 2026, Month: 3, Day: day}, Purpose: purpose,
		Amount: Money{Amount: decimal.RequireFromString(amount), Currency: "EUR"},
	}
	for _, c := range change {
		c(&tx)
	}
	return tx
}

// known is a row that the ledger has got.
func known(tx Transaction, change ...func(*Row)) Row {
	row := Row{
		UID: UID(fmt.Sprintf("uid-%d", tx.ID)), Source: home, ID: tx.ID, State: RowBooked,
		Fingerprint: fingerprint(&tx), Transaction: tx,
	}
	for _, c := range change {
		c(&row)
	}
	return row
}

func flagged(tx *Transaction) { tx.PotentialDuplicate = true }
func withReference(text string) func(*Transaction) {
	return func(tx *Transaction) { tx.EndToEndReference = text }
}

func withIBAN(text string) func(*Transaction) {
	return func(tx *Transaction) { tx.Counterpart.IBAN = text }
}

func named(text string) func(*Transaction) {
	return func(tx *Transaction) { tx.Counterpart.Name = text }
}
func inState(state RowState) func(*Row) { return func(row *Row) { row.State = state } }
func elsewhere(row *Row)                { row.Source.Account = 9 }

// verdicts tells a plan in short.
func verdicts(p plan) (lines []string) {
	names := map[verdictKind]string{
		isRelinked: "relinked", isRemoved: "removed", isModified: "modified", isBooked: "booked", isReview: "review",
		isRecorded: "recorded", isUpdated: "updated", isDropped: "dropped", isAdjusting: "adjusting", isResolved: "resolved",
		isConflict: "conflict", isDeferred: "deferred", isMassDisappearance: "mass disappearance",
	}
	for _, v := range p.verdicts {
		line := names[v.kind]
		if v.row.ID != 0 {
			line += fmt.Sprintf(" %d", v.row.ID)
		}
		if v.tx.ID != 0 && v.tx.ID != v.row.ID {
			line += fmt.Sprintf(" > %d", v.tx.ID)
		}
		lines = append(lines, line)
	}
	for _, id := range p.questions {
		lines = append(lines, fmt.Sprintf("where is %d?", id))
	}
	return lines
}

func TestTheMatchingCoreDecides(t *testing.T) {
	t.Parallel()
	park := func(id TransactionID, change ...func(*Transaction)) Transaction {
		return listed(id, 5, "-2.50", "PARKHAUS", change...)
	}
	absent := func(ids ...TransactionID) map[TransactionID]bool {
		m := map[TransactionID]bool{}
		for _, id := range ids {
			m[id] = true
		}
		return m
	}
	cases := []struct {
		name string
		in   evidence
		want []string
	}{
		{"a row that is known", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{park(1)}}, nil},
		{"two equal rows that are listed together", evidence{listed: []Transaction{park(1), park(2)}}, []string{"booked > 1", "booked > 2"}},
		{"a row that a listing leaves out", evidence{complete: true, memory: []Row{known(park(1))}}, []string{"where is 1?"}},
		{"... and a look-up finds", evidence{complete: true, memory: []Row{known(park(1))}, present: absent(1)}, nil},
		{"... and a look-up does not find", evidence{complete: true, memory: []Row{known(park(1))}, absent: absent(1)}, []string{"removed 1"}},
		{"a row that an incomplete listing leaves out", evidence{memory: []Row{known(park(1))}}, nil},
		{"an equal row under a new id, and nobody knows of the old one", evidence{memory: []Row{known(park(1))}, listed: []Transaction{park(2)}}, []string{"deferred 1 > 2", "where is 1?"}},
		{"... the old one is gone", evidence{memory: []Row{known(park(1))}, listed: []Transaction{park(2)}, absent: absent(1)}, []string{"relinked 1 > 2"}},
		{"... the old one is there", evidence{memory: []Row{known(park(1))}, listed: []Transaction{park(2)}, present: absent(1)}, []string{"booked > 2"}},
		{
			"three of which one got a new id", evidence{
				complete: true, memory: []Row{known(park(1)), known(park(2)), known(park(3))}, listed: []Transaction{park(1), park(3), park(4)},
			}, []string{"relinked 2 > 4"},
		},
		{
			"one that vanished, and two that came",
			evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{park(2), park(3)}},
			[]string{"relinked 1 > 2", "booked > 3"},
		},
		{
			"rows whose references agree are paired first", evidence{
				complete: true, memory: []Row{known(park(1, withReference("X"))), known(park(2, withReference("Y")))},
				listed: []Transaction{park(3, withReference("Y")), park(4, withReference("X"))},
			}, []string{"relinked 2 > 3", "relinked 1 > 4"},
		},
		{
			"a row with a reference goes to the one that has it, not to one that has none", evidence{
				complete: true, memory: []Row{known(park(1)), known(park(2, withReference("Y")))},
				listed: []Transaction{park(3, withReference("Y")), park(4)},
			}, []string{"relinked 2 > 3", "relinked 1 > 4"},
		},
		{
			"another end-to-end reference is another booking", evidence{
				complete: true, memory: []Row{known(park(1, withReference("X")))}, listed: []Transaction{park(2, withReference("Y"))},
			}, []string{"review > 2", "where is 1?"},
		},
		{
			"another counterpart is another booking", evidence{
				complete: true, memory: []Row{known(park(1, withIBAN("DE1")))}, listed: []Transaction{park(2, withIBAN("DE2"))},
			}, []string{"review > 2", "where is 1?"},
		},
		{
			"a reference that says nothing is no veto", evidence{
				complete: true, memory: []Row{known(park(1, withReference("X")))}, listed: []Transaction{park(2, withReference("NOTPROVIDED"))},
			}, []string{"relinked 1 > 2", "modified 1 > 2"},
		},
		{"a flagged row", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{park(1), park(2, flagged)}}, []string{"review > 2"}},
		{
			"a flagged row whose original is listed, while another one has vanished", evidence{
				complete: true, memory: []Row{known(park(1)), known(park(2))}, listed: []Transaction{park(1), park(3, flagged)}, absent: absent(2),
			}, []string{"removed 2", "review > 3"},
		},
		{"a flagged row in the place of one that vanished", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{park(2, flagged)}}, []string{"relinked 1 > 2", "modified 1 > 2"}},
		{
			"a double goes to the double, and the original to the original", evidence{
				complete: true, memory: []Row{known(park(1)), known(park(2, flagged), inState(RowReview))}, listed: []Transaction{park(3, flagged), park(4)},
			}, []string{"relinked 2 > 3", "relinked 1 > 4"},
		},
		{"a new text and a new id at once", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{listed(2, 5, "-2.50", "PARKHAUS SVWZ")}}, []string{"review > 2", "where is 1?"}},
		{
			"an account that was imported anew, with other texts", evidence{
				reimported: true, complete: true, memory: []Row{known(park(1), elsewhere), known(listed(2, 6, "-1", "A"), elsewhere)},
				listed: []Transaction{listed(11, 5, "-2.50", "anders"), listed(12, 6, "-1", "auch")},
			}, []string{"relinked 1 > 11", "relinked 2 > 12", "modified 1 > 11", "modified 2 > 12"},
		},
		{
			"... but one more than before on that day", evidence{
				reimported: true, complete: true, memory: []Row{known(park(1), elsewhere)},
				listed: []Transaction{listed(11, 5, "-2.50", "anders"), listed(12, 5, "-2.50", "noch anders")},
			}, []string{"removed 1", "review > 11", "review > 12"},
		},
		{
			"... and a history that begins later", evidence{
				reimported: true, complete: true, memory: []Row{known(park(1), elsewhere), known(listed(2, 9, "-1", "A"), elsewhere)}, listed: []Transaction{listed(12, 9, "-1", "A")},
			}, []string{"relinked 2 > 12"},
		},
		{
			"... and a row of that day that is there still, when the references differ", evidence{
				reimported: true, complete: true, memory: []Row{known(park(1, withReference("X")), elsewhere), known(park(2))},
				listed: []Transaction{listed(11, 5, "-2.50", "anders", withReference("Y"))}, present: absent(2),
			}, []string{"removed 1", "review > 11"},
		},
		{
			"most of an account has vanished", evidence{
				complete: true, memory: []Row{known(park(1)), known(park(2)), known(park(3)), known(park(4))}, listed: []Transaction{park(4)}, absent: absent(1, 2, 3),
			}, []string{"mass disappearance"},
		},
		{"a part of a split booking", evidence{listed: []Transaction{park(1), park(2, func(tx *Transaction) { tx.Parent = 1 })}}, []string{"booked > 1"}},
		{"a row that finAPI made up", evidence{listed: []Transaction{park(1, func(tx *Transaction) { tx.AdjustingEntry = true })}}, []string{"adjusting > 1"}},
		{
			"... and that has gone again", evidence{
				complete: true, memory: []Row{known(park(1, func(tx *Transaction) { tx.AdjustingEntry = true }), inState(RowNoticed))}, absent: absent(1),
			}, []string{"resolved 1"},
		},
		{"a booking from before the cut-over", evidence{cutOver: Date{Year: 2026, Month: 3, Day: 6}, listed: []Transaction{park(1)}}, []string{"recorded > 1"}},
		{"... that the bank takes back", evidence{complete: true, memory: []Row{known(park(1), inState(RowRecorded))}, absent: absent(1)}, []string{"dropped 1"}},
		{"a discarded double that goes", evidence{complete: true, memory: []Row{known(park(1), inState(RowDiscarded))}, absent: absent(1)}, []string{"dropped 1"}},
		{"a discarded double under a new id", evidence{complete: true, memory: []Row{known(park(1), inState(RowDiscarded))}, listed: []Transaction{park(2)}}, []string{"relinked 1 > 2"}},
		{
			"of two rows that claim an id, the one that it shows has it", evidence{
				complete: true, memory: []Row{known(park(1), inState(RowDiscarded)), known(listed(1, 6, "-9", "Strom"), func(row *Row) { row.UID = "other" })},
				listed: []Transaction{listed(1, 6, "-9", "Strom")},
			}, []string{"dropped 1"},
		},
		{
			"... and the other one is gone, also if it could not be removed when its id was taken", evidence{
				complete: true, memory: []Row{known(park(1)), known(listed(1, 6, "-9", "Strom"), func(row *Row) { row.UID = "other" })},
				listed: []Transaction{listed(1, 6, "-9", "Strom")},
			}, []string{"removed 1"},
		},
		{
			"... unless it is listed under another id", evidence{
				complete: true, memory: []Row{known(park(1)), known(listed(1, 6, "-9", "Strom"), func(row *Row) { row.UID = "other" })},
				listed: []Transaction{listed(1, 6, "-9", "Strom"), park(2)},
			}, []string{"relinked 1 > 2"},
		},
		{
			"... of which a listing that is not complete says nothing", evidence{
				memory: []Row{known(park(1)), known(listed(1, 6, "-9", "Strom"), func(row *Row) { row.UID = "other" })},
				listed: []Transaction{listed(1, 6, "-9", "Strom")},
			}, nil,
		},
		{
			"... though less of the other one differs", evidence{
				complete: true, memory: []Row{known(park(1, withReference("R"), named("P"))), known(listed(1, 5, "-3", "PARKHAUS"), inState(RowDiscarded), func(row *Row) { row.UID = "z" })},
				listed: []Transaction{listed(1, 5, "-3", "PARKHAUS", withReference("R"), named("P"))},
			}, []string{"removed 1", "updated 1"},
		},
		{
			"if it shows neither, the one that it resembles has it", evidence{
				complete: true, memory: []Row{known(park(1)), known(listed(1, 6, "-9", "Strom"), func(row *Row) { row.UID = "a" })},
				listed: []Transaction{listed(1, 6, "-10", "Strom")},
			}, []string{"removed 1", "modified 1"},
		},
		{
			"a row that finAPI made up has no booking's id", evidence{
				complete: true, memory: []Row{known(park(1), inState(RowNoticed)), known(park(1), func(row *Row) { row.UID = "z" })}, listed: []Transaction{park(1)},
			}, []string{"resolved 1"},
		},
		{
			"another amount under the same id, while finAPI makes up a row like the former booking", evidence{
				complete: true, memory: []Row{known(park(1))},
				listed: []Transaction{listed(1, 5, "-3", "PARKHAUS"), park(2, func(tx *Transaction) { tx.AdjustingEntry = true })},
			}, []string{"modified 1", "adjusting > 2"},
		},
		{
			"... or an application splits one like it off", evidence{
				complete: true, memory: []Row{known(park(1))},
				listed: []Transaction{listed(1, 5, "-3", "PARKHAUS"), park(2, func(tx *Transaction) { tx.Parent = 1 })},
			}, []string{"modified 1"},
		},
		{"what was taken back, and an equal row", evidence{complete: true, memory: []Row{known(park(1), inState(RowRemoved))}, listed: []Transaction{park(2)}}, []string{"booked > 2"}},
		{
			"an id that shows another booking",
			evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{listed(1, 9, "100", "Gutschrift"), park(2)}},
			[]string{"relinked 1 > 2", "conflict 1", "booked > 1"},
		},
		{"another amount under the same id", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{listed(1, 5, "-3", "PARKHAUS")}}, []string{"modified 1"}},
		{"another white space", evidence{complete: true, memory: []Row{known(park(1))}, listed: []Transaction{listed(1, 5, "-2.5", "PARK\nHAUS ")}}, nil},
	}
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := tt.in
			in.source = home
			if diff := cmp.Diff(tt.want, verdicts(match(&in))); diff != "" {
				t.Errorf("wrong verdicts (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTheOrderOfTheRowsMakesNoDifference(t *testing.T) {
	t.Parallel()
	var memory []Row
	var rows []Transaction
	for i := range 12 {
		tx := listed(TransactionID(i+1), 1+i%3, []string{"-2.50", "10", "0"}[i%3], []string{"PARKHAUS", "Miete"}[i%2])
		memory = append(memory, known(tx))
		if i%4 == 0 {
			tx.ID += 100
		}
		rows = append(rows, tx)
	}
	want := verdicts(match(&evidence{source: home, complete: true, memory: slices.Clone(memory), listed: slices.Clone(rows)}))
	for range 20 {
		first := memory[0]
		memory = append(memory[1:], first)
		slices.Reverse(rows)
		got := verdicts(match(&evidence{source: home, complete: true, memory: slices.Clone(memory), listed: slices.Clone(rows)}))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("another order gave (-want +got):\n%s", diff)
		}
	}
}

func TestWhatTheBankChangedIsMaterialOrNot(t *testing.T) {
	t.Parallel()
	changes := map[string]struct {
		change   func(*Transaction)
		fields   string
		material bool
	}{
		"the amount":            {func(tx *Transaction) { tx.Amount.Amount = decimal.NewFromInt(1) }, "amount", true},
		"the currency":          {func(tx *Transaction) { tx.Amount.Currency = "CHF" }, "currency", true},
		"the booking date":      {func(tx *Transaction) { tx.BookingDate = tx.BookingDate.AddDays(1) }, "bankBookingDate", true},
		"the counterpart":       {withIBAN("DE1"), "counterpartIban", true},
		"the value date":        {func(tx *Transaction) { tx.ValueDate = tx.BookingDate }, "valueDate", false},
		"the purpose":           {func(tx *Transaction) { tx.Purpose = "x" }, "purpose", false},
		"the name":              {func(tx *Transaction) { tx.Counterpart.Name = "x" }, "counterpartName", false},
		"the reference":         {withReference("x"), "endToEndReference", false},
		"finAPI's suspicion":    {flagged, "isPotentialDuplicate", false},
		"finAPI's booking date": {func(tx *Transaction) { tx.FinapiBookingDate = tx.BookingDate }, "", false},
		"the import date":       {func(tx *Transaction) { tx.Imported = tx.Imported.AddDate(0, 0, 1) }, "", false},
		"the category":          {func(tx *Transaction) { tx.Category = &Category{Name: "x"} }, "", false},
		"that it is new":        {func(tx *Transaction) { tx.New = true }, "", false},
		"a wrapped purpose":     {func(tx *Transaction) { tx.Purpose = " MIETE\nMÄRZ " }, "", false},
	}
	for name, tt := range changes {
		was := listed(1, 5, "-2.50", "Miete Maerz")
		is := was
		tt.change(&is)
		fields, material := difference(&was, &is)
		if got := strings.Join(fields, " "); got != tt.fields || material != tt.material {
			t.Errorf("%s: got %q, material %v, want %q, %v", name, got, material, tt.fields, tt.material)
		}
	}
}
