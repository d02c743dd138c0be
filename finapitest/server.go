package finapitest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// Server is a running simulator. Its methods may be used from several
// goroutines.
type Server struct {
	tb        testing.TB // nil for a program
	cfg       config
	clock     *Clock
	access    *httptest.Server
	webForm   *httptest.Server
	formBase  string // address of the Web Form host, known before it serves
	callbacks *callbackSender
	log       requestLog
	faults    injections
	stop      context.CancelFunc // ends what follows a running clock and what never answers
	over      <-chan struct{}    // closed by stop
	following sync.WaitGroup

	// accessMux and webFormMux know the templates of the two APIs.
	accessMux, webFormMux *http.ServeMux

	// mu guards everything below: finAPI's store and the banks' books.
	mu          sync.Mutex
	settings    ClientSettings
	banks       []Bank
	ground      *ground
	ids         counters
	users       map[string]*user // by lower-case id
	tokens      tokenStore
	connections []*connection // by id
	forms       []*webForm    // by creation
	tasks       []*task       // by creation
	rules       []*notificationRule
}

// New starts a simulator for one test and stops it with the test's cleanup.
func New(tb testing.TB, opts ...Option) *Server {
	tb.Helper()
	s, err := Start(opts...)
	if err != nil {
		tb.Fatalf("starting the finAPI simulator: %v", err)
	}
	s.tb = tb
	tb.Cleanup(s.Close)
	return s
}

// Start starts a simulator for a program; Close stops it.
func Start(opts ...Option) (*Server, error) {
	cfg := defaultConfig()
	for _, opt := range opts {
		opt(&cfg)
	}
	accessListener, err := listen()
	if err != nil {
		return nil, err
	}
	webFormListener, err := listen()
	if err != nil {
		return nil, errors.Join(err, accessListener.Close())
	}
	s := newServer(cfg)
	ctx, stop := context.WithCancel(context.Background())
	s.stop, s.over = stop, ctx.Done()
	s.formBase = "http://" + webFormListener.Addr().String()
	s.access = serve(accessListener, s.serveAccess())
	s.webForm = serve(webFormListener, s.serveWebForm())
	if cfg.running {
		s.following.Go(func() { s.clock.follow(ctx) }) // it acts by itself until the simulator is closed
	}
	return s, nil
}

func newServer(cfg config) *Server {
	s := &Server{
		cfg:       cfg,
		clock:     newClock(cfg.start, cfg.running),
		callbacks: newCallbackSender(),
		settings:  cfg.client,
		banks:     cfg.world.Banks,
		ids:       newCounters(cfg.idOffset),
		users:     map[string]*user{},
		tokens:    newTokenStore(),
	}
	s.ground = newGround(s, cfg.world, cfg.start)
	return s
}

func listen() (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("finapitest: %w", err)
	}
	return l, nil
}

func serve(l net.Listener, h http.Handler) *httptest.Server {
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}}
	server.Start()
	return server
}

// Close stops the simulator. It waits for requests that are being answered and
// ends callbacks that are on their way, and answers that would never end.
func (s *Server) Close() {
	s.stop()
	s.following.Wait()
	s.callbacks.close()
	s.access.Close()
	s.webForm.Close()
}

// AccessURL returns the address of the Access host.
func (s *Server) AccessURL() string { return s.access.URL }

// WebFormURL returns the address of the Web Form host.
func (s *Server) WebFormURL() string { return s.formBase }

// ClientID returns the id of the client that the simulator knows.
func (s *Server) ClientID() string { return "5f2b7d04-8c1e-4f6a-9d3b-0a1c2e3d4f55" }

// ClientSecret returns the secret of the client that the simulator knows.
func (s *Server) ClientSecret() string { return "c0ffee00-1234-4abc-8def-0123456789ab" }

// Clock returns the simulator's clock.
func (s *Server) Clock() *Clock { return s.clock }

// newUUID returns a random UUID, as forms, tasks and request ids carry it.
func newUUID() string {
	var b [16]byte
	rand.Read(b[:]) // documented never to fail
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
