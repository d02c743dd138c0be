package watch_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/finapi-go/finapi/finapitest"
	"github.com/finapi-go/finapi/internal/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAConnectionIsMissedUntilItsAnswerIsClosed(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "begun")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	transport := watch.NewTransport()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	if transport.AllClosed(time.Millisecond) {
		t.Error("all are closed, though an answer is still being read")
	}
	if err := resp.Body.Close(); err != nil {
		t.Error(err)
	}
	if !transport.AllClosed(time.Minute) {
		t.Error("a connection is open, though its answer was closed")
	}
}

func TestAWaitBeyondTheLimitGivesTheCallUp(t *testing.T) {
	t.Parallel()
	sim := finapitest.New(t, finapitest.WithEmptyWorld())
	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	clock := &watch.Clock{Clock: sim.Clock(), Limit: sim.Clock().Now().Add(time.Hour), GiveUp: giveUp}
	if err := clock.Sleep(ctx, time.Hour); err != nil {
		t.Errorf("a wait up to the limit: %v", err)
	}
	if err := clock.Sleep(ctx, time.Second); !errors.Is(err, context.Canceled) {
		t.Errorf("a wait beyond the limit: %v", err)
	}
	if err := (&watch.Clock{Clock: sim.Clock()}).Sleep(t.Context(), 1000*time.Hour); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}
