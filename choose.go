package finapi

import (
	"cmp"
	"context"
	"slices"
)

// KeepAccounts deletes the accounts of a connection that the customer did not pick, with
// their transactions, at finAPI; the bank is not touched. It returns the ids of those
// it deleted. By default finAPI imports every account that the log-in shows; what the
// customer did not pick is read by nobody who does not ask for it, so this is for
// customers who want it gone.
//
// picked must name at least one account, and only accounts of the connection; to keep
// none, use [User.Disconnect]. Nothing is deleted if it does not. An account that is
// gone already is no error. If it fails half-way, it returns those that are deleted.
// While the connection is busy, finAPI refuses with [CodeLocked]. An update that
// imports new accounts can bring deleted ones back, with new ids. customer may be nil;
// it tells the bank that the customer is present.
func (u *User) KeepAccounts(
	ctx context.Context, id ConnectionID, picked []AccountID, customer *CustomerDevice,
) ([]AccountID, error) {
	err := cmp.Or(checkIDs("ConnectionID", []ConnectionID{id}), checkIDs("picked", picked), customer.check())
	if err != nil {
		return nil, err
	}
	if len(picked) == 0 {
		return nil, invalid("picked", "must name at least one account")
	}
	connection, err := u.Connection(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, account := range picked {
		if !slices.Contains(connection.Accounts, account) {
			return nil, invalid("picked", "must name accounts of the connection only")
		}
	}
	var deleted []AccountID
	for _, account := range connection.Accounts {
		if slices.Contains(picked, account) {
			continue
		}
		if err := u.DeleteAccount(ctx, account, customer); err != nil && !isGone(err) {
			return deleted, err
		}
		deleted = append(deleted, account)
	}
	return deleted, nil
}
