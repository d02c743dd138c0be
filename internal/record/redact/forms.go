package redact

import (
	"math/rand/v2"
	"net/url"
	"regexp"
	"strings"
	"time"
)

var bicForm = regexp.MustCompile(`^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}(?:[A-Z0-9]{3})?$`)

// bic invents a BIC of the same country; the XXX of a head office stays.
func (r *Redactor) bic(text string) string {
	if !bicForm.MatchString(text) {
		return r.Text(text)
	}
	return r.invent("bic", text, func(random *rand.Rand, text string) string {
		branch := strings.TrimSuffix(text[8:], "XXX")
		return scrambleAll(random, text[:4]) + text[4:6] + scrambleAll(random, text[6:8]) + scrambleAll(random, branch) + text[8+len(branch):]
	})
}

// birthday invents a day between 1950 and 1999.
func (r *Redactor) birthday(text string) string {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return r.Text(text)
	}
	return r.invent("birthday", text, func(random *rand.Rand, _ string) string {
		return time.Date(1950, 1, 1+random.IntN(18_000), 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	})
}

// pathWords are the segments of finAPI's paths that are no values.
var pathWords = map[string]bool{
	"": true, "api": true, "v1": true, "v2": true, "wf": true, "webForm": true, "webForms": true, "tasks": true,
	"backgroundUpdate": true, "bankConnectionImport": true, "cancel": true, "accounts": true, "dailyBalances": true,
	"bankConnections": true, "aisConsent": true, "banks": true, "categories": true, "cashFlows": true,
	"clientConfiguration": true, "labels": true, "mandatorAdmin": true, "deleteUsers": true, "getUserList": true,
	"notificationRules": true, "oauth": true, "revoke": true, "token": true, "pendingTransactions": true,
	"securities": true, "tests": true, "mockBatchUpdate": true, "transactions": true, "users": true,
	"verificationStatus": true, "verify": true,
}

// path redacts the segments of an escaped path that are no words of finAPI's.
func (r *Redactor) path(path string) string {
	segments := strings.Split(path, "/")
	bank := false
	for i, segment := range segments {
		value, err := url.PathUnescape(segment)
		switch {
		case pathWords[segment]:
			bank = segment == "banks"
		case err != nil:
			segments[i] = r.Text(segment)
		case bank && integer.MatchString(value): // ids of banks are public
		case integer.MatchString(value):
			segments[i] = r.idsIn(value)
		default:
			segments[i] = url.PathEscape(r.Text(value))
		}
	}
	return strings.Join(segments, "/")
}

// query redacts the values of a query; its parameters keep their order.
func (r *Redactor) query(query string) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, value, given := strings.Cut(pair, "=")
		pairs[i] = url.QueryEscape(r.Name(unescaped(name)))
		if !given {
			continue
		}
		if value = unescaped(value); idList.MatchString(value) {
			value = r.idsIn(value)
		} else {
			value = r.Text(value)
		}
		pairs[i] += "=" + url.QueryEscape(value)
	}
	return strings.Join(pairs, "&")
}

func unescaped(text string) string {
	if value, err := url.QueryUnescape(text); err == nil {
		return value
	}
	return text
}

var methodForm = regexp.MustCompile(`^[A-Z]{3,7}$`)

// endpoint redacts what errors name as their endpoint, such as
// "GET /api/v2/accounts/4711".
func (r *Redactor) endpoint(text string) string {
	method, target, ok := strings.Cut(text, " ")
	if !ok {
		method, target = "", text
	}
	if !strings.HasPrefix(target, "/") || ok && !methodForm.MatchString(method) {
		return r.Text(text)
	}
	path, query, hasQuery := strings.Cut(target, "?")
	out := r.path(path)
	if hasQuery {
		out += "?" + r.query(query)
	}
	if ok {
		out = method + " " + out
	}
	return out
}

// link redacts a URL. The hosts of finAPI and of this machine stay.
func (r *Redactor) link(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return r.invent("text", text, scramble)
	}
	out := u.Scheme + "://" + r.host(u) + r.path(u.EscapedPath())
	if u.RawQuery != "" {
		out += "?" + r.query(u.RawQuery)
	}
	if u.Fragment != "" {
		out += "#" + url.PathEscape(r.Text(u.Fragment))
	}
	return out
}

func (r *Redactor) host(u *url.URL) string {
	name := u.Hostname()
	if name == "finapi.io" || strings.HasSuffix(name, ".finapi.io") || name == "127.0.0.1" || name == "localhost" {
		return u.Host
	}
	return r.invent("host", name, scramble) + ".example"
}
