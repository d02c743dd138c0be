package finapi

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
)

// Trust makes the client's own transport trust certificates besides its own defaults, and returns it.
func (c *Client) Trust(roots *x509.CertPool) *http.Transport {
	transport := c.http.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	return transport
}
