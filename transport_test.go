package finapi

import (
	"net/http"
	"testing"
)

func TestAsManyIdleConnectionsAreKeptAsCanBeInUse(t *testing.T) {
	t.Parallel()
	for inFlight, want := range map[int]int{1: 16, 16: 16, 32: 32, 1024: 1024} {
		transport := pooledTransport(inFlight).(*http.Transport)
		if transport.MaxIdleConnsPerHost != want || transport.MaxIdleConns != 2*want {
			t.Errorf("for %d in flight %d idle connections are kept to a host and %d in all, want %d and twice that",
				inFlight, transport.MaxIdleConnsPerHost, transport.MaxIdleConns, want)
		}
	}
}
