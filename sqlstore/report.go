package sqlstore

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/finapi-go/finapi"
)

// Report is what became of a run: one synchronisation of a connection with all its accounts.
// It holds no text of the bank's and no name.
type Report struct {
	Connection finapi.ConnectionID `json:"connection"`
	Tenant     string              `json:"tenant"`
	// Due is when the run was due, and why.
	Due DueTime `json:"due"`
	// Began and Ended are when it ran.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Accounts are those that have a ledger, in finAPI's order. If the run did not get that
	// far, they are those of the run before, without their outcome.
	Accounts []AccountReport `json:"accounts,omitempty"`
	// Failure is why it was not a success; nil if it was.
	Failure *Failure `json:"failure,omitempty"`
	// Next is when the connection is due again, and who must act before if it is not.
	Next DueTime `json:"next"`
}

// MustAct returns who must act before the connection is due again: the customer, whom the ERP
// asks to renew the consent, or the vendor, who has a dead letter; "" if it is due by itself,
// whatever failed. A report without a failure can say that the customer must act, too.
func (r *Report) MustAct() finapi.Actor { return r.Next.MustAct() }

// DueTime is a [finapi.Due] as it is stored.
type DueTime struct {
	// At is when; zero for never by itself.
	At time.Time `json:"at,omitzero"`
	// Why says why then, or why not.
	Why finapi.DueReason `json:"why"`
	// BlockedBy is who must act first, or was the cause that it is not due earlier; "" for
	// nobody.
	BlockedBy finapi.Actor `json:"blockedBy,omitempty"`
}

// MustAct returns who must act before the connection is due again; "" if it is due by itself.
func (d DueTime) MustAct() finapi.Actor {
	if !d.At.IsZero() {
		return ""
	}
	return d.BlockedBy
}

// String tells in words when the connection is due and why, as [finapi.Due.String] does.
func (d DueTime) String() string {
	return finapi.Due{At: d.At, Why: d.Why, BlockedBy: d.BlockedBy}.String()
}

func dueTime(d finapi.Due) DueTime { return DueTime{At: d.At, Why: d.Why, BlockedBy: d.BlockedBy} }

// AccountReport is what became of one account.
type AccountReport struct {
	Account finapi.AccountID `json:"account"`
	Ledger  finapi.LedgerID  `json:"ledger"`
	// Synced counts what came; nil if the feed did not come to its end.
	Synced *finapi.Synced `json:"synced,omitempty"`
	// Failure is why the account was not read as a whole; nil if it was.
	Failure *Failure `json:"failure,omitempty"`
}

// Failure is an error as it is stored: what the ERP branches on, without any text of the
// bank's.
type Failure struct {
	// Code is "" if somebody took too long; see [SyncerConfig.Patience].
	Code finapi.Code `json:"code,omitempty"`
	// Actor is who must act; "" if Code is.
	Actor finapi.Actor `json:"actor,omitempty"`
	// Endpoint, Status and RequestID are what finAPI's support asks for; zero if nothing was
	// sent.
	Endpoint  string `json:"endpoint,omitempty"`
	Status    int    `json:"status,omitempty"`
	RequestID string `json:"requestId,omitempty"`
}

// Remedy says what to do, in German or English, to who must act.
func (f *Failure) Remedy(l finapi.Language) string {
	e := finapi.Error{Code: f.Code, Actor: f.Actor, Status: f.Status}
	return e.Remedy(l)
}

func failureOf(err error) *Failure {
	var action *finapi.ActionRequired
	var e *finapi.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &action):
		return &Failure{Code: finapi.CodeWebFormRequired, Actor: finapi.ActorCustomer}
	case errors.As(err, &e):
		return &Failure{Code: e.Code, Actor: e.Actor, Endpoint: e.Endpoint, Status: e.Status, RequestID: e.RequestID}
	}
	return &Failure{}
}

// inherit takes over the accounts of the run before, if this one did not get that far.
func (r *Report) inherit(before *Report) {
	if before == nil || len(r.Accounts) > 0 {
		return
	}
	for _, a := range before.Accounts {
		r.Accounts = append(r.Accounts, AccountReport{Account: a.Account, Ledger: a.Ledger})
	}
}

// text is the report as the table has it.
func (r *Report) text() (string, error) {
	data, err := json.Marshal(r)
	return string(data), err
}
