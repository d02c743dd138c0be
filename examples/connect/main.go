// Connect is the section "Connected accounts" of an ERP as a small web application,
// made to be copied and to be tried in a browser: the customer searches a bank,
// connects it, chooses accounts, sees balances and bookings, refreshes, renews,
// disconnects and connects again, and deletes everything.
//
// Without settings it simulates finAPI, the banks and the customer's accounts on this
// machine, with a page of controls that let a day pass or a consent lapse:
//
//	go run ./examples/connect
//
// With FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET in the environment it works on finAPI's
// sandbox.
//
// It is plain html/template and CSS and needs no JavaScript. What belongs to the ERP
// and not to the SDK is kept small: the page for signing in stands in for the ERP's own
// log-in, and the journal for its books. The rest is meant for production: sessions,
// protection of forms, headers, two languages, and the finAPI users of the tenants,
// sealed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/finapi-go/finapi/finapitest"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
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
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelInfo}))
	if err := serve(ctx, opts, env, stdout, log); err != nil {
		fmt.Fprintln(stderr, "connect:", err)
		return 1
	}
	return 0
}

type options struct {
	db        string
	address   string
	public    string
	forwarded bool
	// simulator says how the simulator is started; nil for one whose clock runs.
	simulator []finapitest.Option
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("connect", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.db, "db", "", "keep everything in this SQLite `file`, with the key beside it\n(default: connect.db; with the simulator a new file that is deleted at the end)")
	flags.StringVar(&o.address, "listen", "127.0.0.1:8080", "listen at this `address`; port 0 takes a free one")
	flags.StringVar(&o.public, "url", "", "the `URL` under which browsers reach the program, if it stands behind a proxy; https then")
	flags.BoolVar(&o.forwarded, "forwarded", false, "believe X-Forwarded-For of a proxy in front; without a proxy anybody could write it")
	flags.Usage = func() {
		fmt.Fprint(stderr, `Connect is an ERP's section "Connected accounts", to try in a browser and to copy.

Without settings it simulates finAPI, the banks and the customer's accounts on this
machine. Set FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET (and FINAPI_ENV to sandbox or
live) to work on the real service.

`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 {
		fmt.Fprintf(stderr, "connect takes no arguments, but got %q\n", flags.Arg(0))
		return o, errors.New("unexpected argument")
	}
	return o, nil
}
