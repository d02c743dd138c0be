// Package fleet spreads the synchronisation of bank connections over any number of machines:
// with River as the queue, on the PostgreSQL database that also holds the books.
//
//	f, err := fleet.New(ctx, fleet.Config{Pool: pool, Syncer: syncer})
//	err = f.Run(ctx) // until ctx ends
//
// # How it works
//
// Each process runs the same program. One of them is River's leader; every few seconds it
// adds a job that looks for connections which are due, takes them, and adds one job for each.
// Any process works on any job. The list of connections, sqlstore.Connections, is the only
// truth: a job is only a reference to an entry of it with the number of its taking, so a job
// that is lost, late or there twice does no harm.
//
// Processes can be added, stopped and killed at any time without telling the others. Who is
// silent for longer than sqlstore.SyncerConfig.Hold is replaced, and cannot write late: its
// transactions find that the connection is somebody else's.
//
// River's tables are in a schema of their own, so that they do not meet those of an ERP that
// uses River, too, with other jobs, other leaders and perhaps another version.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// Config says what a [Fleet] works with.
type Config struct {
	// Pool is the PostgreSQL database for the queue. It should be that of the Syncer's Store,
	// for which pgx's stdlib.OpenDBFromPool makes an [sql.DB] of it. Required.
	//
	// The queue takes up to Workers/4 + 5 of its connections, and the work about one for each
	// two workers.
	Pool *pgxpool.Pool
	// Syncer does the work. Its limits hold for all processes together; give all of them the
	// same. Required.
	Syncer *sqlstore.Syncer
	// Workers is how many connections this process synchronises at the same time, 1 to 10000;
	// 0 means 20. Most of the time they wait for banks.
	Workers int
	// Every is how often the leader looks for due connections, 100 ms to 5 minutes; 0 means 2
	// seconds.
	Every time.Duration
	// Grace is how long [Fleet.Run] lets work go on when it is to end; 0 means 20 seconds. What
	// is not done by then is given back for others to do.
	Grace time.Duration
	// Schema is the database's schema for River's tables; "" means finapi_river_sandbox or
	// finapi_river_live. It has 46 characters at the most, and is created if it is not there. Fleets of two environments must not
	// share one.
	Schema string
	// Logger gets what River and this package have to say; nil for nothing. The errors of the
	// ERP's own code are in the Syncer's log only.
	Logger *slog.Logger
}

const (
	defaultWorkers = 20
	defaultEvery   = 2 * time.Second
	defaultGrace   = 20 * time.Second
	defaultSchema  = "finapi_river_" // and the environment
	maxSchema      = 46              // River's bound
)

func (c *Config) check() error {
	switch {
	case c.Pool == nil:
		return invalid("Config.Pool", "must not be nil")
	case c.Syncer == nil:
		return invalid("Config.Syncer", "must not be nil")
	case c.Workers < 0 || c.Workers > 10_000:
		return invalid("Config.Workers", "must be between 1 and 10000, or 0 for 20")
	case c.Every != 0 && (c.Every < 100*time.Millisecond || c.Every > 5*time.Minute):
		return invalid("Config.Every", "must be between 100 ms and 5 minutes, or 0 for 2 seconds")
	case c.Grace < 0:
		return invalid("Config.Grace", "must not be negative")
	case len(c.Schema) > maxSchema:
		return invalid("Config.Schema", "must have 46 characters at the most")
	}
	if c.Workers == 0 {
		c.Workers = defaultWorkers
	}
	if c.Every == 0 {
		c.Every = defaultEvery
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.Schema == "" {
		c.Schema = defaultSchema + c.Syncer.Connections.Environment()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Fleet is one process of many that synchronise connections.
type Fleet struct {
	config  Config
	river   *river.Client[pgx.Tx]
	running atomic.Bool
}

// The queues. Looking for due connections has one of its own, so that it does not wait
// behind the work.
const (
	lookQueue = "finapi_look"
	syncQueue = "finapi_sync"
)

const (
	// jobsKept is how long River keeps jobs that are done. They tell nothing that the list of
	// connections does not.
	jobsKept = time.Hour
	// rescueAfter is when River gives a job to somebody else whose worker was killed. It need
	// not be soon, because the list of connections brings the connection back by itself.
	rescueAfter = time.Hour
)

// New checks the configuration and brings River's tables up to date. It starts nothing.
func New(ctx context.Context, config Config) (*Fleet, error) {
	if err := config.check(); err != nil {
		return nil, err
	}
	if err := migrate(ctx, &config); err != nil {
		return nil, fmt.Errorf("fleet: bring River's tables up to date: %w", err)
	}
	f := &Fleet{config: config}
	workers := river.NewWorkers()
	river.AddWorker(workers, &looker{fleet: f})
	river.AddWorker(workers, &syncer{fleet: f})
	look := func() (river.JobArgs, *river.InsertOpts) { return lookArgs{}, nil }
	client, err := river.NewClient(riverpgxv5.New(config.Pool), &river.Config{
		Queues:       map[string]river.QueueConfig{lookQueue: {MaxWorkers: 1}, syncQueue: {MaxWorkers: config.Workers}},
		Workers:      workers,
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(config.Every), look, &river.PeriodicJobOpts{RunOnStart: true})},
		JobTimeout:   -1, // a Syncer has its own patience
		// A fetch waits for the next one this long, so it bounds how fast short jobs come.
		FetchCooldown: 20 * time.Millisecond, FetchPollInterval: 200 * time.Millisecond,
		RescueStuckJobsAfter:        rescueAfter,
		CompletedJobRetentionPeriod: jobsKept, CancelledJobRetentionPeriod: jobsKept, DiscardedJobRetentionPeriod: jobsKept,
		SoftStopTimeout: config.Grace,
		Schema:          config.Schema,
		Logger:          config.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("fleet: make the queue: %w", err)
	}
	f.river = client
	return f, nil
}

// Run works until ctx ends, and then gives back what is not done within [Config.Grace]. It
// returns nil if it has worked, or why it could not begin. A Fleet runs once at a time.
func (f *Fleet) Run(ctx context.Context) error {
	if !f.running.CompareAndSwap(false, true) {
		return invalid("Fleet", "must not run twice at a time")
	}
	defer f.running.Store(false)
	if err := f.river.Start(ctx); err != nil {
		return fmt.Errorf("fleet: start: %w", err)
	}
	<-f.river.Stopped()
	return nil
}

// migrate makes River's tables, once if several processes start at the same time.
func migrate(ctx context.Context, config *Config) error {
	conn, err := config.Pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	const lock = 6_283_185_307_179_586_476 // nobody else's
	if _, err := conn.Exec(ctx, `SELECT pg_advisory_lock($1)`, int64(lock)); err != nil {
		return err
	}
	defer func() { _, _ = conn.Exec(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(lock)) }()
	if _, err := conn.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS `+pgx.Identifier{config.Schema}.Sanitize()); err != nil {
		return err
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(config.Pool), &rivermigrate.Config{Schema: config.Schema, Logger: config.Logger})
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// lookArgs is the job that looks for due connections.
type lookArgs struct{}

// Kind names the job for River.
func (lookArgs) Kind() string { return "finapi_look" }

// InsertOpts says how River treats the job. Missing one is no loss, the next one is near.
func (lookArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: lookQueue, MaxAttempts: 1}
}

type looker struct {
	river.WorkerDefaults[lookArgs]
	fleet *Fleet
}

// maxTaken is how many connections one look takes at the most.
const maxTaken = 1000

// Work takes what is due and adds a job for each. If it dies between the two, what was taken
// is due again when its hold has ended.
func (l *looker) Work(ctx context.Context, _ *river.Job[lookArgs]) error {
	tasks, err := l.fleet.config.Syncer.Take(ctx, maxTaken)
	if err != nil || len(tasks) == 0 {
		return err
	}
	jobs := make([]river.InsertManyParams, len(tasks))
	for i, task := range tasks {
		jobs[i].Args = syncArgs{task}
	}
	_, err = l.fleet.river.InsertMany(ctx, jobs)
	return err
}

// syncArgs is the job that synchronises one connection.
type syncArgs struct{ sqlstore.Task }

// Kind names the job for River.
func (syncArgs) Kind() string { return "finapi_sync" }

// InsertOpts says how River treats the job: there is one for each taking. It is repeated only
// if the database failed, because all else is for the schedule to repeat.
func (syncArgs) InsertOpts() river.InsertOpts {
	return river.InsertOpts{Queue: syncQueue, MaxAttempts: 3, UniqueOpts: river.UniqueOpts{ByArgs: true}}
}

type syncer struct {
	river.WorkerDefaults[syncArgs]
	fleet *Fleet
}

// Work synchronises the connection, unless somebody else has it by now.
func (s *syncer) Work(ctx context.Context, job *river.Job[syncArgs]) error {
	err := s.fleet.config.Syncer.Run(ctx, job.Args.Task)
	if err != nil && ctx.Err() == nil {
		return errNotNoted // the Syncer has logged it; River would store its text
	}
	return nil
}

var errNotNoted = errors.New("fleet: a connection failed because of the program or its database; see the log")

// invalid is the error for a bad input.
func invalid(field, reason string) error {
	return &finapi.Error{Code: finapi.CodeInvalidInput, Actor: finapi.ActorVendor, Field: field, Message: reason}
}
