package finapi

import (
	"cmp"
	"context"
	"errors"
	"slices"
)

// Disconnection says what to disconnect.
type Disconnection struct {
	Connection ConnectionID
	// Customer tells the bank that the customer is present; nil if not.
	Customer *CustomerDevice
	// NoWait refuses a connection that is busy with [CodeLocked]. Otherwise it is waited
	// for, for as long as the context allows.
	NoWait bool
}

// Disconnected tells what was removed and what was not.
type Disconnected struct {
	// Gone is true: this user has no such connection any more, nor its data. It was looked
	// at, not assumed.
	Gone bool
	// Before is true if this user did not have such a connection in the first place, for
	// example because it was disconnected before, or is another user's.
	Before bool
	// Accounts are the accounts that were deleted at finAPI, with their balances and
	// transactions. What the ERP has booked stays.
	Accounts []AccountID
	// Consents tell what became of the consent of each interface that works with one.
	Consents []ConsentEnded
}

// ConsentEnded tells what became of one consent.
type ConsentEnded struct {
	Interface BankingInterface
	// ConsentDeleted is zero if finAPI had no consent any more and nobody was asked: what
	// the bank has is not known then.
	ConsentDeleted
	// Problem is why the bank did not play along; nil if it did, or was not asked.
	Problem *Error
}

// AtEveryBank reports whether each consent is known to have ended at the bank, too. If
// it is false, finAPI can read nothing any more all the same, but the customer may want
// to remove finAPI's access in the online banking. It is false as well if an earlier
// call ended the consents, because what the bank made of that is not known any more.
func (d *Disconnected) AtEveryBank() bool {
	return !d.Before && !slices.ContainsFunc(d.Consents, func(c ConsentEnded) bool {
		return c.AtBank != "DELETED" && c.AtBank != "NOT_EXIST"
	})
}

// Disconnect ends a customer's access to a bank: the consents at the bank where
// possible, then the connection at finAPI with its accounts, balances and
// transactions. It tells what was removed and what was not.
//
// It can be repeated: what is gone is no error. If it fails half-way, what it returns
// tells how far it came, and calling it again goes on from there.
//
// A bank that is connected again gives accounts and transactions new ids. A [Feed]
// that is opened with the new account and the old ledger goes on without a double.
func (u *User) Disconnect(ctx context.Context, d Disconnection) (Disconnected, error) {
	var done Disconnected
	if err := cmp.Or(checkIDs("Disconnection.Connection", []ConnectionID{d.Connection}), d.Customer.check()); err != nil {
		return done, err
	}
	connection, err := u.Connection(ctx, d.Connection)
	if isGone(err) {
		return Disconnected{Gone: true, Before: true}, nil
	}
	if err != nil {
		return done, err
	}
	done.Accounts = connection.Accounts
	for _, i := range connection.Interfaces {
		if i.Consent == nil {
			continue
		}
		if !i.Consent.Present {
			done.Consents = append(done.Consents, ConsentEnded{Interface: i.Interface})
			continue
		}
		ended, err := u.endConsent(ctx, &d, i.Interface)
		if isGone(err) {
			break // somebody else disconnects it, too
		}
		if err != nil {
			done.Accounts = nil
			return done, err
		}
		done.Consents = append(done.Consents, ended)
	}
	err = u.patiently(ctx, &d, func() error { return u.DeleteConnection(ctx, d.Connection, d.Customer) })
	if err == nil || isGone(err) {
		done.Gone, err = u.connectionIsGone(ctx, d.Connection)
	}
	if !done.Gone {
		done.Accounts = nil
	}
	return done, err
}

// endConsent ends a consent at the bank, and at finAPI even if the bank refuses.
func (u *User) endConsent(ctx context.Context, d *Disconnection, way BankingInterface) (ConsentEnded, error) {
	ended := ConsentEnded{Interface: way}
	deletion := ConsentDeletion{Connection: d.Connection, Interface: way, Customer: d.Customer}
	remove := func() (err error) {
		ended.ConsentDeleted, err = u.DeleteConsent(ctx, deletion)
		return err
	}
	err := u.patiently(ctx, d, remove)
	if IsError(err, CodeInvalidConsent, CodeBankServerRejection) {
		errors.As(err, &ended.Problem)
		deletion.Force = true
		err = u.patiently(ctx, d, remove)
	}
	return ended, err
}

// patiently waits while the connection is busy. finAPI refuses a busy connection
// without acting, so calling again is safe.
func (u *User) patiently(ctx context.Context, d *Disconnection, act func() error) error {
	for {
		err := act()
		if d.NoWait || !IsError(err, CodeLocked) {
			return err
		}
		// It also is busy while finAPI categorises, which READY does not tell.
		if err := u.client.clock.Sleep(ctx, pollReady); err != nil {
			return err
		}
		if _, err := u.WaitReady(ctx, d.Connection); err != nil && !isGone(err) {
			return err
		}
	}
}

// isGone reports whether finAPI does not know what was asked for.
func isGone(err error) bool { return IsError(err, CodeUnknownEntity, CodeNotFound) }

func (u *User) connectionIsGone(ctx context.Context, id ConnectionID) (bool, error) {
	_, err := u.Connection(ctx, id)
	if isGone(err) {
		return true, nil
	}
	if err == nil {
		err = &Error{
			Code: CodeNotForgotten, Actor: actorOf(CodeNotForgotten, noStatus), Endpoint: endpoints[epConnection].String(),
			Message: "the connection was deleted and is still there",
		}
	}
	return false, err
}

// Forget deletes the customer's finAPI user with everything that belongs to it, and
// proves that it is gone: finAPI must say that it does not know the user any more. It
// waits while finAPI is busy with one of the connections. It can be repeated: a user
// that is gone is no error. It cannot be undone. If finAPI still knows the user
// afterwards, that is a [CodeNotForgotten].
//
// Banks are not asked to end the consents one by one: call [User.Disconnect] for each
// connection first to know what the banks made of it. What the ERP keeps of the
// customer, such as sealed access data and a feed's memory, is the ERP's to delete.
func (u *User) Forget(ctx context.Context) error {
	if err := checkUser(u.id, u.password); err != nil {
		return err
	}
	for {
		known, err := u.known(ctx)
		if err != nil || !known {
			return err
		}
		err = u.Delete(ctx)
		if err == nil {
			break
		}
		if !IsError(err, CodeLocked) {
			return err
		}
		if err := u.client.clock.Sleep(ctx, pollReady); err != nil {
			return err
		}
	}
	known, err := u.known(ctx)
	if err == nil && known {
		err = &Error{
			Code: CodeNotForgotten, Actor: actorOf(CodeNotForgotten, noStatus), Endpoint: endpoints[epDeleteUser].String(),
			Message: "the user was deleted and is still there",
		}
	}
	return err
}

// known asks with the vendor's token, because a user who is gone has none, and a
// log-in of one who is not must not fail.
func (u *User) known(ctx context.Context) (bool, error) {
	_, err := u.client.UserVerified(ctx, u.id)
	if isGone(err) {
		return false, nil
	}
	return err == nil, err
}
