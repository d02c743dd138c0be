package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/shopspring/decimal"

	"github.com/finapi-go/finapi"
)

// This file proves, from what the banks, finAPI and the ERP's own tables say, that nothing
// was lost or doubled. What the workers think does not count.

// proof is something to prove. It tells what was found, for people.
type proof struct {
	claim string
	check func(ctx context.Context, w *world) (found string, err error)
}

var errNotProved = errors.New("it is not proved")

func prove(ctx context.Context, w *world, c *crew, out io.Writer) error {
	fmt.Fprintln(out)
	if _, kills, pauses := c.members(); kills+pauses > 0 {
		fmt.Fprintf(out, "%d times a worker was killed, and %d times one was paused for longer than it may be silent.\n", kills, pauses)
	}
	good := true
	for _, p := range []proof{
		{"each booking of the banks is in its ledger once", bookedOnce},
		{"each ledger's balance is the bank's", balances},
		{"no due time was completed twice, and none was left out", completed},
		{"no bank was asked more than 4 times in 24 hours without the customer", budgets},
		{"everything is well in the end", well},
	} {
		found, err := p.check(ctx, w)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		mark := "proved"
		if err != nil {
			mark, found, good = "NOT PROVED", err.Error(), false
		}
		fmt.Fprintf(out, "%s: %s (%s)\n", mark, p.claim, found)
	}
	if !good {
		return errNotProved
	}
	return nil
}

// entry is a line of the journal, as far as it matters here.
type entry struct{ ledger, purpose string }

// journal returns how often each entry is in the journal.
func (w *world) journal(ctx context.Context) (_ map[entry]int, err error) {
	rows, err := w.erp.db.QueryContext(ctx, `SELECT ledger, purpose, count(*) FROM journal WHERE status = 'booked' GROUP BY ledger, purpose`)
	if err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, rows.Err(), rows.Close()) }()
	entries := map[entry]int{}
	for rows.Next() {
		var e entry
		var n int
		if err := rows.Scan(&e.ledger, &e.purpose, &n); err != nil {
			return nil, err
		}
		entries[e] = n
	}
	return entries, nil
}

func bookedOnce(ctx context.Context, w *world) (string, error) {
	entries, err := w.journal(ctx)
	if err != nil {
		return "", err
	}
	count, missing, double := 0, 0, 0
	err = w.accounts(func(ledger, iban string) error {
		account, err := w.sim.BankAccount(iban)
		if err != nil {
			return err
		}
		for _, b := range account.Bookings() {
			e := entry{ledger, b.Purpose}
			count++
			switch entries[e] {
			case 0:
				missing++
			case 1:
			default:
				double++
			}
			delete(entries, e)
		}
		return nil
	})
	if err == nil && missing+double+len(entries) > 0 {
		err = fmt.Errorf("%d are missing, %d are double, and %d are not the bank's", missing, double, len(entries))
	}
	return fmt.Sprintf("%d bookings in %d ledgers", count, 3*len(w.customers)), err
}

// accounts visits all accounts of all customers.
func (w *world) accounts(visit func(ledger, iban string) error) error {
	for _, c := range w.customers {
		for n, iban := range c.ibans {
			if err := visit(c.ledger(n), iban); err != nil {
				return err
			}
		}
	}
	return nil
}

func balances(ctx context.Context, w *world) (string, error) {
	rows, err := w.erp.db.QueryContext(ctx, `SELECT ledger, sum(amount)::text FROM journal WHERE status <> 'removed' GROUP BY ledger`)
	if err != nil {
		return "", err
	}
	defer func() { _ = rows.Close() }()
	sums := map[string]decimal.Decimal{}
	for rows.Next() {
		var ledger string
		var sum decimal.Decimal
		if err := rows.Scan(&ledger, &sum); err != nil {
			return "", err
		}
		sums[ledger] = sum
	}
	if err := rows.Err(); err != nil {
		return "", err
	}
	total := decimal.Zero
	err = w.accounts(func(ledger, iban string) error {
		account, err := w.sim.BankAccount(iban)
		if err != nil {
			return err
		}
		if balance := account.Balance(); !sums[ledger].Equal(balance) {
			return fmt.Errorf("%s has %s, the bank %s", ledger, sums[ledger], balance)
		}
		total = total.Add(sums[ledger])
		return nil
	})
	return fmt.Sprintf("together %s EUR", total.StringFixed(2)), err
}

func completed(ctx context.Context, w *world) (string, error) {
	var runs, times, connections, fewest int
	err := w.erp.db.QueryRowContext(ctx, `
SELECT coalesce(sum(n), 0), coalesce(sum(times), 0), count(*), coalesce(min(n), 0)
FROM (SELECT connection, count(*) AS n, sum(times) AS times FROM run GROUP BY connection) AS each`).Scan(&runs, &times, &connections, &fewest)
	switch {
	case err != nil:
		return "", err
	case times > runs:
		return "", fmt.Errorf("%d due times, but %d completed runs", runs, times)
	case connections != len(w.customers) || fewest < 3:
		return "", fmt.Errorf("of %d connections only %d ran at all, and one of them %d times only", len(w.customers), connections, fewest)
	}
	return fmt.Sprintf("%d due times of %d connections, as many runs", runs, connections), nil
}

// budgets goes by what finAPI has accepted, not by what the SDK has counted.
func budgets(_ context.Context, w *world) (string, error) {
	asked := map[finapi.ConnectionID][]time.Time{}
	for _, r := range w.sim.Requests() {
		if r.Path != updatePath || r.Status != http.StatusCreated {
			continue
		}
		var body struct {
			Connection finapi.ConnectionID `json:"bankConnectionId"`
			Customer   json.RawMessage     `json:"userMetadata"`
		}
		if err := json.Unmarshal(r.Body, &body); err != nil {
			return "", err
		}
		if body.Customer == nil {
			w.mu.Lock()
			asked[body.Connection] = append(asked[body.Connection], w.updates[r.Header.Get(requestID)])
			w.mu.Unlock()
		}
	}
	updates, most := 0, 0
	for _, times := range asked {
		updates += len(times)
		most = max(most, mostInADay(times))
	}
	found := fmt.Sprintf("%d updates, at most %d of one connection in 24 hours", updates, most)
	if most > 4 || updates == 0 {
		return "", errors.New(found)
	}
	return found, nil
}

func mostInADay(times []time.Time) (most int) {
	slices.SortFunc(times, time.Time.Compare)
	for i, first := range times {
		n := 0
		for n < len(times)-i && times[i+n].Sub(first) < 24*time.Hour {
			n++
		}
		most = max(most, n)
	}
	return most
}

func well(ctx context.Context, w *world) (string, error) {
	b, err := w.connections.Backlog(ctx)
	if err != nil {
		return "", err
	}
	if b.Due+b.Taken+len(b.Blocked) > 0 {
		return "", fmt.Errorf("%d are due, %d in work, blocked %v", b.Due, b.Taken, b.Blocked)
	}
	for _, c := range w.customers {
		status, err := w.connections.Status(ctx, c.connection)
		if err != nil {
			return "", err
		}
		if status.Failures > 0 {
			return "", fmt.Errorf("the last %d runs of %s have failed", status.Failures, c.tenant)
		}
	}
	return "nothing is due, nobody must act", nil
}
