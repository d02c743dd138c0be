package sqlstore

import (
	"context"
	"database/sql"
	"errors"

	"github.com/finapi-go/finapi"
)

// This file keeps a ledger to one way. An ERP that takes some events from the inbox and
// some from elsewhere books them twice, or misses those that it does not look for.

// The ways of a ledger's events. Its first commit decides which one they go.
const (
	synchronised = false // to the apply of [Sync], or wherever a feed of this Store delivers
	filled       = true  // into the ledger's inbox
)

// ledgerWay: environment, ledger. Returns whether the ledger is filled.
const ledgerWay = `SELECT filled FROM finapi_feed WHERE environment = $1 AND ledger = $2`

// querier is a database or a transaction.
type querier interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// checkWay refuses a ledger that does not go the way that is wanted. The fence does so by
// itself; this says why.
func checkWay(ctx context.Context, db querier, ledger finapi.LedgerKey, want bool) error {
	var isFilled bool
	err := db.QueryRowContext(ctx, ledgerWay, ledger.Environment, string(ledger.Ledger)).Scan(&isFilled)
	switch {
	case errors.Is(err, sql.ErrNoRows): // it may go either way
		return nil
	case err != nil:
		return failed(ctx, "read which way the ledger goes", err)
	case isFilled == want:
		return nil
	case isFilled:
		return invalid("Ledger", "must be filled as before: use sqlstore.Fill, and sqlstore.Decide with a nil apply")
	}
	return invalid("Ledger", "must be synchronised as before: use sqlstore.Sync, and sqlstore.Decide with an apply")
}
