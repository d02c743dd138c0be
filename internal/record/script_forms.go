package main

import (
	"context"
	"errors"
	"time"

	"github.com/finapi-go/finapi"
)

// request asks for a form for the chosen bank.
func (s *script) request() finapi.ConsentRequest {
	return finapi.ConsentRequest{Bank: s.bank, Name: "Recorded connection"}
}

// forms opens a form that nobody visits, cancels and deletes it.
func (s *script) forms(ctx context.Context) {
	if s.bank == 0 {
		return
	}
	var form finapi.Consent
	started := s.step(ctx, "start a consent", func(ctx context.Context) (err error) {
		form, err = s.user.StartConsent(ctx, s.request())
		return err
	})
	if !started {
		return
	}
	s.step(ctx, "list forms", func(ctx context.Context) error { return only(take(s.user.Forms().List(ctx), pageRows)) })
	s.step(ctx, "cancel the form", func(ctx context.Context) error { return only(s.user.Forms().Cancel(ctx, form.ID)) })
	s.step(ctx, "read the cancelled form", func(ctx context.Context) error { return only(s.user.Consent(ctx, form.ID)) })
	s.step(ctx, "delete the form", func(ctx context.Context) error { return s.user.Forms().Delete(ctx, form.ID) })
	s.provoke(ctx, "read the deleted form", func(ctx context.Context) error { return only(s.user.Consent(ctx, form.ID)) })
}

// connect connects the bank.
func (s *script) connect(ctx context.Context) bool {
	if s.bank == 0 || s.cfg.wait <= 0 {
		return false
	}
	var form finapi.Consent
	started := s.step(ctx, "start the consent", func(ctx context.Context) (err error) {
		form, err = s.user.StartConsent(ctx, s.request())
		return err
	})
	return started && s.follow(ctx, "wait for the consent", form.ID, form.URL) && s.readConnection(ctx, form.ID)
}

// follow has a form approved and waits until the data is there.
func (s *script) follow(ctx context.Context, step string, id finapi.ConsentID, url string) bool {
	return s.step(ctx, step, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, s.cfg.wait)
		defer cancel()
		if err := only(s.user.Consent(ctx, id)); err != nil {
			return err
		}
		if err := s.cfg.target.visit(ctx, url); err != nil {
			return errors.New("the form could not be approved") // the cause quotes the form
		}
		return only(s.user.WaitConsent(ctx, id))
	})
}

func (s *script) readConnection(ctx context.Context, id finapi.ConsentID) bool {
	return s.step(ctx, "connection", func(ctx context.Context) error {
		consent, err := s.user.Consent(ctx, id)
		if err != nil {
			return err
		}
		s.connection, err = s.user.Connection(ctx, consent.Connection)
		return err
	})
}

// update has finAPI fetch news, and lists what tasks there were.
func (s *script) update(ctx context.Context) {
	var required *finapi.ActionRequired
	s.step(ctx, "update", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, max(s.cfg.wait, time.Minute))
		defer cancel()
		_, err := s.user.Refresh(ctx, finapi.RefreshRequest{Connection: s.connection.ID})
		if errors.As(err, &required) {
			return nil // an answer worth having, and the person is there
		}
		return err
	})
	if required != nil && required.URL != "" {
		s.follow(ctx, "wait for the consent of the update", required.Consent, required.URL)
	}
	s.step(ctx, "list tasks", func(ctx context.Context) error {
		tasks, err := take(s.user.Tasks().List(ctx), pageRows)
		if err == nil && len(tasks) > 0 {
			err = only(s.user.Tasks().Get(ctx, tasks[0].ID))
		}
		return err
	})
}
