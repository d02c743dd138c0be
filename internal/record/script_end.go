package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/finapi-go/finapi"
)

// ruleParams restricts a rule to the first account.
func (s *script) ruleParams() map[string]string {
	if len(s.accounts) == 0 {
		return nil
	}
	return map[string]string{"accountIds": strconv.FormatInt(int64(s.accounts[0].ID), 10)}
}

// end takes the connection apart.
func (s *script) end(ctx context.Context) {
	for i := range s.connection.Interfaces {
		one := &s.connection.Interfaces[i]
		if one.Consent == nil {
			continue
		}
		s.step(ctx, "delete the consent", func(ctx context.Context) error {
			return only(s.user.DeleteConsent(ctx, finapi.ConsentDeletion{Connection: s.connection.ID, Interface: one.Interface, Force: true}))
		})
	}
	if len(s.accounts) > 1 {
		s.step(ctx, "delete an account", func(ctx context.Context) error {
			return s.user.DeleteAccount(ctx, s.accounts[len(s.accounts)-1].ID, nil)
		})
	}
	s.step(ctx, "delete the connection", func(ctx context.Context) error {
		return s.user.DeleteConnection(ctx, s.connection.ID, nil)
	})
}

const (
	cleanUpTime = 5 * time.Minute
	// lockedWait is how long to wait while finAPI is busy with the user.
	lockedWait = 5 * time.Second
)

// cleanUp deletes the user, also if the run was interrupted or its creation
// failed on the way back. It does not give up at the first failure.
func (s *script) cleanUp(ctx context.Context) {
	if s.user == nil {
		return
	}
	if ctx.Err() != nil {
		fmt.Fprintln(s.cfg.out, "interrupted: deleting the user first; once more Ctrl-C leaves it behind")
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	s.steps++
	s.capture.begin("delete the user", false)
	if err := s.deleteUser(ctx); err != nil {
		s.fail("delete the user", err)
		s.remains = true
		fmt.Fprintf(s.cfg.out, "THE USER %s STILL EXISTS: have it deleted with the administration client of the mandator.\n", s.wanted.ID)
	}
}

// deleteUser tries until the user is gone. A refused log-in says that it is.
func (s *script) deleteUser(ctx context.Context) error {
	const attempts = 24
	for n := 1; ; n++ {
		err := s.user.Delete(ctx)
		var refusal *finapi.Error
		switch {
		case err == nil, finapi.IsError(err, finapi.CodeInvalidGrant):
			return nil
		case n == attempts || !errors.As(err, &refusal) || refusal.Retry() != finapi.RetryLater:
			return err
		}
		if err := s.cfg.target.clock.Sleep(ctx, lockedWait); err != nil {
			return err
		}
	}
}
