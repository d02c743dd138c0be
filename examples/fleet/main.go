// Fleet shows that any number of processes can share the synchronisation of many bank
// connections, be killed and fall asleep, and that nothing is lost or doubled.
//
//	go run ./examples/fleet -kill 3s
//
// It starts a PostgreSQL and a simulated finAPI with a hundred customers, and four
// workers in processes of their own. It plays an evening and two nights, shows what the
// workers do, and proves at the end that each ledger equals its bank. The exit code is 0
// only if that is proved.
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

	"github.com/finapi-go/finapi/internal/pgtest"
)

func main() {
	if task := os.Getenv(workerTask); task != "" {
		os.Exit(work(context.Background(), task, os.Stdin, os.Stderr))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	server := pgtest.Server{Settings: []string{"fsync = off"}}
	code := run(ctx, os.Args[1:], &server, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with everything that it touches handed in, so that tests can. server is
// used unless a database is given.
func run(ctx context.Context, args []string, server postgres, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return 2
	}
	err = show(ctx, opts, server, stdout, stderr)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, pgtest.ErrNotInstalled):
		fmt.Fprintf(stderr, "fleet: %v\nOr give a database that may be used: -postgres postgres://user@host/database\n", err)
		return 2
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "\nInterrupted.")
		return 130
	}
	fmt.Fprintln(stderr, "fleet:", err)
	return 1
}

type options struct {
	tenants, workers, parallel int
	failing, gone              int // per cent
	kill                       time.Duration
	pause, verbose             bool
	postgres                   string
}

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.IntVar(&o.tenants, "tenants", 100, "how many `customers` there are, 1 to 10000, each with a bank of 3 accounts")
	flags.IntVar(&o.workers, "workers", 4, "how many `processes` work, 1 to 50")
	flags.IntVar(&o.parallel, "parallel", 20, "how many `connections` each of them works on at the same time, 1 to 200")
	flags.IntVar(&o.failing, "failing", 10, "how many `per cent` of the banks fail in the first night")
	flags.IntVar(&o.gone, "gone", 5, "how many `per cent` of the customers have taken their consent back by then, and must act")
	flags.DurationVar(&o.kill, "kill", 0, "kill a worker each `interval`, such as 3s, and start a new one; 0 kills none")
	flags.BoolVar(&o.pause, "pause", false, "now and then, stop a worker for longer than it may be silent, and let it go on")
	flags.BoolVar(&o.verbose, "v", false, "print the workers' logs to the standard error")
	flags.StringVar(&o.postgres, "postgres", "", "use this PostgreSQL database, in schemas of its own that are deleted at the end; a `URL`\n(default: a server that is started here)")
	flags.Usage = func() {
		fmt.Fprint(stderr, `Fleet synchronises many customers' bank connections with many processes on one
PostgreSQL, kills some of them if asked to, and proves that each ledger equals its bank.

`)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	problem := o.problem()
	if flags.NArg() > 0 {
		problem = fmt.Sprintf("fleet takes no arguments, but got %q", flags.Arg(0))
	}
	if problem != "" {
		fmt.Fprintln(stderr, problem)
		return o, errors.New(problem)
	}
	return o, nil
}

func (o *options) problem() string {
	for _, limit := range []struct {
		name             string
		value, low, high int
	}{
		{"-tenants", o.tenants, 1, 10_000},
		{"-workers", o.workers, 1, 50},
		{"-parallel", o.parallel, 1, 200},
		{"-failing", o.failing, 0, 100},
		{"-gone", o.gone, 0, 100 - o.failing},
	} {
		if limit.value < limit.low || limit.value > limit.high {
			return fmt.Sprintf("%s must be %d to %d, but is %d", limit.name, limit.low, limit.high, limit.value)
		}
	}
	// The server that is started here takes 200 connections.
	if need := o.workers*connections(o.parallel) + 8; need > 190 && o.postgres == "" {
		return fmt.Sprintf("%d workers with -parallel %d need %d connections to PostgreSQL, but there are 190: take fewer, or another database with -postgres",
			o.workers, o.parallel, need)
	}
	if o.kill != 0 && o.kill < 100*time.Millisecond {
		return fmt.Sprintf("-kill must be at least 100ms, but is %s", o.kill)
	}
	return ""
}

// show is the whole show, step by step.
func show(ctx context.Context, o options, server postgres, stdout, stderr io.Writer) (err error) {
	erp, err := openERP(ctx, o, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, erp.close(ctx)) }()
	world, err := newWorld(&o, erp)
	if err != nil {
		return err
	}
	defer world.close()
	fmt.Fprintf(stdout, "%d customers connect their banks, each with 3 accounts.\n", o.tenants)
	if err := world.populate(ctx); err != nil {
		return err
	}
	crew, err := newCrew(&o, world, stderr)
	if err != nil {
		return err
	}
	defer crew.dismiss()
	table := newTable(world, crew, stdout)
	if err := play(ctx, world, crew, table); err != nil {
		return err
	}
	return prove(ctx, world, crew, stdout)
}
