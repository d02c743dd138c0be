package sqlstore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/sqlstore"
)

// remoteERP is an ERP somewhere else, which gets its bookings over HTTP. It takes an
// idempotency key once, and it can crash.
type remoteERP struct {
	server  *httptest.Server
	crashes *crashes

	mu      sync.Mutex
	taken   map[string]bool
	uids    []finapi.UID
	repeats int
}

func newRemoteERP(tb testing.TB, c *crashes) *remoteERP {
	tb.Helper()
	e := &remoteERP{crashes: c, taken: map[string]bool{}}
	e.server = httptest.NewUnstartedServer(e)
	e.server.Config.ErrorLog = nil
	e.server.Start()
	tb.Cleanup(e.server.Close)
	return e
}

// ServeHTTP books what was posted.
func (e *remoteERP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the worker was killed while it was sending
	}
	event, err := finapi.UnmarshalEvent(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if e.crashes.at(beforeTheERPHasBooked) != nil {
		panic(http.ErrAbortHandler)
	}
	e.book(r.Header.Get("Idempotency-Key"), event)
	if e.crashes.at(afterTheERPHasBooked) != nil {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

func (e *remoteERP) book(key string, event finapi.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.taken[key] {
		e.repeats++
		return
	}
	e.taken[key] = true
	if b, ok := event.(finapi.Booked); ok {
		e.uids = append(e.uids, b.UID)
	}
}

// wantBookedOnce checks that the ERP has what the bank has, and how often it was asked
// again.
func (e *remoteERP) wantBookedOnce(tb testing.TB, b *bank) (repeats int) {
	tb.Helper()
	e.mu.Lock()
	defer e.mu.Unlock()
	once := slices.Clone(e.uids)
	slices.Sort(once)
	if once = slices.Compact(once); len(e.uids) != b.bookings || len(once) != b.bookings {
		tb.Errorf("the ERP has %d entries of %d bookings, want %d", len(e.uids), len(once), b.bookings)
	}
	return e.repeats
}

// step is a place where a program can crash.
type step string

const (
	beforeTheInboxIsFilled step = "before the inbox is filled"
	whileTheInboxIsFilled  step = "in the transaction that fills the inbox"
	afterTheInboxIsFilled  step = "after the inbox was filled"
	beforeTheERPIsAsked    step = "before the ERP is asked"
	beforeTheERPHasBooked  step = "before the ERP has booked"
	afterTheERPHasBooked   step = "after the ERP has booked, before it answers"
	beforeTheAck           step = "after the answer, before the acknowledgement"
	whileTheAckCommits     step = "before the acknowledgement is committed"
	afterTheAck            step = "after the acknowledgement"
)

var steps = []step{
	beforeTheInboxIsFilled, whileTheInboxIsFilled, afterTheInboxIsFilled, beforeTheERPIsAsked,
	beforeTheERPHasBooked, afterTheERPHasBooked, beforeTheAck, whileTheAckCommits, afterTheAck,
}

var errCrash = errors.New("crashed")

// crashes makes a program crash at a step, when it comes there for the n-th time. The zero
// crashes makes none crash.
type crashes struct {
	mu   sync.Mutex
	step step
	n    int // how often it is still reached, the crash included; 0 if none is planned
}

func (c *crashes) plan(at step, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.step, c.n = at, n
}

// crashed reports whether the planned crash has happened.
func (c *crashes) crashed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n == 0
}

func (c *crashes) at(s step) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s != c.step || c.n == 0 {
		return nil
	}
	if c.n--; c.n > 0 {
		return nil
	}
	return errCrash
}

// live is one life of the worker, from its start to its end or its crash.
func live(ctx context.Context, d database, b *bank, e *remoteERP) (err error) {
	store, err := d.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close(store)) }()
	if err := fillOrCrash(ctx, b.feed(store), e.crashes); err != nil {
		return err
	}
	return post(ctx, store, e)
}

func fillOrCrash(ctx context.Context, feed *finapi.Feed, c *crashes) error {
	if err := c.at(beforeTheInboxIsFilled); err != nil {
		return err
	}
	err := sqlstore.FillAnd(ctx, feed, func() error { return c.at(whileTheInboxIsFilled) })
	if err != nil {
		return err
	}
	return c.at(afterTheInboxIsFilled)
}

// post brings the inbox to the ERP.
func post(ctx context.Context, store *sqlstore.Store, e *remoteERP) error {
	inbox := store.Inbox(books)
	for {
		items, err := inbox.Next(ctx, 3)
		if err != nil || len(items) == 0 {
			return err
		}
		for _, item := range items {
			if err := e.crashes.at(beforeTheERPIsAsked); err != nil {
				return err
			}
			if err := send(ctx, e.server.Client(), e.server.URL, item); err != nil {
				return err
			}
			if err := e.acknowledge(ctx, store, inbox, item.Seq); err != nil {
				return err
			}
		}
	}
}

func send(ctx context.Context, client *http.Client, address string, item sqlstore.Item) error {
	body, err := finapi.MarshalEvent(item.Event)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return err
	}
	// Not to be repeated by the HTTP client: that would hide the crash.
	request.GetBody = nil
	request.Header.Set("Idempotency-Key", item.Key)
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the ERP answers %s", response.Status)
	}
	return nil
}

func (e *remoteERP) acknowledge(ctx context.Context, store *sqlstore.Store, inbox *sqlstore.Inbox, seq int64) error {
	if err := e.crashes.at(beforeTheAck); err != nil {
		return err
	}
	tx, err := store.DB().BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	_, err = inbox.Ack(ctx, tx, seq)
	if err := errors.Join(err, e.crashes.at(whileTheAckCommits)); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return errors.Join(tx.Commit(), e.crashes.at(afterTheAck))
}

func TestWhereverItCrashesARemoteERPHasEachBookingOnce(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b, c := newBank(t), &crashes{}
		erp := newRemoteERP(t, c)
		repeated := map[step]int{}
		for _, at := range steps {
			for n := 1; n <= 2; n++ { // the first and the second time that the worker is there
				b.book(3)
				before := erp.wantBookedOnceBut(t, b, 3)
				c.plan(at, n)
				for lives := 1; ; lives++ {
					err := live(t.Context(), d, b, erp)
					if err == nil && c.crashed() {
						break
					}
					if lives > 5 {
						t.Fatalf("%s, time %d: after %d lives: %v, crashed: %v", at, n, lives, err, c.crashed())
					}
				}
				repeated[at] += erp.wantBookedOnce(t, b) - before
			}
		}
		for _, at := range steps {
			asksAgain := at == afterTheERPHasBooked || at == beforeTheAck || at == whileTheAckCommits
			if (repeated[at] > 0) != asksAgain {
				t.Errorf("a crash %s: the ERP was asked again %d times, want that: %v", at, repeated[at], asksAgain)
			}
		}
	})
}

// wantBookedOnceBut is wantBookedOnce before the last bookings came.
func (e *remoteERP) wantBookedOnceBut(tb testing.TB, b *bank, last int) int {
	tb.Helper()
	before := &bank{bookings: b.bookings - last}
	return e.wantBookedOnce(tb, before)
}

const (
	deliverForEver = "deliver for ever"
	childERP       = "SQLSTORE_TEST_ERP" // the address of the remote ERP
)

// keepDelivering is a worker that is to be killed. It says on its standard output when it
// is in the middle of something.
func keepDelivering(ctx context.Context) error {
	_, store, err := childStore(ctx)
	if err != nil {
		return err
	}
	feed, err := childFeed(store)
	if err != nil {
		return err
	}
	inbox := store.Inbox(books)
	for {
		fmt.Println("filling")
		if err := sqlstore.Fill(ctx, feed); err != nil {
			return err
		}
		for {
			fmt.Println("pulling")
			items, err := inbox.Next(ctx, 10)
			if err != nil {
				return err
			}
			if len(items) == 0 {
				break
			}
			for _, item := range items {
				if err := send(ctx, http.DefaultClient, os.Getenv(childERP), item); err != nil {
					return err
				}
				if _, err := inbox.Ack(ctx, nil, item.Seq); err != nil {
					return err
				}
			}
		}
	}
}

func TestKillingTheWorkerDoublesNothingInARemoteERP(t *testing.T) {
	onEach(t, kinds, func(t *testing.T, d database) {
		b := newBank(t)
		erp := newRemoteERP(t, &crashes{})
		if err := d.close(d.open(t)); err != nil {
			t.Fatal(err)
		}
		b.book(250)
		for life := range *kills / 3 {
			cmd := command(t, deliverForEver, d, b.reach(t))
			cmd.Env = append(cmd.Env, childERP+"="+erp.server.URL)
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(out)
			for range 1 + life%5 {
				if !lines.Scan() {
					t.Error("the child ended by itself")
					break
				}
			}
			time.Sleep(time.Duration(rand.IntN(20_000)) * time.Microsecond) // anywhere in what comes next
			if err := cmd.Process.Kill(); err != nil {                      // SIGKILL
				t.Error(err)
			}
			_ = cmd.Wait() // says that it was killed
			b.book(20)
		}
		if err := live(t.Context(), d, b, erp); err != nil {
			t.Fatal(err)
		}
		t.Logf("the ERP was asked again for %d of %d bookings", erp.wantBookedOnce(t, b), b.bookings)
	})
}
