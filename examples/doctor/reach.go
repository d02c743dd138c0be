package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// reacher tries to open a connection to a host and says nothing on it.
type reacher func(ctx context.Context, base *url.URL) error

var errProxy = errors.New("a proxy is set")

func reach(ctx context.Context, base *url.URL) error {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: base})
	if err != nil || proxy != nil {
		return errProxy
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	dialer := &net.Dialer{}
	var conn net.Conn
	if base.Scheme == "https" {
		secure := &tls.Dialer{NetDialer: dialer, Config: &tls.Config{MinVersion: tls.VersionTLS12}}
		conn, err = secure.DialContext(ctx, "tcp", net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), "443")))
	} else {
		conn, err = dialer.DialContext(ctx, "tcp", net.JoinHostPort(base.Hostname(), cmp.Or(base.Port(), "80")))
	}
	if err != nil {
		return err
	}
	return conn.Close()
}

func accessHost(ctx context.Context, v *visit) finding {
	return v.host(ctx, v.access, "Everything is read from this host.")
}

func webFormHost(ctx context.Context, v *visit) finding {
	f := v.host(ctx, v.webForms, "Consents and updates go through this host.")
	const other = "https://webform.finapi.io" // documents name it, integrations do not
	if u, err := url.Parse(other); err == nil && v.usual && v.environment == finapi.Live {
		v.otherHost = inShort(v.reach(ctx, u))
	}
	return f
}

func (v *visit) host(ctx context.Context, base *url.URL, means string) finding {
	err := v.reach(ctx, base)
	secure := ""
	if base.Scheme == "https" {
		secure = " with TLS"
	}
	seen := fmt.Sprintf("%s: %s", base.Host, inShort(err))
	switch {
	case err == nil:
		return ok(seen+secure, means)
	case errors.Is(err, errProxy):
		return info(seen, means+" Calls go through the proxy that the environment names, so the host was not tried directly.",
			"Let the proxy pass "+base.Host+", if the checks below fail.")
	case notFound(err):
		return fail(seen, means+" This machine cannot find its address.",
			"Check this machine's DNS, and -access-url or -web-form-url if given; if other names of the internet work, "+
				ask("Which host names serve finAPI Access and Web Form in our environment?"))
	case untrusted(err):
		return fail(seen, means+" This machine does not trust its certificate, so it may not be finAPI that answers.",
			"Let your network's administrator exempt "+base.Host+" from TLS inspection, and check that this machine's root certificates and clock are up to date.")
	}
	return fail(seen, means,
		"Let your network's administrator allow connections to "+base.Host+"; if they are allowed, "+
			ask("Is access to our client limited to known IP addresses? Please add ours."))
}

func notFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e)
}

func untrusted(err error) bool {
	var e *tls.CertificateVerificationError
	return errors.As(err, &e)
}

func inShort(err error) string {
	switch {
	case err == nil:
		return "answers"
	case notFound(err):
		return "the name does not resolve"
	case untrusted(err):
		return "the certificate is not trusted"
	}
	return clean(err.Error())
}

// credentials asks for the settings, which takes a token first.
func credentials(ctx context.Context, v *visit) finding {
	v.config, v.configErr = v.client.Configuration(ctx)
	if v.configErr == nil {
		v.askTwice(ctx)
	}
	const means = "Nothing works without a token."
	switch {
	case v.trouble() != noToken:
		return ok("client id and secret are accepted in the "+v.environment.String()+" environment", "finAPI gives this program a token.")
	case finapi.IsError(v.configErr, finapi.CodeInvalidClient) || statusIs(v.configErr, http.StatusUnauthorized):
		return fail(seenOf(v.configErr), "finAPI's "+v.environment.String()+" environment does not know this client id with this secret.",
			"Compare FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET with what finAPI sent, without spaces or quotes, and FINAPI_ENV with the "+
				"environment that they are for: each environment has its own. If they agree, "+ask("Is our client active in the "+v.environment.String()+" environment?"))
	case statusIs(v.configErr, http.StatusForbidden):
		return fail(seenOf(v.configErr), "finAPI knows the client but gives it no token.",
			ask("Our client gets status 403 when it asks for a token. Is it active, and are our IP addresses allowed?"))
	}
	return refused(v.configErr, means)
}

// askTwice notes whether finAPI gives the same token to who asks again.
func (v *visit) askTwice(ctx context.Context) {
	second, err := v.again()
	if err != nil {
		return
	}
	if _, err := second.Configuration(ctx); err != nil {
		return
	}
	v.sameToken = "no, another one"
	if f := v.wire.seen(); f.clientGrants == 2 && len(f.clientTokens) == 1 {
		v.sameToken = "yes"
	}
}

func speaksOfVersion(message string) bool {
	message = strings.ToLower(message)
	for _, sign := range []string{"version", "/api/v1", "/api/v2"} {
		if strings.Contains(message, sign) {
			return true
		}
	}
	return false
}

func apiVersion(_ context.Context, v *visit) finding {
	switch v.trouble() {
	case wrongVersion:
		return fail(seenOf(v.configErr), "The client is bound to another version of finAPI's interface than V2, which this SDK speaks.",
			"Switch the client with your administration client (switchApiVersion, apiVersion V2), or "+
				ask("Please switch our client to Access API V2 with Web Form 2.0.")+" finAPI allows the way back for 7 days.")
	case none:
		return ok("V2 is accepted", "The client may use the version that this SDK speaks.")
	case wrongKind:
		return ok("nothing speaks against V2", "The client may use the version that this SDK speaks.")
	case noToken, otherTrouble:
	}
	return skip(`"client settings" fails`, "Put that right first, then run doctor again.")
}

func kindOfClient(_ context.Context, v *visit) finding {
	const means = "finAPI gives each vendor two clients. The administration client cannot read banks, users or accounts."
	const do = "Put the id and secret of the other client, the data client, into FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET. If there is none, "
	switch {
	case v.trouble() == wrongKind:
		return fail(seenOf(v.configErr)+"; probably the administration client", means, do+ask("Please send us the credentials of our data client."))
	case v.trouble() == none && v.config.MandatorAdmin:
		return fail("this is the administration client (isMandatorAdmin is true)", means, do+ask("Please send us the credentials of our data client."))
	case v.trouble() == none:
		return ok("the data client", "It can create users and read for them.")
	case v.trouble() == wrongVersion:
		return skip(`"API version" fails`, "Put that right first, then run doctor again.")
	}
	return skip(`"client settings" fails`, "Put that right first, then run doctor again.")
}

func clientSettings(_ context.Context, v *visit) finding {
	switch v.trouble() {
	case none:
		if v.config.MandatorAdmin {
			return skip(`"kind of client" fails`, "Put that right first, then run doctor again.")
		}
		return ok("readable", "finAPI tells how it has set up the client.")
	case wrongVersion:
		return skip(`"API version" fails`, "Put that right first, then run doctor again.")
	case wrongKind:
		return skip(`"kind of client" fails`, "Put that right first, then run doctor again.")
	case noToken, otherTrouble:
	}
	return refused(v.configErr, "finAPI does not tell how it has set up the client, so nothing more can be checked.")
}

// clockSkew compares this machine's clock with the time in finAPI's answers.
func clockSkew(_ context.Context, v *visit) finding {
	f := v.wire.seen()
	if !f.dated {
		return skip("no answer told the time", "Put right what fails above, then run doctor again.")
	}
	off := (f.skew.Abs() - f.roundTrip/2).Round(time.Second)
	const means = "Days, token lives and consent ends are reckoned by this clock."
	const do = "Let this machine set its clock by a time server (NTP)."
	where := "behind"
	if f.skew < 0 {
		where = "ahead of"
	}
	seen := fmt.Sprintf("this machine is %v %s finAPI", off, where)
	switch {
	case off > 5*time.Minute:
		return fail(seen, means, do)
	case off > 30*time.Second:
		return warn(seen, means, do)
	}
	return ok("agrees with finAPI's within half a minute", means)
}
