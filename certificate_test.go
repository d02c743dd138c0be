package finapi_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
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
	if !errors.As(err, &unknown) || !strings.Contains(e.Error(), "of an unknown authority") {
		t.Errorf("got %v, want it to say what is wrong with the certificate", err)
	}
	if dialled.Load() != 2 || served.Load() != 0 {
		t.Errorf("there were %d connections and %d requests, want two attempts and nothing sent", dialled.Load(), served.Load())
	}
}

// TestWhoeverAnswersCannotForgeALineOfALog: the names in a certificate that nobody trusts, and what
// a proxy says when it refuses, come from anybody on the way.
func TestWhoeverAnswersCannotForgeALineOfALog(t *testing.T) {
	t.Parallel()
	const forged = "x\n2026/11/20 09:00:00 paid 4711 EUR to DE89370400440532013000 \x1b[2J"
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificateFor(t, forged)}}
	server.StartTLS()
	defer server.Close()
	url := strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(url, url), once())
	must(t, err)
	_, err = finapi.Collect(client.Banks(t.Context(), finapi.BankQuery{}))
	wantNothingForged(t, failure(t, err, finapi.CodeBadCertificate), "the certificate is for another host")

	cause := errors.New(strings.ReplaceAll(forged, "DE89370400440532013000", "somebody")) // of a transport of the ERP's
	stub := newStub(t)
	stub.on(connectionRoute, reply{err: cause})
	_, err = stub.user(once()).Connection(t.Context(), 3540249)
	wantNothingForged(t, failure(t, err, finapi.CodeNetwork), "x 2026/11/20")
}

func wantNothingForged(t *testing.T, e *finapi.Error, says string) {
	t.Helper()
	for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), errors.Unwrap(e).Error(), fmt.Sprintf("%+v", errors.Unwrap(e))} {
		if strings.ContainsAny(text, "\n\x1b") || strings.Contains(text, "DE89") || !strings.Contains(text, says) {
			t.Errorf("got the text %q, want %q in it and nothing of what was received", text, says)
		}
	}
}

func certificateFor(t *testing.T, name string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// TestAProxyThatRefusesIsNotQuoted uses the client's own transport.
func TestAProxyThatRefusesIsNotQuoted(t *testing.T) {
	t.Parallel()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 407 paid to DE89370400440532013000\r\n\r\n")
		_ = conn.Close()
	}))
	defer proxy.Close()
	address, err := url.Parse(proxy.URL)
	must(t, err)
	client, err := capture.NewClient(finapi.Sandbox, goodCredentials(), once())
	must(t, err)
	client.ThroughProxy(address)
	_, err = finapi.Collect(client.Banks(t.Context(), finapi.BankQuery{}))
	wantNothingForged(t, failure(t, err, finapi.CodeNetwork), "the proxy refuses with status 407")
}

func TestACertificateThatHasExpiredIsToldSo(t *testing.T) {
	t.Parallel()
	for want, cause := range map[string]error{
		"the certificate has expired or is not valid yet": x509.CertificateInvalidError{Reason: x509.Expired},
		"the certificate is not valid":                    x509.CertificateInvalidError{Reason: x509.TooManyIntermediates},
	} {
		server := newStub(t)
		server.on(connectionRoute, reply{err: &tls.CertificateVerificationError{Err: cause}})
		_, err := server.user(once()).Connection(t.Context(), 3540249)
		wantNothingForged(t, failure(t, err, finapi.CodeBadCertificate), want)
	}
}
