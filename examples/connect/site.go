package main

import (
	"errors"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"unicode"

	"github.com/finapi-go/finapi"
)

// site is how browsers see the application.
type site struct {
	// origin is scheme and host, such as https://erp.example.com.
	origin string
	// secure is true for https.
	secure bool
	// forwarded believes X-Forwarded-For.
	forwarded bool
}

// newSite takes the public address, or the one that the program listens at.
func newSite(opts options, listening string) (site, error) {
	if opts.public == "" {
		return site{origin: "http://" + listening, forwarded: opts.forwarded}, nil
	}
	u, err := url.Parse(opts.public)
	if err != nil || u.Host == "" || u.User != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return site{}, errors.New("-url must be a scheme and a host, such as https://erp.example.com")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return site{}, errors.New("-url must be https, or http on a loopback address")
	}
	return site{origin: u.Scheme + "://" + u.Host, secure: u.Scheme == "https", forwarded: opts.forwarded}, nil
}

func loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && address.IsLoopback()
}

func (s site) host() string {
	_, host, _ := strings.Cut(s.origin, "://")
	return host
}

// returnURL is where forms send the customer's browser afterwards.
func (s site) returnURL() string { return s.origin + "/return" }

// callback is where finAPI tells that a form has ended; "" if finAPI cannot reach it.
func (s site) callback() string {
	if !s.secure {
		return ""
	}
	return s.returnURL()
}

// device describes the customer's device, which a bank may want to know. An update
// that the customer asks for is not counted by the bank.
func (s site) device(r *http.Request) *finapi.CustomerDevice {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		ip = r.RemoteAddr
	}
	if s.forwarded {
		// The last address is the one that the own proxy has seen; those before it were
		// written by whoever called.
		all := strings.Split(r.Header.Get("X-Forwarded-For"), ",")
		if last := strings.TrimSpace(all[len(all)-1]); net.ParseIP(last) != nil {
			ip = last
		}
	}
	if net.ParseIP(ip) == nil {
		return nil
	}
	return &finapi.CustomerDevice{IP: ip, UserAgent: printable(r.UserAgent(), 1024)}
}

// printable cuts a text that came from outside to what fits into a header.
func printable(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return text
}
