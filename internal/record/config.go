package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/finapi-go/finapi/internal/contract"
	"github.com/finapi-go/finapi/internal/record/redact"
)

// config says what to record, and where to.
type config struct {
	dir      string             // where to write; "" means the default
	contract string             // the folder of the contract; "" means the repository's
	rulebook *contract.Contract // nil means: what is in that folder
	force    bool
	wait     time.Duration
	bank     int64
	rules    redact.Rules // nil means the default
	now      time.Time
	out      io.Writer
	target   *target
	root     string // the repository
}

func (c *config) parse(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("record", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&c.dir, "out", "", "write to this `folder` (default testdata/recorded/<date>-sandbox; of the simulator a temporary one)")
	flags.StringVar(&c.contract, "contract", "", "read the contract from this `folder` (default testdata/contract)")
	flags.BoolVar(&c.force, "force", false, "replace an earlier recording in the folder")
	flags.DurationVar(&c.wait, "wait", 15*time.Minute, "how long a person has for finAPI's form; 0 records without a bank")
	flags.Int64Var(&c.bank, "bank", 0, "`id` of the bank to connect (default: a test bank)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return nil
}

// contractFile tells a repository by what is in it.
const contractFile = "testdata/contract/finapi-access-v2.yaml"

// find looks for the repository in the working directory and those above it.
func (c *config) find() error {
	dir, err := os.Getwd()
	if err != nil {
		return err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, filepath.FromSlash(contractFile))); err == nil {
			c.root = dir
			break
		}
		if dir == filepath.Dir(dir) {
			return errors.New("run it inside the repository: testdata/contract was not found")
		}
	}
	if c.contract == "" {
		c.contract = filepath.Join(c.root, "testdata", "contract")
	}
	return nil
}

func (c *config) load() (*contract.Contract, error) {
	if c.rulebook != nil {
		return c.rulebook, nil
	}
	return contract.Load(c.contract)
}

// folder chooses where to write and checks, before anything is recorded, that it
// is free.
func (c *config) folder() error {
	if c.dir == "" && c.target.simulated {
		dir, err := os.MkdirTemp("", "finapi-recorded-")
		c.dir = dir
		return err
	}
	if c.dir == "" {
		c.dir = filepath.Join(c.root, "testdata", "recorded", c.now.Format(time.DateOnly)+"-"+c.target.name())
	}
	return checkFree(c.dir, c.force)
}
