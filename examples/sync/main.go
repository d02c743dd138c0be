// Sync does the whole job of a bank feed: it finds a bank, gets a customer's
// consent, reads accounts and balances, books every transaction into a ledger
// once, and books nothing twice when it runs again.
//
// Without settings it runs against a simulated finAPI on this machine:
//
//	go run ./examples/sync
//
// With -every it goes on by itself: it keeps the connection on a list with its due
// times, looks every so often for what is due, and is interrupted with Ctrl-C.
//
//	go run ./examples/sync -every 1m
//
// With FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET in the environment it works on
// the real service.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"github.com/finapi-go/finapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with everything that it touches handed in, so that tests can.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	err = job(ctx, opts, env, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "\nInterrupted. Nothing is lost: run again with the same -db and it goes on.")
		return 130
	}
	explain(stderr, err)
	return 1
}

type options struct {
	db    string
	bank  string
	json  bool
	every time.Duration
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("sync", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.db, "db", "", "keep the ledger in this SQLite `file`, so that a further run continues\n(default: a new ledger that is deleted at the end)")
	flags.StringVar(&o.bank, "bank", "amnis", "the `name` of the bank to connect")
	flags.BoolVar(&o.json, "json", false, "print the feed's events as JSON lines")
	flags.DurationVar(&o.every, "every", 0, "go on until Ctrl-C: synchronise the bank daily by night, and look every `interval`, 1s to 5m,\nfor what is due")
	flags.Usage = func() {
		fmt.Fprint(stderr, `Sync connects a bank account and books its transactions into a ledger, once.

Without settings it simulates finAPI, the bank and the customer on this machine.
Set FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET (and FINAPI_ENV to sandbox or live)
to work on the real service; it then prints a URL for the customer to open.

`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "sync takes no arguments, but got %q\n", flags.Arg(0))
		return o, errors.New("unexpected argument")
	}
	if o.every != 0 && (o.every < time.Second || o.every > 5*time.Minute) {
		fmt.Fprintf(stderr, "-every must be 1s to 5m, but is %s\n", o.every)
		return o, errors.New("-every is out of range")
	}
	return o, nil
}

// explain tells a person what went wrong and who can do something about it.
func explain(stderr io.Writer, err error) {
	fmt.Fprintln(stderr, "sync:", err)
	var action *finapi.ActionRequired
	if errors.As(err, &action) {
		fmt.Fprintf(stderr, "The bank wants to see the customer again. Open this link, then run again:\n  %s\n", action.URL)
	}
	var e *finapi.Error
	if errors.As(err, &e) && e.Message != "" {
		fmt.Fprintf(stderr, "finAPI says: %s\n", e.Message)
	}
}

// job is the main job, step by step.
func job(ctx context.Context, opts options, env func(string) string, stdout, stderr io.Writer) error {
	out := newOutput(opts, stdout, stderr)
	books, err := openBooks(ctx, opts.db)
	if err != nil {
		return err
	}
	defer books.close()
	service, err := openService(ctx, env, books, out)
	if err != nil {
		return err
	}
	defer service.close()

	user, err := openUser(ctx, service, books)
	if err != nil {
		return err
	}
	connection, err := connect(ctx, service, user, opts.bank, out)
	if err != nil {
		return err
	}
	if opts.every > 0 {
		return keepSyncing(ctx, opts.every, service, user, connection, books, out)
	}
	for round := 1; round <= 2; round++ {
		if round == 2 {
			if connection, err = tomorrow(ctx, service, user, connection.ID, books, out); err != nil {
				return err
			}
		}
		if err := syncAll(ctx, round, service, user, connection.ID, books, out); err != nil {
			return err
		}
	}
	return check(ctx, user, connection.ID, books, out)
}
