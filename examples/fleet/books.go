package main

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"database/sql"
	"errors"
	"fmt"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// tables are the ERP's own.
const tables = `
CREATE TABLE chart (                -- which ledger takes which bank account, as the customer has said
	tenant text NOT NULL,
	iban   text NOT NULL,
	ledger text NOT NULL,
	PRIMARY KEY (tenant, iban)
);
CREATE TABLE journal (
	uid     text PRIMARY KEY,       -- a second booking of the same transaction cannot happen
	ledger  text NOT NULL,
	purpose text NOT NULL,
	amount  numeric NOT NULL,
	status  text NOT NULL           -- booked, review or removed
);
CREATE TABLE run (                  -- what became of each run
	connection bigint NOT NULL,
	due        timestamptz NOT NULL,
	worker     integer NOT NULL,
	why        text NOT NULL,
	failed     boolean NOT NULL,
	actor      text NOT NULL,       -- who must act after a failure
	noted      timestamptz NOT NULL DEFAULT clock_timestamp(),
	times      integer NOT NULL DEFAULT 1,
	UNIQUE (connection, due)        -- a second run for the same due time is counted, and spoils the proof
);`

// ledger tells which ledger takes an account.
func (d *database) ledger(ctx context.Context, tenant string, a *finapi.Account) (finapi.LedgerID, error) {
	var ledger string
	err := d.db.QueryRowContext(ctx, `SELECT ledger FROM chart WHERE tenant = $1 AND iban = $2`, tenant, a.IBAN).Scan(&ledger)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // an account that the customer does not want in the books
	}
	return finapi.LedgerID(ledger), err
}

// apply books a batch in the transaction that also stores the feed's memory.
func apply(ctx context.Context, tx *sql.Tx, at sqlstore.Place, batch []finapi.Event) error {
	for _, event := range batch {
		if err := book(ctx, tx, at.Ledger, event); err != nil {
			return err
		}
	}
	return nil
}

func book(ctx context.Context, tx *sql.Tx, ledger finapi.LedgerID, event finapi.Event) error {
	switch e := event.(type) {
	case finapi.Booked:
		return insert(ctx, tx, ledger, e.UID, &e.Transaction, "booked")
	case finapi.Review: // a person has to look at it
		return insert(ctx, tx, ledger, e.UID, &e.Transaction, "review")
	case finapi.Modified:
		_, err := tx.ExecContext(ctx, `UPDATE journal SET purpose = $2, amount = $3 WHERE uid = $1`,
			string(e.UID), e.New.Purpose, e.New.Amount.Amount.String())
		return err
	case finapi.Removed:
		_, err := tx.ExecContext(ctx, `UPDATE journal SET status = 'removed' WHERE uid = $1`, string(e.UID))
		return err
	}
	return nil // relinks, notices and the summary change no booking
}

func insert(
	ctx context.Context, tx *sql.Tx, ledger finapi.LedgerID, uid finapi.UID, t *finapi.Transaction, status string,
) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO journal (uid, ledger, purpose, amount, status) VALUES ($1, $2, $3, $4, $5)`,
		string(uid), string(ledger), t.Purpose, t.Amount.Amount.String(), status)
	return err
}

// reporter writes down each run, in the transaction that notes it.
func reporter(worker int) func(context.Context, *sql.Tx, sqlstore.Report) error {
	return func(ctx context.Context, tx *sql.Tx, r sqlstore.Report) error {
		actor := ""
		if r.Failure != nil {
			actor = string(r.Failure.Actor)
		}
		_, err := tx.ExecContext(ctx, `
INSERT INTO run (connection, due, worker, why, failed, actor) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (connection, due) DO UPDATE SET times = run.times + 1`,
			int64(r.Connection), r.Due.At, worker, string(r.Due.Why), r.Failure != nil, actor)
		if err != nil {
			return fmt.Errorf("write a run down: %w", err)
		}
		return nil
	}
}

// seal is what the ERP seals its tenants' finAPI users with. In production take Tink with
// a key management service; see examples/connect.
type seal struct{ gcm cipher.AEAD }

func newSeal(key []byte) (seal, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return seal{}, err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	return seal{gcm}, err
}

// Encrypt implements [finapi.AEAD].
func (s seal) Encrypt(plaintext, associatedData []byte) ([]byte, error) {
	return s.gcm.Seal(nil, nil, plaintext, associatedData), nil
}

// Decrypt implements [finapi.AEAD].
func (s seal) Decrypt(ciphertext, associatedData []byte) ([]byte, error) {
	return s.gcm.Open(nil, nil, ciphertext, associatedData)
}
