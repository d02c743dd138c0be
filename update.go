package finapi

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
)

// This file runs an update of a connection from its start to its end. An update is a
// task at finAPI: a program can lose sight of it, finAPI does not.

// update starts an update, or finds the one that goes on, follows it to its end and
// waits until the data are stored.
func (u *User) update(ctx context.Context, c *Connection, body updateBody) (Connection, error) {
	task, err := u.newestTask(ctx, c.ID)
	if err == nil && !u.goesOn(&task) {
		task, err = u.startUpdate(ctx, c, body, task.ID)
	}
	if err != nil {
		return *c, err
	}
	if task, err = u.waitTask(ctx, task); err != nil {
		return *c, err
	}
	if err := u.outcome(&task, c.ID); err != nil {
		return *c, err
	}
	return u.WaitReady(ctx, c.ID)
}

// newestTask returns the last update of a connection that was asked for, if it is
// among the user's last 100; else the zero Task.
func (u *User) newestTask(ctx context.Context, id ConnectionID) (Task, error) {
	seen := 0
	for task, err := range u.Tasks().List(ctx) {
		if err != nil || task.Connection == id {
			return task, err
		}
		if seen++; seen == listPage {
			break
		}
	}
	return Task{}, nil
}

// stuckAfter is when an update that has not ended is given up: none takes that long.
const stuckAfter = time.Hour

// goesOn reports whether an update that was asked for earlier is worth following.
func (u *User) goesOn(t *Task) bool {
	return t.ID != "" && !t.Done() && u.client.clock.Now().Sub(t.Created) < stuckAfter
}

// lockedTries is how often an update is tried that finAPI refuses because the
// connection is busy with what is not an update, such as its categorisation.
const lockedTries = 20

// startUpdate starts an update, or finds the one that somebody else has started
// meanwhile. While the connection is busy finAPI refuses without acting, so waiting
// and posting again is safe. former is the update before it.
func (u *User) startUpdate(ctx context.Context, c *Connection, body updateBody, former TaskID) (Task, error) {
	if !c.Ready() { // with something else than an update, such as its first import
		ready, err := u.WaitReady(ctx, c.ID)
		if err != nil {
			return Task{}, err
		}
		*c = ready
	}
	for tries := 1; ; tries++ {
		task, err := u.tryUpdate(ctx, c, body, former)
		if !IsError(err, CodeLocked) || tries == lockedTries {
			return task, err
		}
		if task, err = u.newestTask(ctx, c.ID); err != nil || task.ID != former {
			return task, err
		}
		if err = u.client.clock.Sleep(ctx, pollReady); err != nil {
			return task, err
		}
		if _, err = u.WaitReady(ctx, c.ID); err != nil {
			return task, err
		}
	}
}

// tryUpdate posts the task once. What was refused is not counted.
func (u *User) tryUpdate(ctx context.Context, c *Connection, body updateBody, former TaskID) (Task, error) {
	release := func(context.Context) error { return nil }
	if body.Customer == nil {
		var err error
		if release, err = u.claim(ctx, c); err != nil {
			return Task{}, err
		}
	}
	task, left, err := u.postUpdate(ctx, body)
	switch {
	case err == nil:
		return task, nil
	case left && lostAnswer(err):
		return u.findUpdate(ctx, c.ID, former, err)
	}
	if failed := release(context.WithoutCancel(ctx)); failed != nil {
		return Task{}, errors.Join(err, failed)
	}
	return Task{}, err
}

// postUpdate also tells whether the request has left.
func (u *User) postUpdate(ctx context.Context, body updateBody) (task Task, left bool, err error) {
	var answer taskAnswer
	err = u.do(ctx, call{endpoint: epStartUpdate, body: body, life: formLife, into: &answer, left: &left})
	return answer.value(), left, err
}

// lostAnswer reports whether an update may have been started although the call that left
// failed.
func lostAnswer(err error) bool {
	var e *Error
	switch {
	case !errors.As(err, &e):
		return true // the caller gave up, perhaps while finAPI was at work
	case e.Endpoint != endpoints[epStartUpdate].String():
		return false // finAPI refused the token, and there was no other
	}
	return e.Code == CodeNetwork || e.Status >= 500 || e.Status >= 200 && e.Status < 300
}

// findUpdate looks for the update that was started by a call whose answer was lost:
// one that was not there before. It returns the call's own error if there is none.
func (u *User) findUpdate(ctx context.Context, id ConnectionID, former TaskID, lost error) (Task, error) {
	task, err := u.newestTask(ctx, id)
	if err != nil || task.ID == "" || task.ID == former {
		return Task{}, lost
	}
	return task, nil
}

func (u *User) waitTask(ctx context.Context, task Task) (Task, error) {
	for !task.Done() {
		if err := u.client.clock.Sleep(ctx, pollEvery); err != nil {
			return task, err
		}
		var err error
		if task, err = u.task(ctx, task.ID); err != nil {
			return task, err
		}
	}
	return task, nil
}

// outcome turns a finished task into what the caller has to know.
func (u *User) outcome(task *Task, connection ConnectionID) error {
	if task.Status == TaskFormRequired && task.URL == "" || task.ErrorCode == CodeWebFormRequired {
		return &ActionRequired{Connection: connection} // without a form that could be visited
	}
	if task.Status == TaskFormRequired {
		if err := u.client.checkFormURL(epTask, task.URL); err != nil {
			return err
		}
		return &ActionRequired{Connection: connection, Consent: task.Consent, URL: task.URL}
	}
	if task.Status == TaskCompleted && task.ErrorCode == "" {
		return nil
	}
	code := cmp.Or(task.ErrorCode, CodeUnreadable)
	if exceeded(code, task.ErrorMessage) {
		code = CodeUpdateLimit
	}
	e := &Error{Code: code, Actor: actorOf(code, noStatus), Message: task.ErrorMessage, Endpoint: endpoints[epTask].String()}
	e.quote(task.ErrorCode == CodeBankServerRejection)
	return e
}

// exceeded recognises a bank that has counted more updates than it allows. finAPI
// documents no code for it. guess: the bank's text holds Berlin Group's code.
func exceeded(code Code, message string) bool {
	return code == CodeBankServerRejection && strings.Contains(message, "ACCESS_EXCEEDED")
}
