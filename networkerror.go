package finapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

var errNoAnswer = errors.New("no answer in time")

// networkError hides the URL, which the errors of net/http quote with its ids.
func (c *Client) networkError(ctx context.Context, ep *endpoint, req *http.Request, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("finapi: %s: %w", ep, ctx.Err())
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = errNoAnswer
	}
	code := CodeNetwork
	var unverified *tls.CertificateVerificationError
	if errors.As(err, &unverified) {
		code = CodeBadCertificate
	}
	return &Error{
		Code: code, Actor: actorOf(code, noStatus), Endpoint: ep.String(),
		RequestID: req.Header.Get("X-Request-Id"), cause: wordedError{err},
	}
}

// wordedError is a failure on the network whose text shows nothing of what was received, also
// to those who print what [errors.Unwrap] returns. [errors.As] finds what was there before.
type wordedError struct{ err error }

func (w wordedError) Error() string        { return networkWords(w.err) }
func (w wordedError) Is(target error) bool { return errors.Is(w.err, target) }
func (w wordedError) As(target any) bool   { return errors.As(w.err, target) }

var quotedText = regexp.MustCompile(`"(?:[^"\\]|\\.)*"?`)

// networkWords tells what failed on the network. Whoever answers can send anything as a line
// that is not HTTP and as the names in a certificate, and net/http repeats it. It quotes
// the rest, or it is printed without what could forge a line of a log.
func networkWords(err error) string {
	var notHTTP textproto.ProtocolError
	var unverified *tls.CertificateVerificationError
	switch {
	case errors.As(err, &notHTTP):
		return "the answer is not HTTP"
	case errors.As(err, &unverified):
		return certificateWords(unverified.Err)
	}
	printable := func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}
	return strings.Map(printable, quotedText.ReplaceAllString(err.Error(), `"…"`))
}

func certificateWords(err error) string {
	var otherHost x509.HostnameError
	var unknown x509.UnknownAuthorityError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &otherHost):
		return "the certificate is for another host"
	case errors.As(err, &unknown):
		return "the certificate is of an unknown authority"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "the certificate has expired or is not valid yet"
	}
	return "the certificate is not valid"
}

// refusedByProxy replaces what net/http would repeat of a proxy's answer.
func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode == http.StatusOK {
		return nil
	}
	return fmt.Errorf("the proxy refuses with status %d", answer.StatusCode)
}
