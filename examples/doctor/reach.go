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
	return v.host(ctx, v.access, v.opts.accessFlag(), "Banks, accounts and transactions are read from this host.", "Nothing can be read.")
}

func webFormHost(ctx context.Context, v *visit) finding {
	f := v.host(ctx, v.webForms, v.opts.webFormsFlag(), "Customers consent through this host, and their accounts are updated through it.",
		"No customer can consent, and no account can be updated.")
	const other = "https://webform.finapi.io" // documents name it, integrations do not
	if u, err := url.Parse(other); err == nil && v.usual && v.environment == finapi.Live {
		v.otherHost = inShort(v.reach(ctx, u))
	}
	return f
}

// host tries a host, which the reader has named with a flag, or not.
func (v *visit) host(ctx context.Context, base *url.URL, flag, means, without string) finding {
	err, first := v.reach(ctx, base), ""
	if flag != "" {
		first = "check the address that you gave with " + flag + ". If it is right, "
	}
	seen := fmt.Sprintf("%s: %s", base.Host, inShort(err))
	switch {
	case err == nil:
		return ok(seen, means)
	case errors.Is(err, errProxy):
		return info(seen, means+" This machine reaches it through a proxy only, so whether it answers shows in the checks below.",
			"nothing now. If checks below get no answer, let your network's administrator make the proxy pass "+base.Host+".")
	case notFound(err):
		return fail(seen, without+" This machine finds no address for the host's name.",
			first+"let your network's administrator check how this machine resolves names (DNS). If other names on the internet work, "+
				ask("Which host names serve finAPI Access and Web Form in the "+v.environment.String()+" environment?"))
	case untrusted(err):
		return fail(seen, without+" Perhaps it is not finAPI that answers, so nothing is sent there.",
			first+"let your network's administrator exempt "+base.Host+" from TLS inspection, and check that this machine's root certificates and clock are up to date. "+
				"If all that is right, "+ask("Our machine does not trust the certificate of "+base.Host+". Who has issued it, and what is its SHA-256 fingerprint?"))
	}
	return fail(seen, without,
		first+"let your network's administrator allow connections from this machine to "+base.Host+"; if they are allowed, "+
			ask("Is access to our client limited to known IP addresses? If so, please allow (your IP address; your administrator knows it)."))
}

// accessFlag is the flag by which the reader has named the host, or "".
func (o *options) accessFlag() string {
	if o.access == "" {
		return ""
	}
	return "-access-url"
}

func (o *options) webFormsFlag() string {
	if o.webForms == "" {
		return ""
	}
	return "-web-form-url"
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
	case errors.Is(err, errProxy):
		return "not tried directly, because a proxy is set"
	case notFound(err):
		return "the name does not resolve"
	case untrusted(err):
		return "answers with a certificate that is not trusted"
	}
	return "no connection (" + clean(err.Error()) + ")"
}

// credentials asks for the settings, which takes a token first.
func credentials(ctx context.Context, v *visit) finding {
	v.config, v.configErr = v.client.Configuration(ctx)
	if v.configErr == nil {
		v.askTwice(ctx)
	}
	const means = "Your program does not get in at finAPI, so nothing works."
	switch {
	case v.trouble() != noToken && v.sim != nil:
		return ok("client id and secret are accepted by the simulation, which has its own", "finAPI would let your program in.")
	case v.trouble() != noToken:
		return ok("client id and secret are accepted in the "+v.environment.String()+" environment", "finAPI lets your program in.")
	case finapi.IsError(v.configErr, finapi.CodeInvalidClient) || statusIs(v.configErr, http.StatusUnauthorized):
		return fail(seenOf(v.configErr), "finAPI's "+v.environment.String()+" environment does not know this client id with this secret.",
			"compare FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET with what finAPI sent, without spaces or quotes, and FINAPI_ENV with the "+
				"environment that they are for: sandbox and live have their own. If all is right, "+ask("Is our client active in the "+v.environment.String()+" environment?"))
	case statusIs(v.configErr, http.StatusForbidden):
		return fail(seenOf(v.configErr), "finAPI knows the client, but does not let it in, so nothing works.",
			ask("Our client gets status 403 when it asks for a token (POST /api/v2/oauth/token). Is it active, and are our IP addresses allowed?"))
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

// versionSign returns the word by which a refusal of finAPI's (403) speaks of a version
// of the interface, or "". That such a refusal is about the version is a guess.
func versionSign(err error) string {
	var e *finapi.Error
	if !errors.As(err, &e) || e.Status != http.StatusForbidden {
		return ""
	}
	message := strings.ToLower(e.Message)
	for _, sign := range []string{"/api/v1", "/api/v2", "version"} {
		if strings.Contains(message, sign) {
			return sign
		}
	}
	return ""
}

// noSettings skips what cannot be told because the settings could not be read. The
// check that says so comes later.
func (v *visit) noSettings() finding {
	cause := refused(v.configErr, "")
	cause.Check = "client settings"
	return waitFor(&cause, "below")
}

func apiVersion(ctx context.Context, v *visit) finding {
	switch v.trouble() {
	case wrongVersion:
		return fail(fmt.Sprintf("probably not V2, because finAPI's message speaks of %q: %s", versionSign(v.configErr), seenOf(v.configErr)),
			"finAPI binds each client to one version of its interface, and this SDK speaks V2. With another one, nothing works.",
			"make sure that no other program of yours uses this client: a switch can be undone for 7 days only. Then "+
				ask("Is our client bound to Access API V2? If not, please switch it to V2 with Web Form 2.0. If it is, why does this fail: "+answered(v.configErr)+"?")+
				" If it is not V2, a developer can also switch it, with your administration client (switchApiVersion, apiVersion V2).")
	case none:
		return ok("version V2 is accepted", "Your client may use the version of finAPI's interface that this SDK speaks.")
	case wrongKind:
		cause := kindOfClient(ctx, v)
		cause.Check = "kind of client"
		return waitFor(&cause, "below")
	case noToken, otherTrouble:
	}
	return v.noSettings()
}

func kindOfClient(_ context.Context, v *visit) finding {
	const means = "finAPI gives each vendor two clients. The administration client cannot read banks, users or accounts, so no feed works with it."
	do := "put the id and secret of the other client, the data client, into FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET. If finAPI sent you only one, " +
		ask("Please send us the credentials of our data client.")
	switch {
	case v.trouble() == wrongKind:
		return fail("probably the administration client, because finAPI's message does not speak of a version: "+seenOf(v.configErr), means,
			do+" If you are sure that it is the data client, "+ask("Why does this fail for our data client: "+answered(v.configErr)+"?"))
	case v.trouble() == none && v.config.MandatorAdmin:
		return fail("the administration client (isMandatorAdmin is true)", means, do)
	case v.trouble() == none:
		return ok("the data client", "Your program can create users at finAPI, one for each customer, and read for them.")
	case v.trouble() == wrongVersion:
		return waitFor(v.found("API version"), "above")
	}
	return v.noSettings()
}

func clientSettings(_ context.Context, v *visit) finding {
	switch v.trouble() {
	case none:
		if v.config.MandatorAdmin {
			return waitFor(v.found("kind of client"), "above")
		}
		return ok("readable", "finAPI tells how it has set up your client; the next checks look at it.")
	case wrongVersion:
		return waitFor(v.found("API version"), "above")
	case wrongKind:
		return waitFor(v.found("kind of client"), "above")
	case noToken, otherTrouble:
	}
	return refused(v.configErr, "finAPI does not tell how it has set up your client, so nothing more can be checked.")
}

// clockSkew compares this machine's clock with the time in finAPI's answers.
func clockSkew(_ context.Context, v *visit) finding {
	f := v.wire.seen()
	if !f.dated {
		if login := v.found("credentials"); login.State == failing {
			return waitFor(login, "above")
		}
		return skip("finAPI's answers do not tell the time", "compare this machine's clock with the right time yourself.")
	}
	off := (f.skew.Abs() - f.roundTrip/2).Round(time.Second)
	told := off
	if off > time.Minute {
		told = off.Round(time.Minute)
	}
	const means = "Which days are read, and when log-ins and consents end, is reckoned by this machine's clock."
	const wrong = means + " With a wrong one, forms and consents count as ended too early or too late, and bookings can come late."
	const soon = "So little does no harm, but a clock that nobody sets goes on drifting. From some minutes on, consents seem to end at the wrong time, and bookings can come late."
	const do = "let your administrator have this machine's clock set by a time server (NTP)."
	where := "behind"
	if f.skew < 0 {
		where = "ahead of"
	}
	seen := fmt.Sprintf("this machine is %s %s finAPI", short(told), where)
	switch {
	case off > 5*time.Minute:
		return fail(seen, wrong, do)
	case off > 30*time.Second:
		return warn(seen, soon, do)
	}
	return ok("agrees with finAPI's clock within half a minute", means)
}
