package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/finapitest"
)

// output prints results to stdout, and progress to stderr if that is a terminal.
type output struct {
	stdout, stderr io.Writer
	json           bool
	terminal       bool
	waitingFor     string
	since          int
}

func newOutput(opts options, stdout, stderr io.Writer) *output {
	file, isFile := stderr.(*os.File)
	return &output{
		stdout: stdout, stderr: stderr, json: opts.json,
		terminal: isFile && term.IsTerminal(int(file.Fd())),
	}
}

// say prints a line for people. In JSON mode stdout belongs to the events.
func (o *output) say(format string, args ...any) {
	if o.json {
		fmt.Fprintf(o.stderr, format+"\n", args...)
		return
	}
	fmt.Fprintf(o.stdout, format+"\n", args...)
}

// accounts prints the accounts with their balances.
func (o *output) accounts(accounts []finapi.Account) {
	if o.json {
		return
	}
	table := tabwriter.NewWriter(o.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "\n  IBAN\taccount\tbalance\tas of\t\n")
	for i := range accounts {
		a := &accounts[i]
		balance := "unknown"
		if a.Balance != nil {
			balance = a.Balance.String()
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t\n", a.IBAN, a.Name, balance, a.Updated().Format("2006-01-02 15:04"))
	}
	_ = table.Flush()
	fmt.Fprintln(o.stdout)
}

// events prints a batch as JSON lines.
func (o *output) events(round int, ledger finapi.LedgerID, batch []finapi.Event) error {
	if !o.json {
		return nil
	}
	encoder := json.NewEncoder(o.stdout)
	for _, event := range batch {
		name := strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", event), "finapi."))
		line := map[string]any{"sync": round, "ledger": ledger, "event": name, "data": event}
		if err := encoder.Encode(line); err != nil {
			return err
		}
	}
	return nil
}

// synced prints the one line that sums a synchronisation up.
func (o *output) synced(round int, s *finapi.Synced) {
	o.say("sync %d: booked %d, review %d, modified %d, removed %d, already known %d",
		round, s.Booked, s.Review, s.Modified, s.Removed, s.Known)
}

// wait shows what the program waits for until the returned function is called.
func (o *output) wait(what string) (done func()) {
	o.waitingFor, o.since = what, 0
	o.tick()
	return o.clear
}

// clear takes away what is shown of the waiting.
func (o *output) clear() {
	o.waitingFor = ""
	if o.terminal {
		fmt.Fprint(o.stderr, "\r\x1b[K")
	}
}

func (o *output) tick() {
	if !o.terminal || o.waitingFor == "" {
		return
	}
	const dots = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
	frames := []rune(dots)
	fmt.Fprintf(o.stderr, "\r\x1b[K%c %s", frames[o.since%len(frames)], o.waitingFor)
	o.since++
}

// realClock is the machine's clock; it moves the progress display while it waits.
type realClock struct{ out *output }

func (realClock) Now() time.Time { return time.Now() }

func (c realClock) Sleep(ctx context.Context, d time.Duration) error {
	for end := time.Now().Add(d); ; c.out.tick() {
		left := time.Until(end)
		if left <= 0 {
			return ctx.Err()
		}
		if err := finapi.SystemClock().Sleep(ctx, min(left, 100*time.Millisecond)); err != nil {
			return err
		}
	}
}

// simulatedClock is the simulator's clock, on which a second takes 50 ms, so that
// there is something to see.
type simulatedClock struct {
	*finapitest.Clock
	out *output
}

func (c simulatedClock) Sleep(ctx context.Context, d time.Duration) error {
	c.out.tick()
	if err := finapi.SystemClock().Sleep(ctx, min(d/20, time.Second)); err != nil {
		return err
	}
	return c.Clock.Sleep(ctx, d)
}
