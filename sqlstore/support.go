package sqlstore

import (
	"context"
	"encoding/json"
	"time"

	"github.com/finapi-go/finapi"
)

// supportBundle is what [Connections.Support] writes.
type supportBundle struct {
	Version     string              `json:"version"` // of this module's SDK
	Environment string              `json:"environment"`
	Now         time.Time           `json:"now"`
	Connection  finapi.ConnectionID `json:"connection"`
	Bank        finapi.BankID       `json:"bank"`
	Schedule    finapi.Schedule     `json:"schedule"`
	History     finapi.History      `json:"history"`
	Next        DueTime             `json:"next"`
	Taken       bool                `json:"taken"`
	Fence       int64               `json:"fence"`
	Lost        int                 `json:"lost"`
	Last        *Report             `json:"last"`
	Remedy      string              `json:"remedy,omitempty"`
	Ledgers     []supportLedger     `json:"ledgers"`
}

// supportLedger is how far a ledger is, without what its bookings say.
type supportLedger struct {
	Ledger     finapi.LedgerID  `json:"ledger"`
	Account    finapi.AccountID `json:"account"`
	Commits    int64            `json:"commits"`
	Updated    time.Time        `json:"updated"`
	Completed  time.Time        `json:"completed"`
	Swept      time.Time        `json:"swept"`
	Bookings   int              `json:"bookings"`
	Deferred   int              `json:"deferred"`
	Incomplete bool             `json:"incomplete"`
	Balanced   *bool            `json:"balanced"` // nil before the first proof
}

// Support returns what a support team needs to know about a connection, as JSON: when it
// ran, what failed and with which request id, when it is due, how far its ledgers are. It
// holds ids, times and codes, and no amounts, texts, names, IBANs or secrets; the tenant and
// the ledgers are named as the ERP names them. It reads the database only.
func (c *Connections) Support(ctx context.Context, id finapi.ConnectionID) ([]byte, error) {
	records, err := c.records(ctx, `connection = $2`, int64(id))
	if err != nil {
		return nil, failed(ctx, "read a connection", err)
	}
	if len(records) == 0 {
		return nil, invalid("id", "must be that of an enrolled connection")
	}
	r := &records[0]
	b := supportBundle{
		Version: finapi.Version, Environment: c.environment, Now: c.now().UTC(), Connection: r.Connection, Bank: r.Bank,
		Schedule: r.Schedule, History: r.history, Next: dueTime(r.due), Taken: r.taken, Fence: r.fence, Lost: r.lost, Last: r.report,
	}
	if r.report != nil && r.report.Failure != nil {
		b.Remedy = r.report.Failure.Remedy(finapi.English)
	}
	if r.report != nil {
		for _, a := range r.report.Accounts {
			ledger, err := c.supportLedger(ctx, &a)
			if err != nil {
				return nil, err
			}
			b.Ledgers = append(b.Ledgers, ledger)
		}
	}
	return json.MarshalIndent(&b, "", "  ")
}

func (c *Connections) supportLedger(ctx context.Context, a *AccountReport) (supportLedger, error) {
	mark, err := c.store.Mark(ctx, finapi.LedgerKey{Environment: c.environment, Ledger: a.Ledger})
	l := supportLedger{
		Ledger: a.Ledger, Account: a.Account, Commits: mark.Version, Updated: mark.Updated, Completed: mark.Completed,
		Swept: mark.Swept, Bookings: mark.Bookings, Deferred: mark.Deferred, Incomplete: mark.Incomplete,
	}
	if mark.Balance != nil {
		even := mark.Balance.Difference.IsZero()
		l.Balanced = &even
	}
	return l, err
}
