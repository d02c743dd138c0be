package finapi_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

func TestWithoutAClockTheMachinesOwnIsUsed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		server.on(connectionRoute, fixtureReply(t, "bank_connection_in_progress.json"), fixtureReply(t, "bank_connection_ready.json"))
		client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithTransport(server))
		must(t, err)
		start := time.Now()
		_, err = client.User(userName, finapi.NewSecret(password)).WaitReady(t.Context(), 3540249)
		must(t, err)
		same(t, 3*time.Second, time.Since(start))
	})
}

func TestAWaitOnTheMachinesClockEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		server := newStub(t)
		server.always(connectionRoute, fixtureReply(t, "bank_connection_in_progress.json"))
		client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithTransport(server))
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		_, err = client.User(userName, finapi.NewSecret(password)).WaitReady(ctx, 3540249)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 10*time.Second {
			t.Errorf("ended with %v after %v, want the deadline after 10 s", err, time.Since(start))
		}
	})
}
