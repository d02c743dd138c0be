package main

import (
	"context"
	"errors"
	"strings"

	"github.com/finapi-go/finapi"
)

// vendor makes the calls that need no user. The token is asked for on the way.
func (s *script) vendor(ctx context.Context) {
	s.step(ctx, "configuration", func(ctx context.Context) (err error) {
		s.configuration, err = s.client.Configuration(ctx)
		return err
	})
	s.step(ctx, "banks by a text", func(ctx context.Context) error {
		return only(take(s.client.Banks(ctx, finapi.BankQuery{Search: "bank", Countries: []string{"DE"}, PageSize: pageRows}), 2*pageRows))
	})
	s.step(ctx, "no bank by a text", func(ctx context.Context) error {
		return only(take(s.client.Banks(ctx, finapi.BankQuery{Search: "xqzxqzxqz"}), 1))
	})
	s.step(ctx, "test banks", s.chooseBank)
	if s.bank != 0 {
		s.step(ctx, "one bank", func(ctx context.Context) error { return only(s.client.Bank(ctx, s.bank)) })
	}
	s.provoke(ctx, "an unknown bank", func(ctx context.Context) error { return only(s.client.Bank(ctx, unknownBank)) })
}

// chooseBank takes the bank of the command line, else finAPI's own test bank, else
// any test bank.
func (s *script) chooseBank(ctx context.Context) error {
	test := true
	banks, err := take(s.client.Banks(ctx, finapi.BankQuery{Test: &test, PageSize: pageRows}), 4*pageRows)
	s.bank = finapi.BankID(s.cfg.bank)
	for i := range banks {
		b := &banks[i]
		own := strings.EqualFold(b.Name, "finAPI Test Bank")
		if b.Supported() && s.cfg.bank == 0 && (s.bank == 0 || own) {
			s.bank = b.ID
		}
	}
	if err == nil && s.bank == 0 {
		err = errors.New("no test bank that can be read; name one with -bank")
	}
	return err
}

func (s *script) createUser(ctx context.Context) bool {
	created := s.step(ctx, "create user", func(ctx context.Context) error {
		s.user = s.client.User(s.wanted.ID, s.wanted.Password) // from here on there may be a user to delete
		_, err := s.client.CreateUser(ctx, s.wanted)
		if refusal := (*finapi.Error)(nil); errors.As(err, &refusal) && refusal.Status >= 400 && refusal.Status < 500 {
			s.user = nil // there is none
		}
		return err
	})
	if !created {
		return false
	}
	s.provoke(ctx, "create the same user again", func(ctx context.Context) error { return only(s.client.CreateUser(ctx, s.wanted)) })
	return s.step(ctx, "is the user verified", func(ctx context.Context) error {
		verified, err := s.client.UserVerified(ctx, s.wanted.ID)
		if err == nil && !verified {
			err = s.client.VerifyUser(ctx, s.wanted.ID)
		}
		return err
	})
}

func (s *script) profile(ctx context.Context) {
	s.step(ctx, "profile", func(ctx context.Context) error { return only(s.user.Profile(ctx)) })
	s.step(ctx, "edit profile", func(ctx context.Context) error {
		none := ""
		return only(s.user.EditProfile(ctx, finapi.ProfileChange{Phone: &none}))
	})
	s.step(ctx, "no connections", func(ctx context.Context) error { return only(s.user.Connections(ctx)) })
	s.step(ctx, "no accounts", func(ctx context.Context) error { return only(s.user.Accounts(ctx, finapi.AccountQuery{})) })
	s.step(ctx, "no transactions", func(ctx context.Context) error {
		return only(take(s.user.Transactions(ctx, finapi.TransactionQuery{}), 1))
	})
}

// safeLogins is how many failed log-ins must be allowed, so that one is safe.
const safeLogins = 3

// wrongPassword tries a wrong password once, if that cannot lock the user.
func (s *script) wrongPassword(ctx context.Context) {
	if limit := s.configuration.MaxLogins; s.configuration.License == "" || limit != 0 && limit < safeLogins {
		return
	}
	s.provoke(ctx, "wrong password", func(ctx context.Context) error {
		return only(s.client.User(s.wanted.ID, finapi.NewSecret("not-the-password")).Profile(ctx))
	})
}
