package finapi_test

import (
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

// TestAHostWhoseCertificateIsNotTrustedGetsNothing, however often it is tried: it can be one of
// several hosts that is badly set up, or a proxy that opens encrypted connections.
func TestAHostWhoseCertificateIsNotTrustedGetsNothing(t *testing.T) {
	t.Parallel()
	var dialled, served atomic.Int32
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshakes that fail
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			dialled.Add(1)
		}
	}
	server.StartTLS()
	defer server.Close()
	client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(server.URL, server.URL),
		finapi.WithRetry(finapi.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = finapi.Collect(client.Banks(t.Context(), finapi.BankQuery{}))
	e := failure(t, err, finapi.CodeBadCertificate)
	same(t, finapi.ActorFinAPI, e.Actor)
	same(t, finapi.RetryLater, e.Retry())
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) || !strings.Contains(e.Error(), "unknown authority") {
		t.Errorf("got %v, want it to say what is wrong with the certificate", err)
	}
	if dialled.Load() != 2 || served.Load() != 0 {
		t.Errorf("there were %d connections and %d requests, want two attempts and nothing sent", dialled.Load(), served.Load())
	}
}
