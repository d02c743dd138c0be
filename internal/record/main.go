// Record records what finAPI's sandbox answers, for use as test data.
//
//	go run ./internal/record            # the simulator, without an account
//	FINAPI_CLIENT_ID=... FINAPI_CLIENT_SECRET=... go run ./internal/record
//
// It makes a user, has a person connect a test bank, makes every call of the SDK
// that is safe, and deletes the user again. What was answered is redacted, searched
// for secrets that may have remained, and written to a folder. Differences between
// the answers and the contract in testdata/contract are reported.
//
// The exit status is 0 if all is recorded and keeps the contract, 1 if it is
// recorded and something needs a look (a difference, a step that failed, a user
// that could not be deleted), and 2 if nothing was written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// The exit statuses.
const (
	exitGood = iota
	exitLook
	exitNothing
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout))
}

// run is main without the process around it.
func run(ctx context.Context, args []string, env func(string) string, out io.Writer) int {
	code, err := start(ctx, args, env, out)
	if err != nil {
		fmt.Fprintln(out, "record:", err)
	}
	return code
}

func start(ctx context.Context, args []string, env func(string) string, out io.Writer) (int, error) {
	cfg := &config{out: out, now: time.Now()}
	err := cfg.parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return exitGood, nil
	}
	if err != nil {
		return exitNothing, err
	}
	if err := cfg.find(); err != nil {
		return exitNothing, err
	}
	if cfg.target, err = newTarget(env, cfg); err != nil {
		return exitNothing, err
	}
	defer cfg.target.close()
	return record(ctx, cfg)
}
