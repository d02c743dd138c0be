package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/finapi-go/finapi/sqlstore"
)

// table shows what goes on: as a table that is drawn anew if the output is a terminal, else
// in plain lines.
type table struct {
	world    *world
	crew     *crew
	out      io.Writer
	terminal bool
	lines    int // of the table as it is on the terminal

	first figures // at the beginning of the act
	last  figures // when it was last drawn
}

// figures are what was counted up to a moment.
type figures struct {
	at       time.Time
	runs     int64
	requests int64
	booked   int64
	failed   map[string]int64 // by who must act
	workers  map[int]int64    // runs of each
}

func newTable(w *world, c *crew, out io.Writer) *table {
	file, isFile := out.(*os.File)
	return &table{world: w, crew: c, out: out, terminal: isFile && term.IsTerminal(int(file.Fd()))}
}

// read counts in the ERP's tables; the workers are not asked.
func (t *table) read(ctx context.Context) (f figures, err error) {
	f = figures{at: time.Now(), requests: t.world.requests.Load(), failed: map[string]int64{}, workers: map[int]int64{}}
	db := t.world.erp.db
	if err := db.QueryRowContext(ctx, `SELECT count(*) FROM journal`).Scan(&f.booked); err != nil {
		return f, err
	}
	rows, err := db.QueryContext(ctx, `SELECT worker, failed, actor, count(*) FROM run GROUP BY worker, failed, actor`)
	if err != nil {
		return f, err
	}
	defer func() { err = cmp.Or(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		var worker int
		var failed bool
		var actor string
		var runs int64
		if err := rows.Scan(&worker, &failed, &actor, &runs); err != nil {
			return f, err
		}
		f.runs += runs
		f.workers[worker] += runs
		if failed {
			f.failed[cmp.Or(actor, "unknown")] += runs
		}
	}
	return f, nil
}

// begin begins an act.
func (t *table) begin(ctx context.Context, name string) (err error) {
	fmt.Fprintf(t.out, "\n%s\n", name)
	t.first, err = t.read(ctx)
	t.last = t.first
	return err
}

// end sums an act up.
func (t *table) end(ctx context.Context) error {
	now, err := t.read(ctx)
	if err != nil {
		return err
	}
	peak, err := t.peak(ctx)
	if err != nil {
		return err
	}
	t.clear()
	seconds := now.at.Sub(t.first.at).Seconds()
	fmt.Fprintf(t.out, "  done in %.1f s: %d runs (at best %d/s), %d bookings, %d requests (%.0f/s)%s\n",
		seconds, now.runs-t.first.runs, peak, now.booked-t.first.booked,
		now.requests-t.first.requests, float64(now.requests-t.first.requests)/seconds, failures(t.first.failed, now.failed))
	return nil
}

// peak is the most runs that were noted within a second since the act began.
func (t *table) peak(ctx context.Context) (runs int64, err error) {
	err = t.world.erp.db.QueryRowContext(ctx, `
SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM run WHERE noted > $1 GROUP BY date_trunc('second', noted)) AS each`,
		t.first.at).Scan(&runs)
	return runs, err
}

// show draws, if it is time to, and returns how many runs there were.
func (t *table) show(ctx context.Context, b sqlstore.Backlog) (runs int64, err error) {
	every := 5 * time.Second
	if t.terminal {
		every = time.Second
	}
	if time.Since(t.last.at) < every {
		return t.last.runs, nil
	}
	now, err := t.read(ctx)
	if err != nil {
		return 0, err
	}
	perSecond, requests := t.rate(&now)
	lines := t.overview(&now, b, perSecond, requests)
	t.clear()
	if t.terminal {
		lines = append(lines, t.workers(&now)...)
		t.lines = len(lines)
		fmt.Fprintf(t.out, "  %s\n", strings.Join(lines, "\n  "))
	} else {
		fmt.Fprintf(t.out, "  %s\n", strings.Join(lines, " | "))
	}
	t.last = now
	return now.runs, nil
}

// rate tells how much there was per second since it was last drawn.
func (t *table) rate(now *figures) (runs, requests float64) {
	seconds := now.at.Sub(t.last.at).Seconds()
	return float64(now.runs-t.last.runs) / seconds, float64(now.requests-t.last.requests) / seconds
}

func (t *table) clear() {
	if t.lines > 0 {
		fmt.Fprintf(t.out, "\x1b[%dA\x1b[J", t.lines)
	}
	t.lines = 0
}

func (t *table) overview(f *figures, b sqlstore.Backlog, perSecond, requests float64) []string {
	lag := time.Duration(0)
	clock := t.world.sim.Clock().Now()
	if b.Due > 0 {
		lag = clock.Sub(b.Oldest).Round(time.Second)
	}
	blocked := 0
	for _, n := range b.Blocked {
		blocked += n
	}
	lines := []string{
		fmt.Sprintf("%s | runs %d (%.0f/s) | requests %d (%.0f/s)",
			clock.In(germany()).Format("Mon 15:04"), f.runs, perSecond, f.requests, requests),
		fmt.Sprintf("due %d, in work %d, lag %s, blocked %d%s", b.Due, b.Taken, lag, blocked, failures(nil, f.failed)),
	}
	if _, kills, pauses := t.crew.members(); kills+pauses > 0 {
		lines = append(lines, fmt.Sprintf("killed %d, paused %d", kills, pauses))
	}
	return lines
}

// germany is where the customers are. It is winter.
func germany() *time.Location { return time.FixedZone("CET", 3600) }

// failures tells what has failed since before, by who must act.
func failures(before, now map[string]int64) string {
	var parts []string
	for _, actor := range slices.Sorted(maps.Keys(now)) {
		if n := now[actor] - before[actor]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", actor, n))
		}
	}
	if parts == nil {
		return ""
	}
	return " | failed: " + strings.Join(parts, ", ")
}

// workers has a line for each worker.
func (t *table) workers(f *figures) []string {
	lines := []string{"worker     pid  state   runs   now/s  lives"}
	seconds := f.at.Sub(t.last.at).Seconds()
	members, _, _ := t.crew.members()
	for _, m := range members {
		lines = append(lines, fmt.Sprintf("%6d  %6d  %-6s  %4d  %6.1f  %5d",
			m.number, m.pid, m.state, f.workers[m.number], float64(f.workers[m.number]-t.last.workers[m.number])/seconds, m.lives))
	}
	return lines
}
