package finapi

import (
	"context"
	"slices"
)

// Binding says which ledger an account belongs to, or asks.
type Binding struct {
	Account Account
	// State says how sure it is.
	State BindingState
	// Ledger is the ledger to open the feed with; "" if there is none, or if a person must
	// choose.
	Ledger LedgerID
	// Candidates are the ledgers among which a person must choose, in the order in which
	// they were given; empty if there is nothing to choose from.
	Candidates []LedgerID
	// Reason says it in words, without anything personal.
	Reason string
}

// BindingState says how sure a [Binding] is. The set is open.
type BindingState string

// The states.
const (
	// Bound: the ledger was synchronised with this account before.
	Bound BindingState = "bound"
	// Recognised: the ledger's former account is gone, and this one has its IBAN, currency
	// and type, as no other has. Open the feed with it: it goes on without a double.
	Recognised BindingState = "recognised"
	// Unbound: no ledger fits. Give the account a new one.
	Unbound BindingState = "unbound"
	// Ambiguous: a person must say which of the Candidates it is, or that it is none of
	// them. Then open the feed with [WithRebind], or with a new ledger.
	Ambiguous BindingState = "ambiguous"
)

// Bind finds the ledger of each account, for example after a bank was connected anew.
// ledgers are those of the customer that can be meant; which account belongs to which
// ledger is in the store since the first synchronisation. It reads the store, and asks
// finAPI which of the former accounts are still there. It changes nothing.
//
// Two accounts are never bound to one ledger, nor one account to two: what is not clear
// comes as a question.
func (u *User) Bind(ctx context.Context, store Store, ledgers []LedgerID, accounts []Account) ([]Binding, error) {
	if store == nil {
		return nil, invalid("Store", "must not be nil")
	}
	b := binder{user: u}
	if err := b.load(ctx, store, ledgers); err != nil {
		return nil, err
	}
	bindings := make([]Binding, len(accounts))
	for i := range accounts {
		bindings[i] = b.bound(&accounts[i])
	}
	for i := range bindings {
		if bindings[i].State == "" {
			bindings[i] = b.recognise(&accounts[i], bindings, accounts)
		}
	}
	return bindings, nil
}

// boundLedger is a ledger with what is known of its account.
type boundLedger struct {
	id    LedgerID
	mark  Mark
	alive bool // its account is still at finAPI
}

type binder struct {
	user    *User
	ledgers []boundLedger
}

func (b *binder) load(ctx context.Context, store Store, ledgers []LedgerID) error {
	here, err := b.user.Accounts(ctx, AccountQuery{})
	if err != nil {
		return err
	}
	for i, id := range ledgers {
		if slices.Contains(ledgers[:i], id) {
			return invalid("ledgers", "must not name one twice")
		}
		mark, err := store.Mark(ctx, LedgerKey{Environment: b.user.client.environment.String(), Ledger: id})
		if err != nil {
			return err
		}
		if mark.Version == 0 {
			continue // never synchronised, so it belongs to no account yet
		}
		alive := mark.Source.User == b.user.id &&
			slices.ContainsFunc(here, func(a Account) bool { return a.ID == mark.Source.Account })
		b.ledgers = append(b.ledgers, boundLedger{id: id, mark: mark, alive: alive})
	}
	return nil
}

// bound finds the ledger that was synchronised with the account before.
func (b *binder) bound(a *Account) Binding {
	source := Source{User: b.user.id, Account: a.ID}
	for _, l := range b.ledgers {
		if l.mark.Source == source {
			return Binding{Account: *a, State: Bound, Ledger: l.id, Reason: "the ledger was synchronised with this account before"}
		}
	}
	return Binding{Account: *a}
}

// recognise finds the ledgers whose former account may have come back as this one.
func (b *binder) recognise(a *Account, all []Binding, accounts []Account) Binding {
	binding := Binding{Account: *a, State: Unbound, Reason: "no ledger has had an account of this currency and type that is gone now"}
	var exact []LedgerID
	for _, l := range b.ledgers {
		if l.alive || l.mark.Currency != a.Currency || l.mark.Type != a.Type {
			continue
		}
		switch {
		case a.IBAN != "" && l.mark.IBAN == fold(a.IBAN):
			exact = append(exact, l.id)
			binding.Candidates = append(binding.Candidates, l.id)
		case a.IBAN == "" || l.mark.IBAN == "":
			binding.Candidates = append(binding.Candidates, l.id) // cannot be told by its IBAN
		}
	}
	switch {
	case len(exact) == 1 && b.claims(a, accounts, all) == 1:
		binding.State, binding.Ledger, binding.Candidates = Recognised, exact[0], nil
		binding.Reason = "its former account is gone, and IBAN, currency and type agree"
	case len(exact) > 0:
		binding.State, binding.Candidates = Ambiguous, exact
		binding.Reason = "several accounts or ledgers have this IBAN, currency and type"
	case len(binding.Candidates) > 0:
		binding.State = Ambiguous
		binding.Reason = "without an IBAN nobody can tell whether it is the same account"
	}
	return binding
}

// claims counts the accounts without a ledger that look the same, such as sub-accounts
// with one IBAN.
func (b *binder) claims(a *Account, accounts []Account, all []Binding) int {
	n := 0
	for i := range accounts {
		same := fold(accounts[i].IBAN) == fold(a.IBAN) && accounts[i].Currency == a.Currency && accounts[i].Type == a.Type
		if same && all[i].State != Bound {
			n++
		}
	}
	return n
}
