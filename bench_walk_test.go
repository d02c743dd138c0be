package finapi_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/measure"
)

// The walk that is measured: 40 full pages.
const (
	walkedPages = 40
	walkedRows  = walkedPages * measure.PageSize
)

var windows = []int{1, 4, 8}

// BenchmarkWalk iterates over 40 pages from a server on this machine, in a process of its own,
// which answers after a delay. It is compared with a program that reads the same pages one
// after the other with encoding/json, and with what cannot be undercut: at a delay, with the
// rounds of requests that the window leaves; without, with a program that only fetches the
// pages. With -short it leaves out what reads pages one after the other at a delay.
func BenchmarkWalk(b *testing.B) {
	server := measure.Serve(b)
	for name, base := range map[string]string{"HTTP1": server.HTTP1, "HTTP2": server.HTTP2} {
		for _, delay := range []time.Duration{0, 20 * time.Millisecond, 80 * time.Millisecond} {
			b.Run(fmt.Sprintf("%s/%s", name, delay), func(b *testing.B) {
				benchmarkWalk(b, server, measure.Listing(base, delay, walkedRows), delay)
			})
		}
	}
}

func benchmarkWalk(b *testing.B, server *measure.Server, base string, delay time.Duration) {
	b.Helper()
	const byHand, fetched = "encoding-json", "only-fetched"
	var contenders []measure.Contender
	add := func(name string, run func() error) {
		contenders = append(contenders, measure.Contender{Name: name, Run: run})
	}
	long := delay > 0 && testing.Short()
	for _, window := range windows {
		if window > 1 || !long {
			add(windowName(window), walking(b, server, base, window))
		}
	}
	fetch := fetching(b, server, base)
	if !long {
		add(byHand, func() error { return fetch(decodeByHand) })
	}
	if delay == 0 {
		add(fetched, func() error { return fetch(drop) })
	}
	costs := measure.Rounds(b, measure.WallTime, contenders...)
	for _, c := range contenders {
		b.ReportMetric(costs.Milliseconds(c.Name), "ms-"+c.Name)
	}
	for _, window := range windows {
		name := windowName(window)
		if limit := limitOf(window, delay); limit > 0 && costs.Has(name) {
			b.ReportMetric(float64(costs.Median(name))/float64(limit), name+"/limit")
		}
		if costs.Has(name, byHand) {
			b.ReportMetric(costs.Ratio(byHand, name), byHand+"/"+name)
		}
		if costs.Has(name, fetched) {
			b.ReportMetric(costs.Ratio(name, fetched), name+"/"+fetched)
		}
	}
}

func windowName(window int) string { return fmt.Sprintf("window%d", window) }

// limitOf is how long the requests of a walk take if nothing but the delay takes time.
func limitOf(window int, delay time.Duration) time.Duration {
	return time.Duration((walkedPages+window-1)/window) * delay
}

// walking returns the walk of a client of its own.
func walking(tb testing.TB, server *measure.Server, base string, window int) func() error {
	tb.Helper()
	client, transport, err := clientOf(server, base, window)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return func() error { return iterate(tb.Context(), client, walkedRows, func(int) {}) }
}

// clientOf is a client with its own transport, which trusts the server.
func clientOf(server *measure.Server, base string, window int) (*finapi.Client, *http.Transport, error) {
	client, err := finapi.NewClient(finapi.Sandbox, goodCredentials(), finapi.WithBaseURLs(base, base), finapi.WithPageWindow(window))
	if err != nil {
		return nil, nil, err
	}
	return client, client.Trust(server.Trusted()), nil
}

// iterate reads over a listing of n rows. It tells each how many there were.
func iterate(ctx context.Context, client *finapi.Client, n int, each func(row int)) error {
	rows := 0
	for _, err := range client.User(userName, finapi.NewSecret(password)).Transactions(ctx, finapi.TransactionQuery{}) {
		if err != nil {
			return err
		}
		rows++
		each(rows)
	}
	if rows != n {
		return fmt.Errorf("the walk gave %d rows, want %d", rows, n)
	}
	return nil
}

// fetching returns a program that fetches the pages one after the other, with the transport of
// a client and a buffer that it keeps, and does something with each.
func fetching(tb testing.TB, server *measure.Server, base string) func(use func([]byte) error) error {
	tb.Helper()
	_, transport, err := clientOf(server, base, 1)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	var body bytes.Buffer
	return func(use func([]byte) error) error {
		for page := 1; page <= walkedPages; page++ {
			query := url.Values{"page": {strconv.Itoa(page)}, "perPage": {strconv.Itoa(measure.PageSize)}, "order": {"id,asc"}}
			answer, err := client.Get(base + "/api/v2/transactions?" + query.Encode())
			if err != nil {
				return err
			}
			body.Reset()
			_, err = body.ReadFrom(answer.Body)
			if err := cmp.Or(err, answer.Body.Close(), use(body.Bytes())); err != nil {
				return err
			}
		}
		return nil
	}
}

func decodeByHand(page []byte) error { return decodes(finapi.DecodePageByEncodingJSON, page) }

func drop([]byte) error { return nil }

// BenchmarkWalkAllocations counts what a walk of 40 pages allocates in all, from the request
// to the row, with TLS, HTTP and gzip.
func BenchmarkWalkAllocations(b *testing.B) {
	server := measure.Serve(b)
	walk := walking(b, server, measure.Listing(server.HTTP1, 0, walkedRows), 4)
	if err := walk(); err != nil { // opens connections
		b.Fatal(err)
	}
	var allocs, bytes float64
	for b.Loop() {
		var err error
		if allocs, bytes, err = measure.Allocated(walk); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(allocs/walkedRows, "allocs/row")
	b.ReportMetric(bytes/walkedRows, "B/row")
}

// BenchmarkHeap iterates over 40 pages, and over 1,000,000 rows, in a process that does nothing
// else. It reports the most that objects on its heap take at a time, above what they took
// before.
func BenchmarkHeap(b *testing.B) {
	server := measure.Serve(b)
	for _, c := range []heapWalk{{Window: 1, Rows: walkedRows}, {Window: 4, Rows: walkedRows}, {Window: 4, Rows: 1_000_000}} {
		c.Server = server
		argument, err := json.Marshal(c)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("window=%d/rows=%d", c.Window, c.Rows), func(b *testing.B) {
			var worst heapReport
			for b.Loop() {
				var got heapReport
				measure.Start(b, heapTask, string(argument), &got)
				worst.Peak, worst.Growth = max(worst.Peak, got.Peak), max(worst.Growth, got.Growth)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(worst.Peak)/(1<<20), "peak-MiB")
			b.ReportMetric(worst.Growth, "growth-B/row")
		})
	}
}

// heapTask is the program that iterates and watches its heap.
const heapTask = "heap"

type heapWalk struct {
	Server *measure.Server `json:"server"`
	Window int             `json:"window"`
	Rows   int             `json:"rows"`
}

type heapReport struct {
	// Peak is above what the program holds before, which is a program of tests.
	Peak uint64 `json:"peak"`
	// Growth is what the process holds more near the end than near the beginning, in bytes for
	// each row between.
	Growth float64 `json:"growth"`
}

func walkAndWatchTheHeap(argument string, _ io.Reader, report func(any) error) error {
	var in heapWalk
	if err := json.Unmarshal([]byte(argument), &in); err != nil {
		return err
	}
	base := measure.Listing(in.Server.HTTP1, 0, in.Rows)
	client, _, err := clientOf(in.Server, base, in.Window)
	if err != nil {
		return err
	}
	var out heapReport
	before := measure.Live()
	out.Peak, err = measure.PeakHeap(func() error { return iterate(context.Background(), client, in.Rows, func(int) {}) })
	if err != nil {
		return err
	}
	out.Peak -= before
	// Another walk, because to look at what is held lowers the peak, and page by page, because
	// it must not matter how many pages are just there.
	if client, _, err = clientOf(in.Server, base, 1); err != nil {
		return err
	}
	early, late := in.Rows/10, in.Rows*9/10
	live := map[int]uint64{}
	err = iterate(context.Background(), client, in.Rows, func(row int) {
		if row == early || row == late {
			live[row] = measure.Live()
		}
	})
	out.Growth = (float64(live[late]) - float64(live[early])) / float64(late-early)
	return cmp.Or(err, report(out))
}

// A request takes a connection that comes free while another is being opened for it, and
// the other stays for later. So there can be more connections than requests at a time, but
// their number does not grow with that of the pages.
func TestAWalkUsesItsConnectionsAgain(t *testing.T) {
	t.Parallel()
	const pages, size = 40, 25
	server := httptest.NewTLSServer(measure.Handler())
	t.Cleanup(server.Close)
	base := measure.Listing(server.URL, time.Millisecond, pages*size)
	for _, window := range []int{1, 4, 8} {
		client, transport, err := clientOf(&measure.Server{Cert: measure.PEM(server.Certificate())}, base, window)
		must(t, err)
		var handshakes atomic.Int64
		trace := &httptrace.ClientTrace{TLSHandshakeStart: func() { handshakes.Add(1) }}
		ctx := httptrace.WithClientTrace(t.Context(), trace)
		user := client.User(userName, finapi.NewSecret(password))
		rows := allRows(t, user.Transactions(ctx, finapi.TransactionQuery{PageSize: size}))
		transport.CloseIdleConnections()
		if len(rows) != pages*size {
			t.Errorf("a walk with window %d gave %d rows, want %d", window, len(rows), pages*size)
		}
		if n := handshakes.Load(); n < 1 || n > int64(2*window) {
			t.Errorf("a walk of %d pages with window %d made %d TLS handshakes, want %d at the most", pages, window, n, 2*window)
		}
	}
}
