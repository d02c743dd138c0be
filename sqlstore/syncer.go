package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/finapi-go/finapi"
)

// SyncerConfig says what a [Syncer] works with.
type SyncerConfig struct {
	// Connections is the list of what is synchronised. Required.
	Connections *Connections
	// Users opens the finAPI user of a tenant, and returns nil if there is none. [*Users]
	// does. Their client must count in [Store.Budget], see [finapi.WithBudget], because that is
	// where the schedule looks. Required.
	Users interface {
		Find(ctx context.Context, tenant string) (*finapi.User, error)
	}
	// Ledger names the ledger of an account, as the tenant has chosen it; "" leaves the account
	// out. [finapi.User.Bind] helps if an account has come back. Required.
	Ledger func(ctx context.Context, tenant string, account *finapi.Account) (finapi.LedgerID, error)
	// Apply books events in the transaction that also stores the feed's memory; see [Sync].
	// nil puts them into the ledger's [Inbox], as [Fill] does.
	Apply func(ctx context.Context, tx *sql.Tx, at Place, batch []finapi.Event) error
	// Report gets each run in the transaction that notes it: the place to tell the customer
	// that the bank wants to see them, or the vendor of a dead letter, once. It must be quick.
	// If it fails, the run is not noted, and repeated. nil for none.
	Report func(ctx context.Context, tx *sql.Tx, r Report) error
	// Options are given to each feed.
	Options []finapi.FeedOption
	// NewAccounts says what updates do about accounts that customers open later; "" leaves them
	// out. What comes in is asked for by Ledger.
	NewAccounts finapi.NewAccounts
	// Limits bound how much is done at the same time.
	Limits Limits
	// Hold is how long somebody may be silent before others take their work over; 0 means 2
	// minutes, at least 1 second. Who is at work says so every third of it.
	Hold time.Duration
	// Patience is how long a run may take before it is given up as a failure; 0 means 15
	// minutes.
	Patience time.Duration
	// Logger gets what goes wrong, with the connection's id; nil for nothing. It is without
	// anything personal but for the errors of the ERP's own code, which are logged as they are.
	Logger *slog.Logger
}

// Place is where events belong to.
type Place struct {
	Tenant     string
	Connection finapi.ConnectionID
	Account    finapi.AccountID
	Ledger     finapi.LedgerID
}

// Syncer synchronises the connections that are due: it asks the bank, waits, and feeds each
// account into its ledger. The list of them is all that it knows, so any number of Syncers on
// any number of machines can share it, come and go, and be killed at any time: somebody else
// takes over, and nothing is lost or doubled. It is safe for concurrent use.
//
// In one process, call [Syncer.Loop], or [Syncer.RunDue] from the ERP's own scheduler. The
// module fleet spreads the work over machines.
type Syncer struct {
	SyncerConfig
}

const (
	defaultHold     = 2 * time.Minute
	defaultPatience = 15 * time.Minute
)

// NewSyncer checks the configuration. It starts nothing.
func NewSyncer(config SyncerConfig) (*Syncer, error) {
	switch {
	case config.Connections == nil:
		return nil, invalid("SyncerConfig.Connections", "must not be nil")
	case config.Users == nil:
		return nil, invalid("SyncerConfig.Users", "must not be nil")
	case config.Ledger == nil:
		return nil, invalid("SyncerConfig.Ledger", "must not be nil")
	case config.Hold != 0 && config.Hold < time.Second:
		return nil, invalid("SyncerConfig.Hold", "must be at least a second")
	case config.Patience < 0:
		return nil, invalid("SyncerConfig.Patience", "must not be negative")
	}
	if err := config.Limits.check(); err != nil {
		return nil, err
	}
	if config.Hold == 0 {
		config.Hold = defaultHold
	}
	if config.Patience == 0 {
		config.Patience = defaultPatience
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Syncer{config}, nil
}

// Take hands out up to n connections that are due, for [Syncer.Run]. They are the caller's for
// as long as [SyncerConfig.Hold] says; then others can take them. It obeys the limits. Call
// it every few minutes at least: a longer pause counts as an outage, after which what was
// missed is spread over two hours.
func (s *Syncer) Take(ctx context.Context, n int) ([]Task, error) {
	if n < 1 {
		return nil, invalid("n", "must be positive")
	}
	return s.Connections.take(ctx, n, s.Limits, s.Hold)
}

// Run synchronises a connection that was taken, and notes what became of it. That the bank,
// finAPI or the customer stand in the way is no error of Run's, but in the [Report]: the
// schedule says when it is tried again. If the database or the ERP's own code fails or panics,
// Run returns the error, and the connection is due again at once; if that happens three times
// in a row, it is in the Report, too, as a [finapi.CodeProgramFailed] of the vendor's, and the
// schedule says when. If the database is gone
// altogether, the connection is due again when the hold has ended.
//
// If ctx ends, Run stops and gives the connection back. If somebody else has the connection
// by now, Run does nothing.
func (s *Syncer) Run(ctx context.Context, task Task) error {
	if task.Environment != s.Connections.environment {
		return invalid("Task.Environment", "must be that of the Syncer's Connections")
	}
	r, err := s.Connections.begin(ctx, task, s.Hold)
	if errors.Is(err, errLost) {
		return nil
	}
	if err != nil {
		return err
	}
	report := Report{Connection: r.Connection, Tenant: r.Tenant, Due: dueTime(r.due), Began: s.Connections.now().UTC()}
	attention, failure := s.work(ctx, task, r, &report)
	switch {
	case ctx.Err() != nil:
		return errors.Join(ctx.Err(), s.Connections.release(context.WithoutCancel(ctx), task, 0))
	case errors.Is(failure, errLost):
		s.Logger.WarnContext(ctx, "somebody else has taken the connection over", "connection", r.Connection)
		return nil
	case ours(failure) && r.lost < maxLost:
		s.Logger.WarnContext(ctx, "a connection is tried again", "connection", r.Connection, "failure", failure)
		return errors.Join(failure, s.Connections.release(ctx, task, r.lost))
	}
	report.Ended = s.Connections.now().UTC()
	noted := failure
	if ours(failure) {
		noted = errProgram
	}
	report.Failure = failureOf(noted)
	err = s.note(ctx, task, r.due, attention, noted, &report)
	if errors.Is(err, errLost) {
		return nil
	}
	if failure != nil {
		s.Logger.WarnContext(ctx, "a connection was not synchronised", "connection", r.Connection, "failure", failure, "next", string(report.Next.Why))
	}
	if ours(failure) {
		return errors.Join(failure, err)
	}
	return err
}

// errProgram is what is noted of a failure that is the ERP's own.
var errProgram = &finapi.Error{
	Code: finapi.CodeProgramFailed, Actor: finapi.ActorVendor, Message: "the program's own code or its database failed; see its log",
}

// work does a run while it keeps hold of the connection. attention reports whether the bank
// wants the customer at the next update.
func (s *Syncer) work(ctx context.Context, task Task, r *record, report *Report) (attention bool, failure error) {
	ctx, enough := context.WithTimeout(ctx, s.Patience)
	defer enough()
	ctx, lose := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.keep(ctx, task, lose)
	}()
	defer func() {
		lose(nil)
		<-done
	}()
	failure = unpanicked(func() (err error) {
		attention, err = s.synchronise(ctx, task, r, report)
		return err
	})
	if errors.Is(context.Cause(ctx), errLost) {
		return false, errLost
	}
	return attention, failure
}

// unpanicked turns a panic of the ERP's code into an error, because it happens where nobody of
// the ERP's could recover.
func unpanicked(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("sqlstore: panic: %v\n%s", p, debug.Stack())
		}
	}()
	return do()
}

// ours reports whether a failure is one of the database or of the ERP's own code, and not of
// the bank, of finAPI or of whoever took too long.
func ours(failure error) bool {
	var e *finapi.Error
	var action *finapi.ActionRequired
	switch {
	case failure == nil, errors.As(failure, &action), errors.Is(failure, context.DeadlineExceeded):
		return false
	case errors.As(failure, &e):
		return e.Code == finapi.CodeConflict
	}
	return true
}

// keep says every third of the hold that somebody is at work, and ends the work if somebody
// else is.
func (s *Syncer) keep(ctx context.Context, task Task, lose context.CancelCauseFunc) {
	ticker := time.NewTicker(s.Hold / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		err := s.Connections.hold(ctx, task, s.Hold)
		if errors.Is(err, errLost) {
			lose(errLost)
			return
		}
		if err != nil && ctx.Err() == nil {
			s.Logger.WarnContext(ctx, "could not keep hold of a connection", "connection", task.Connection, "error", err)
		}
	}
}

// synchronise asks the bank and feeds all accounts. One account's failure is not another's.
func (s *Syncer) synchronise(ctx context.Context, task Task, r *record, report *Report) (attention bool, failure error) {
	user, err := s.Users.Find(ctx, r.Tenant)
	if err != nil {
		return false, err
	}
	if user == nil {
		return false, invalid("Tenant", "must have a finAPI user")
	}
	connection, err := s.fresh(ctx, user, r)
	if err != nil {
		return false, err
	}
	accounts, err := user.Accounts(ctx, finapi.AccountQuery{Connection: r.Connection})
	if err != nil {
		return false, err
	}
	for i := range accounts {
		err := s.account(ctx, task, user, r, &accounts[i], report)
		if errors.Is(err, errLost) || ctx.Err() != nil {
			return false, err
		}
		failure = worse(failure, err)
	}
	return connection.ActionRequired(), failure
}

// fresh asks the bank for news if that is wanted, and returns the connection. If whoever had
// the connection before was killed after the bank had answered, it is not asked again, because
// banks count.
func (s *Syncer) fresh(ctx context.Context, user *finapi.User, r *record) (finapi.Connection, error) {
	refresh := finapi.RefreshRequest{Connection: r.Connection, NewAccounts: s.NewAccounts}
	if r.due.Update && r.lost <= 1 {
		return user.Refresh(ctx, refresh)
	}
	connection, err := user.Connection(ctx, r.Connection)
	if err != nil || !r.due.Update {
		return connection, err
	}
	state := connection.State(nil, s.Connections.now())
	if !state.Busy && state.Problem == nil && state.LastSuccess.After(r.due.At) {
		return connection, nil
	}
	return user.Refresh(ctx, refresh)
}

// account feeds one account into its ledger.
func (s *Syncer) account(ctx context.Context, task Task, user *finapi.User, r *record, a *finapi.Account, report *Report) error {
	ledger, err := s.Ledger(ctx, r.Tenant, a)
	if err == nil && ledger == "" {
		return nil
	}
	at := AccountReport{Account: a.ID, Ledger: ledger}
	if err == nil {
		at.Synced, err = s.feed(ctx, task, user, Place{Tenant: r.Tenant, Connection: r.Connection, Account: a.ID, Ledger: ledger})
	}
	at.Failure = failureOf(err)
	if ours(err) {
		at.Failure = failureOf(errProgram)
	}
	report.Accounts = append(report.Accounts, at)
	if a.Status() == finapi.AccountDeprecated && finapi.IsError(err, finapi.CodeStaleData) {
		return nil // the bank has closed it, and the connection is well without it
	}
	return err
}

func (s *Syncer) feed(ctx context.Context, task Task, user *finapi.User, at Place) (*finapi.Synced, error) {
	store := s.Connections.store
	feed := user.Feed(at.Account, at.Ledger, store, s.Options...)
	if feed.Ledger().Environment != s.Connections.environment {
		return nil, invalid("Users", "must be of the environment of the Connections")
	}
	way, do := filled, store.filling
	if s.Apply != nil {
		way, do = synchronised, store.applying(func(ctx context.Context, tx *sql.Tx, batch []finapi.Event) error {
			return s.Apply(ctx, tx, at, batch)
		})
	}
	var synced *finapi.Synced
	err := feed.Deliver(ctx, store.committing(feed.Ledger(), way, func(ctx context.Context, tx *sql.Tx, id int64, batch []finapi.Event) error {
		if err := s.Connections.guard(ctx, tx, task); err != nil {
			return err
		}
		for _, event := range batch {
			if end, ok := event.(finapi.Synced); ok {
				synced = &end
			}
		}
		return do(ctx, tx, id, batch)
	}))
	if err != nil && !finapi.IsError(err, finapi.CodeIncomplete, finapi.CodeStaleData) {
		return nil, err // what was counted may not have been committed
	}
	return synced, err
}

// worse returns the one of two failures that decides when the connection is tried again: what
// a person must do comes before what time heals.
func worse(a, b error) error {
	rank := func(err error) int {
		f := failureOf(err)
		switch {
		case f == nil:
			return 0
		case f.Actor == finapi.ActorCustomer:
			return 3
		case f.Actor == finapi.ActorVendor:
			return 2
		}
		return 1
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// note writes down what became of a run, and when the next one is due.
func (s *Syncer) note(ctx context.Context, task Task, due finapi.Due, attention bool, failure error, report *Report) error {
	c := s.Connections
	return c.within(ctx, nil, "note a run", func(tx *sql.Tx) error {
		r, err := c.edit(ctx, tx, task.Connection, func(r *record) error {
			if r.fence != task.Fence {
				return errLost
			}
			r.history = r.history.After(due, report.Began, report.Ended, failure)
			if failure == nil && !r.history.Acted.After(report.Began) { // else it is older than what the customer did
				r.history.ActionRequired = attention
			}
			return nil
		})
		if errors.Is(err, sql.ErrNoRows) {
			return errLost // it was withdrawn
		}
		if err != nil {
			return err
		}
		report.Next = dueTime(r.due)
		if failure != nil {
			report.inherit(r.report)
		}
		text, err := report.text()
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `
UPDATE finapi_connection SET report = $3, taken = 0, lost = 0 WHERE environment = $1 AND connection = $2`,
			c.environment, int64(task.Connection), text)
		if err == nil && s.Report != nil {
			err = c.store.lend(ctx, tx, "Report", func(ctx context.Context) error {
				return unpanicked(func() error { return s.Report(ctx, tx, *report) })
			})
		}
		return err
	})
}
