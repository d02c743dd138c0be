package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestTheProofFindsWhatIsMissingDoubleOrStrange(t *testing.T) {
	t.Parallel()
	o := options{tenants: 2, workers: 1, parallel: 1, postgres: server.Database(t)}
	e, err := openERP(t.Context(), o, missing{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := e.close(t.Context()); err != nil {
			t.Error(err)
		}
	}()
	w, err := newWorld(&o, e)
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	if err := w.populate(t.Context()); err != nil {
		t.Fatal(err)
	}
	_, err = e.db.ExecContext(t.Context(), `INSERT INTO journal (uid, ledger, purpose, amount, status) VALUES
		('1', 'customer-1/1200', 'Invoice customer-1/1/0001', 1, 'booked'),
		('2', 'customer-1/1200', 'Invoice customer-1/1/0001', 1, 'booked'),
		('3', 'customer-2/1200', 'Invoice customer-1/1/0002', 1, 'booked')`)
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.db.ExecContext(t.Context(), `INSERT INTO run (connection, due, worker, why, failed, actor, times)
		VALUES ($1, now(), 1, 'scheduled', false, '', 2)`, int64(w.customers[0].connection))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := prove(t.Context(), w, &crew{}, &out); !errors.Is(err, errNotProved) {
		t.Errorf("the proof ended with %v", err)
	}
	for _, want := range []string{
		"NOT PROVED: each booking of the banks is in its ledger once (119 are missing, 1 are double, and 1 are not the bank's)",
		"NOT PROVED: each ledger's balance is the bank's (customer-1/1200 has 2, the bank ",
		"NOT PROVED: no due time was completed twice, and none was left out (1 due times, but 2 completed runs)",
		"NOT PROVED: no bank was asked more than 4 times in 24 hours without the customer (0 updates",
		"NOT PROVED: everything is well in the end (2 are due",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("want %q in:\n%s", want, &out)
		}
	}
}

func TestADayIsAnyTwentyFourHours(t *testing.T) {
	t.Parallel()
	day := func(hours ...int) (times []time.Time) {
		for _, h := range hours {
			times = append(times, evening.Add(time.Duration(h)*time.Hour))
		}
		return times
	}
	for _, c := range []struct {
		times []time.Time
		most  int
	}{
		{nil, 0},
		{day(0), 1},
		{day(0, 24), 1},
		{day(30, 0, 10, 23), 3},
		{day(0, 20, 21, 22, 43), 4},
	} {
		if got := mostInADay(c.times); got != c.most {
			t.Errorf("got %d of %v, want %d", got, c.times, c.most)
		}
	}
}
