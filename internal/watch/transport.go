// Package watch lets tests see what a client leaves behind: connections that stay open, and
// waits that take longer than a program would bear.
package watch

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Transport is an [http.Transport] that counts its open connections.
type Transport struct {
	*http.Transport
	open sync.WaitGroup
}

// NewTransport returns a transport without connections.
func NewTransport() *Transport {
	t := &Transport{}
	t.Transport = &http.Transport{DialContext: t.dial}
	return t
}

func (t *Transport) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	t.open.Add(1)
	return &countedConn{Conn: conn, closed: sync.OnceFunc(t.open.Done)}, nil
}

type countedConn struct {
	net.Conn
	closed func()
}

// Close closes the connection and counts it once, however often it is called.
func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

// AllClosed reports whether no connection is left once the idle ones are closed. It waits
// in real time for those that are about to close.
func (t *Transport) AllClosed(patience time.Duration) bool {
	t.CloseIdleConnections()
	closed := make(chan struct{})
	go func() {
		t.open.Wait()
		close(closed)
	}()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-closed:
		return true
	case <-timer.C:
		return false
	}
}
