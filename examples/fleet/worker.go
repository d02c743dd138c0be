package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/fleet"
	"github.com/finapi-go/finapi/sqlstore"
)

// This file is the worker. It is the program of a vendor who synchronises with many
// machines, except for the clock, which is the simulation's.

// workerTask is the environment variable that makes a worker of the program.
const workerTask = "FINAPI_FLEET_WORKER"

// hold is how long a worker may be silent before others take its work over. It is short
// here, so that something happens.
const hold = 3 * time.Second

// task is what a worker has to know.
type task struct {
	Worker   int      `json:"worker"`
	Place    place    `json:"place"`
	Finapi   endpoint `json:"finapi"`
	Key      []byte   `json:"key"` // of the seal
	Workers  int      `json:"workers"`
	Parallel int      `json:"parallel"`
	Verbose  bool     `json:"verbose"`
}

// endpoint is where finAPI is.
type endpoint struct {
	Access  string `json:"access"`
	WebForm string `json:"webForm"`
	ID      string `json:"id"`
	Secret  string `json:"secret"`
}

func (e *endpoint) client(clock finapi.Clock, budget finapi.Budget) (*finapi.Client, error) {
	return finapi.NewClient(
		finapi.Sandbox, finapi.Credentials{ID: e.ID, Secret: finapi.NewSecret(e.Secret)},
		finapi.WithBaseURLs(e.Access, e.WebForm), finapi.WithClock(clock), finapi.WithBudget(budget),
	)
}

// work works until its standard input ends, which it does however the program ends that
// has started the worker. What comes in there is the time.
func work(ctx context.Context, text string, stdin io.Reader, stderr io.Writer) int {
	signal.Ignore(os.Interrupt) // a terminal sends it to the workers, too
	var t task
	err := json.Unmarshal([]byte(text), &t)
	if err == nil {
		err = t.work(ctx, stdin, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "worker %d: %v\n", t.Worker, err)
		return 1
	}
	return 0
}

func (t *task) work(ctx context.Context, stdin io.Reader, stderr io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	clock := &toldClock{}
	times := bufio.NewScanner(stdin)
	if !clock.listen(times) {
		return nil // it was dismissed before it began
	}
	go func() {
		for clock.listen(times) {
		}
		stop()
	}()
	d, err := t.Place.open(ctx, connections(t.Parallel))
	if err != nil {
		return err
	}
	defer d.close()
	syncer, err := t.syncer(ctx, d, clock, t.logger(stderr))
	if err != nil {
		return err
	}
	f, err := fleet.New(ctx, fleet.Config{
		Pool: d.pool, Syncer: syncer, Workers: t.Parallel, Schema: t.Place.river(),
		Every: 100 * time.Millisecond, // the nights pass quickly here
		Grace: time.Second, Logger: t.logger(stderr),
	})
	if err != nil {
		return err
	}
	return f.Run(ctx)
}

// connections is how many connections to PostgreSQL a worker takes: see fleet.Config.
func connections(parallel int) int { return parallel*3/4 + 6 }

func (t *task) syncer(ctx context.Context, d *database, clock finapi.Clock, logger *slog.Logger) (*sqlstore.Syncer, error) {
	store, err := sqlstore.New(ctx, d.db, sqlstore.PostgreSQL)
	if err != nil {
		return nil, err
	}
	client, err := t.Finapi.client(clock, store.Budget())
	if err != nil {
		return nil, err
	}
	key, err := newSeal(t.Key)
	if err != nil {
		return nil, err
	}
	users, err := store.Users(client, key)
	if err != nil {
		return nil, err
	}
	connections, err := store.Connections(finapi.Sandbox, clock)
	if err != nil {
		return nil, err
	}
	return sqlstore.NewSyncer(sqlstore.SyncerConfig{
		Connections: connections, Users: users, Ledger: d.ledger, Apply: apply, Report: reporter(t.Worker),
		// No more is taken than the workers can begin with at once: with so short a hold,
		// what waits in the queue would be somebody else's before its turn.
		Limits: sqlstore.Limits{PerMandator: t.Workers * t.Parallel},
		Hold:   hold, Logger: logger,
	})
}

func (t *task) logger(stderr io.Writer) *slog.Logger {
	if !t.Verbose {
		return nil
	}
	return slog.New(slog.NewTextHandler(stderr, nil)).With("worker", t.Worker)
}

// toldClock is the machine's clock with an offset that is told.
type toldClock struct{ offset atomic.Int64 }

// listen hears the next offset. It reports whether there was one.
func (c *toldClock) listen(lines *bufio.Scanner) bool {
	if !lines.Scan() {
		return false
	}
	offset, err := strconv.ParseInt(lines.Text(), 10, 64)
	if err != nil {
		return false
	}
	c.offset.Store(offset)
	return true
}

func (c *toldClock) Now() time.Time { return time.Now().Add(time.Duration(c.offset.Load())) }

func (c *toldClock) Sleep(ctx context.Context, d time.Duration) error {
	return finapi.SystemClock().Sleep(ctx, d)
}
