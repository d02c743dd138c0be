package finapi

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/url"
)

// ThroughProxy makes the client's own transport go through a proxy.
func (c *Client) ThroughProxy(address *url.URL) {
	c.http.Transport.(*http.Transport).Proxy = http.ProxyURL(address)
}

// Trust makes the client's own transport trust certificates besides its own defaults, and returns it.
func (c *Client) Trust(roots *x509.CertPool) *http.Transport {
	transport := c.http.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return transport
}
