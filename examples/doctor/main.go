// Doctor tells an ERP vendor whether finAPI is set up so that bank feeds work: what
// it saw, what that means, and who has to do what about it. Run it on the day on
// which the client credentials arrive:
//
//	FINAPI_CLIENT_ID=... FINAPI_CLIENT_SECRET=... go run ./examples/doctor
//
// It changes nothing at finAPI unless -write is given. Without credentials it
// examines a simulated finAPI on this machine, to show what it does, and ends with an
// exit code of its own.
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

	"github.com/finapi-go/finapi"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitFine        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitSimulated   = 3 // so that nobody takes a run without credentials for a good one
	exitInterrupted = 130
)

// run is main with everything that it touches handed in, so that tests can.
func run(ctx context.Context, args []string, env func(string) string, stdout, stderr io.Writer) int {
	m := machine{env: env, stdout: stdout, stderr: stderr, clock: finapi.SystemClock(), reach: reach}
	return m.run(ctx, args)
}

// machine is what the program finds around it.
type machine struct {
	env            func(string) string
	stdout, stderr io.Writer
	// clock is what the SDK waits on while it works on a real service.
	clock finapi.Clock
	reach reacher
}

func (m *machine) run(ctx context.Context, args []string) int {
	opts, err := m.parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitFine
	}
	if err != nil {
		return exitUsage
	}
	service, err := m.open(opts)
	if err != nil {
		fmt.Fprintln(m.stderr, "doctor:", err)
		return exitUsage
	}
	defer service.close()
	v := &visit{opts: opts, service: service, reach: m.reach, progress: m.stderr, today: time.Now().UTC()}
	if !opts.json {
		v.heading(m.stdout)
	}
	v.examine(ctx)
	if err := m.print(v); err != nil {
		fmt.Fprintln(m.stderr, "doctor: the findings cannot be printed:", err)
		return exitFailed
	}
	switch {
	case v.sim != nil && ctx.Err() == nil:
		return exitSimulated
	case v.count(failing) > 0:
		return exitFailed
	case ctx.Err() != nil:
		return exitInterrupted
	}
	return exitFine
}

type options struct {
	bank             string
	bankNamed        bool // by -bank
	write            bool
	json             bool
	access, webForms string
}

const usage = `Doctor tells whether finAPI is set up so that bank feeds work: what it saw, what
that means, and who has to do what about it.

Set FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET to what finAPI gave you (the data
client, not the administration client) and FINAPI_ENV to sandbox (the default) or
live. Without them it examines a simulated finAPI on this machine, to show what it
does.

It only reads, unless -write is given. It prints no secret and no personal data.

Exit codes:
  0    nothing fails
  1    something fails
  2    it was called wrongly
  3    it examined a simulation, because the credentials are not set
  130  it was interrupted
go run ends with 1 for each of them but 0.

`

func (m *machine) parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(m.stderr)
	flags.StringVar(&o.bank, "bank", "amnis", "the `name` of a bank that your customers have; \"\" checks none")
	flags.BoolVar(&o.write, "write", false, "also create a throw-away user and a consent form that nobody follows, and\ndelete both. finAPI's licence counts users, so finAPI may count this one,\nalthough it is deleted at the end (default: do not)")
	flags.BoolVar(&o.json, "json", false, "print the findings as JSON")
	flags.StringVar(&o.access, "access-url", "", "the `URL` of finAPI Access, if yours is not the usual one")
	flags.StringVar(&o.webForms, "web-form-url", "", "the `URL` of finAPI Web Form, if yours is not the usual one")
	flags.Usage = func() {
		fmt.Fprint(m.stderr, usage)
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	flags.Visit(func(f *flag.Flag) { o.bankNamed = o.bankNamed || f.Name == "bank" })
	if flags.NArg() > 0 {
		fmt.Fprintf(m.stderr, "doctor takes no arguments, but got %q\n", flags.Arg(0))
		return o, errors.New("unexpected argument")
	}
	return o, nil
}
