package finapi_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/finapi-go/finapi"
	"github.com/finapi-go/finapi/internal/capture"
)

// scenario is one entry of testdata/scenarios: what a feed did in the field, and
// what the ledger must get. The format is explained in testdata/scenarios/README.md.
type scenario struct {
	ID, Title, Why string
	Config         struct {
		CutOver string `json:"deliverFromBankBookingDate"`
	}
	Syncs    []scenarioSync
	Expected struct {
		Delivered []json.RawMessage
		Flagged   []struct {
			ID     int64
			Sync   int
			Kind   string
			Reason string
		}
		Modified []struct {
			ID     int64
			Sync   int
			Fields []string
		}
		Removed []struct {
			ID   int64
			Sync int
		}
		Relinked []struct {
			From, To int64
			Sync     int
		}
		Notices []struct {
			Sync int
			Type string
		}
	}
}

type scenarioSync struct {
	Pages    [][]scenarioRow
	Reread   [][]scenarioRow
	Accounts []map[string]any
	User     string
	Paging   struct{ TotalCount []int }
	Faults   []struct {
		Type, Point string
		Page        int
	}
	Concurrency    int
	RestoreStateTo *int
}

type scenarioRow map[string]any

func (r scenarioRow) id() int64            { return int64(r["id"].(float64)) }
func (r scenarioRow) text(k string) string { s, _ := r[k].(string); return s }

// TestEveryPublicScenarioEndsInTheRightLedger plays what bank feeds did to real
// accounting systems. A failure tells the whole story.
func TestEveryPublicScenarioEndsInTheRightLedger(t *testing.T) {
	data, err := os.ReadFile("testdata/scenarios/public.json")
	if err != nil {
		t.Fatal(err)
	}
	var scenarios []scenario
	if err := json.Unmarshal(data, &scenarios); err != nil { //nolint:musttag // names that differ in case only are matched
		t.Fatal(err)
	}
	if len(scenarios) != 32 {
		t.Fatalf("%d scenarios, want 32", len(scenarios))
	}
	for _, sc := range scenarios {
		t.Run(sc.ID, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, &sc)
			for i := range sc.Syncs {
				p.sync(i)
			}
			p.judge()
		})
	}
}

// play runs one scenario.
type play struct {
	t      *testing.T
	sc     *scenario
	client *finapi.Client
	clock  *testClock
	fake   *scenarioServer
	memory *recordingStore
	events [][]finapi.Event // by sync
	errs   [][]error
}

func newPlay(t *testing.T, sc *scenario) *play {
	t.Helper()
	p := &play{
		t: t, sc: sc, fake: &scenarioServer{}, memory: &recordingStore{},
		clock: &testClock{now: time.Date(2025, 1, 11, 8, 0, 0, 0, time.UTC)},
	}
	client, err := capture.NewClient(finapi.Sandbox,
		finapi.Credentials{ID: "id", Secret: finapi.NewSecret("secret")},
		finapi.WithTransport(p.fake), finapi.WithClock(p.clock),
		finapi.WithRetry(finapi.Retry{Attempts: 2, Base: time.Millisecond, Max: time.Millisecond}))
	if err != nil {
		t.Fatal(err)
	}
	p.client = client
	return p
}

func (p *play) sync(i int) {
	in := p.sc.Syncs[i]
	p.clock.advance(25 * time.Hour)
	p.events, p.errs = append(p.events, nil), append(p.errs, nil)
	if in.RestoreStateTo != nil {
		p.memory = p.memory.asAfter(*in.RestoreStateTo)
	}
	p.fake.set(&in)
	user := p.client.User(finapi.UserID(cmp.Or(in.User, "user-u1")+"-test"), finapi.NewSecret("password"))
	for _, account := range p.fake.accounts {
		var group sync.WaitGroup
		var mu sync.Mutex
		for range max(1, in.Concurrency) {
			group.Go(func() { p.deliver(i, user, account, &mu) })
		}
		group.Wait()
	}
	p.memory.endSync()
}

func (p *play) deliver(i int, user *finapi.User, account map[string]any, mu *sync.Mutex) {
	ledger := fmt.Sprintf("%s/%v", user.ID(), account["iban"])
	var options []finapi.FeedOption
	if p.sc.Config.CutOver != "" {
		day, _ := finapi.ParseDate(p.sc.Config.CutOver)
		options = append(options, finapi.WithCutOver(day))
	}
	id := finapi.AccountID(account["id"].(float64))
	feed := user.Feed(id, finapi.LedgerID(ledger), p.memory, options...)
	err := feed.Deliver(p.t.Context(), func(ctx context.Context, b finapi.Batch) error {
		for _, fault := range p.sc.Syncs[i].Faults {
			if fault.Type == "crash" {
				return errors.New("crashed before the commit")
			}
		}
		mu.Lock()
		defer mu.Unlock()
		if err := p.memory.Commit(ctx, feed.Ledger(), b.Change); err != nil {
			return err
		}
		p.events[i] = append(p.events[i], b.Events...)
		return nil
	})
	mu.Lock()
	defer mu.Unlock()
	if err != nil {
		p.errs[i] = append(p.errs[i], err)
	}
}

// judge compares what the ledger got with what the scenario wants.
func (p *play) judge() {
	want, sc := &p.sc.Expected, p.sc
	for i := range sc.Syncs {
		got := p.outcome(i)
		if !deliveredFits(want.Delivered[i], got.booked) && (sc.ID != "F06" || !p.f06(i, got.booked)) {
			p.fail("sync %d booked %v, want %s", i, got.booked, want.Delivered[i])
		}
		var reviews, removed []int64
		for _, f := range want.Flagged {
			if f.Sync == i && f.Kind == "review" {
				reviews = append(reviews, f.ID)
			}
			if f.Sync == i && f.Kind == "notice" && !slices.Contains(got.notices, f.Reason) {
				p.fail("sync %d gave the notices %v, want %s", i, got.notices, f.Reason)
			}
		}
		for _, r := range want.Removed {
			if r.Sync == i {
				removed = append(removed, r.ID)
			}
		}
		modified := map[int64][]string{}
		for _, m := range want.Modified {
			if m.Sync == i {
				modified[m.ID] = m.Fields
			}
		}
		for _, r := range want.Relinked {
			if r.Sync == i && got.relinked[r.From] != r.To {
				p.fail("sync %d relinked %v, want %d to %d", i, got.relinked, r.From, r.To)
			}
		}
		for _, n := range want.Notices {
			if n.Sync == i && !slices.Contains(got.notices, n.Type) {
				p.fail("sync %d gave the notices %v, want %s", i, got.notices, n.Type)
			}
		}
		p.same(i, "reviews", reviews, got.reviews)
		p.same(i, "removed", removed, got.removed)
		p.same(i, "modified", modified, got.modified)
	}
}

// f06 accepts what the scenario allows instead: nothing in the sync that failed,
// with an error, and everything in the next.
func (p *play) f06(i int, booked []int64) bool {
	if i == 0 {
		return len(booked) == 0 && len(p.errs[0]) > 0
	}
	return slices.Equal(booked, []int64{1601, 1602, 1603, 1604})
}

func (p *play) same(i int, what string, want, got any) {
	p.t.Helper()
	if fmt.Sprint(want) != fmt.Sprint(got) {
		p.fail("sync %d: %s differ: %s", i, what, gocmp.Diff(want, got))
	}
}

func (p *play) fail(format string, args ...any) {
	p.t.Helper()
	var story strings.Builder
	fmt.Fprintf(&story, "%s: %s\n%s\nWhy it matters: %s\n", p.sc.ID, p.sc.Title, fmt.Sprintf(format, args...), p.sc.Why)
	for i, in := range p.sc.Syncs {
		fmt.Fprintf(&story, "sync %d, finAPI lists:\n", i)
		for _, page := range in.Pages {
			for _, r := range page {
				fmt.Fprintf(&story, "    %d %s %v %q\n", r.id(), r["bankBookingDate"], r["amount"], r["purpose"])
			}
		}
		fmt.Fprintf(&story, "  the ledger got (errors %v):\n", p.errs[i])
		for _, e := range p.events[i] {
			fmt.Fprintf(&story, "    %s\n", inShort(e))
		}
	}
	p.t.Error(story.String())
}

// inShort tells an event in words.
func inShort(event finapi.Event) string {
	return finapi.Explain(event)
}

type outcome struct {
	booked, reviews, removed []int64
	modified                 map[int64][]string
	relinked                 map[int64]int64
	notices                  []string
}

func (p *play) outcome(i int) outcome {
	o := outcome{modified: map[int64][]string{}, relinked: map[int64]int64{}}
	for _, event := range p.events[i] {
		switch e := event.(type) {
		case finapi.Booked:
			o.booked = append(o.booked, int64(e.Transaction.ID))
		case finapi.Review:
			o.reviews = append(o.reviews, int64(e.Transaction.ID))
		case finapi.Removed:
			o.removed = append(o.removed, int64(e.Transaction.ID))
		case finapi.Modified:
			o.modified[int64(e.New.ID)] = e.Fields
		case finapi.Relinked:
			o.relinked[int64(e.Old)] = int64(e.New)
			o.notices = append(o.notices, "relinked")
		case finapi.Notice:
			o.notices = append(o.notices, string(e.Kind))
		}
	}
	for _, err := range p.errs[i] {
		if finapi.IsError(err, finapi.CodeLedgerBound) {
			o.notices = append(o.notices, "account_unbound")
		}
		if finapi.IsError(err, finapi.CodeNetwork) {
			o.notices = append(o.notices, "incomplete_listing")
		}
	}
	slices.Sort(o.booked)
	slices.Sort(o.reviews)
	slices.Sort(o.removed)
	return o
}

// deliveredFits compares ids as a multiset, where {count,from} stands for any so
// many of some ids.
func deliveredFits(want json.RawMessage, got []int64) bool {
	var entries []json.RawMessage
	if json.Unmarshal(want, &entries) != nil {
		return false
	}
	left := slices.Clone(got)
	for _, entry := range entries {
		choice := struct {
			Count int     `json:"count"`
			From  []int64 `json:"from"`
		}{Count: 1}
		var id int64
		if json.Unmarshal(entry, &id) == nil {
			choice.From = []int64{id}
		} else if json.Unmarshal(entry, &choice) != nil {
			return false
		}
		for range choice.Count {
			at := slices.IndexFunc(left, func(id int64) bool { return slices.Contains(choice.From, id) })
			if at < 0 {
				return false
			}
			left = slices.Delete(left, at, at+1)
		}
	}
	return len(left) == 0
}

// recordingStore can go back to what it was after an earlier sync, as an ERP does
// that restores a backup.
type recordingStore struct {
	finapi.MemoryStore
	mu      sync.Mutex
	commits []recordedCommit
	after   []int // number of commits after each sync
}

type recordedCommit struct {
	ledger finapi.LedgerKey
	change finapi.Change
}

func (s *recordingStore) Commit(ctx context.Context, ledger finapi.LedgerKey, change finapi.Change) error {
	if err := s.MemoryStore.Commit(ctx, ledger, change); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = append(s.commits, recordedCommit{ledger, change})
	return nil
}

func (s *recordingStore) endSync() { s.after = append(s.after, len(s.commits)) }

func (s *recordingStore) asAfter(sync int) *recordingStore {
	restored := &recordingStore{after: slices.Clone(s.after)}
	for _, c := range s.commits[:s.after[sync]] {
		if err := restored.Commit(context.Background(), c.ledger, c.change); err != nil {
			panic(err)
		}
	}
	return restored
}

// scenarioServer answers like finAPI with the rows of one sync.
type scenarioServer struct {
	mu       sync.Mutex
	in       *scenarioSync
	accounts []map[string]any
	passes   int
	// beforePage, if set, may change what is listed between two requests.
	beforePage func(number int)
	// edit, if set, changes or deletes a row and returns the status.
	edit func(method string, id int64) int
	// failAt is the request that fails, counted from now; 0 for none.
	failAt int
}

func (s *scenarioServer) set(in *scenarioSync) {
	s.in, s.passes = in, 0
	s.accounts = in.Accounts
	if s.accounts == nil {
		s.accounts = []map[string]any{{
			"id": 11.0, "bankConnectionId": 1, "iban": "DE02120300000000202051",
			"accountCurrency": "EUR", "accountType": "Checking", "status": "UPDATED",
		}}
	}
	newest := "2025-01-01T06:00:00.000+01:00"
	for _, page := range in.Pages {
		for _, row := range page {
			newest = max(newest, row.text("importDate"))
		}
	}
	for i, a := range s.accounts {
		a = maps.Clone(a)
		updated, _ := a["lastSuccessfulUpdate"].(string)
		a["interfaces"] = []map[string]any{{
			"bankingInterface": "XS2A", "status": a["status"], "lastSuccessfulUpdate": cmp.Or(updated, newest),
		}}
		s.accounts[i] = a
	}
}

func (s *scenarioServer) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := logTraffic(r); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	path := r.URL.Path
	if s.failAt > 0 {
		if s.failAt--; s.failAt == 0 {
			s.failAt = -1 // it has failed
			return nil, io.ErrUnexpectedEOF
		}
	}
	switch {
	case s.edit != nil && r.Method != http.MethodGet && strings.HasPrefix(path, "/api/v2/transactions/"):
		id, _ := strconv.ParseInt(path[len("/api/v2/transactions/"):], 10, 64)
		return s.edited(r.Method, id), nil
	case path == "/api/v2/pendingTransactions":
		return answer(200, map[string]any{
			"pendingTransactions": []any{}, "paging": map[string]any{"page": 1, "perPage": 500, "pageCount": 0, "totalCount": 0},
		}), nil
	case path == "/api/v2/oauth/token":
		return answer(200, map[string]any{"access_token": "t", "token_type": "bearer", "expires_in": 0}), nil
	case strings.HasPrefix(path, "/api/v2/accounts/"):
		for _, a := range s.accounts {
			if fmt.Sprint(a["id"]) == path[len("/api/v2/accounts/"):] {
				return answer(200, a), nil
			}
		}
		return answer(404, map[string]any{"errors": []any{map[string]any{"code": "UNKNOWN_ENTITY", "type": "TECHNICAL"}}}), nil
	case path == "/api/v2/transactions":
		return s.transactions(r)
	}
	return nil, errors.New("unexpected path " + path)
}

func (s *scenarioServer) edited(method string, id int64) *http.Response {
	status := s.edit(method, id)
	if status != http.StatusOK {
		code := map[int]string{404: "UNKNOWN_ENTITY", 422: "ILLEGAL_ENTITY_STATE"}[status]
		return answer(status, map[string]any{"errors": []any{map[string]any{"code": code, "type": "TECHNICAL"}}})
	}
	if method == http.MethodDelete {
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: http.NoBody}
	}
	for _, page := range s.in.Pages {
		for _, row := range page {
			if row.id() == id {
				return answer(status, row)
			}
		}
	}
	return answer(404, nil)
}

func (s *scenarioServer) transactions(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	number, _ := strconv.Atoi(q.Get("page"))
	if s.beforePage != nil {
		s.beforePage(number)
	}
	pages := s.in.Pages
	lookUp := q.Has("ids")
	if !lookUp && number == 1 {
		s.passes++
	}
	if s.in.Reread != nil && (lookUp || s.passes > 1) {
		pages = s.in.Reread
	}
	for _, f := range s.in.Faults {
		if f.Type == "timeout" && f.Page == number {
			return nil, context.DeadlineExceeded
		}
	}
	filtered := make([][]scenarioRow, len(pages))
	total := 0
	for i, page := range pages {
		filtered[i] = []scenarioRow{}
		for _, row := range page {
			if matches(row, q) {
				filtered[i] = append(filtered[i], row)
				total++
			}
		}
	}
	if lookUp {
		filtered = [][]scenarioRow{append([]scenarioRow{}, slices.Concat(filtered...)...)}
	} else if counts := s.in.Paging.TotalCount; len(counts) > 0 && (s.in.Reread == nil || s.passes == 1) {
		total = counts[min(number, len(counts))-1]
	}
	rows := []scenarioRow{}
	if number <= len(filtered) {
		rows = filtered[number-1]
	}
	return answer(200, map[string]any{
		"transactions": rows, "income": 0, "spending": 0, "balance": 0,
		"paging": map[string]any{"page": number, "perPage": 500, "pageCount": len(filtered), "totalCount": total},
	}), nil
}

func matches(row scenarioRow, q map[string][]string) bool {
	get := func(key string) string { return strings.Join(q[key], "") }
	if ids := q["ids"]; ids != nil && !slices.Contains(ids, fmt.Sprint(row.id())) {
		return false
	}
	if ids := q["accountIds"]; ids != nil && !slices.Contains(ids, fmt.Sprint(row["accountId"])) {
		return false
	}
	return row.text("bankBookingDate") >= get("minBankBookingDate") &&
		row.text("importDate") >= get("minImportDate")
}

func answer(status int, body any) *http.Response {
	data, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return &http.Response{
		StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}},
		Body: io.NopCloser(strings.NewReader(string(data))),
	}
}

// testClock is a clock that only tests move.
type testClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *testClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *testClock) Sleep(ctx context.Context, d time.Duration) error {
	c.advance(d)
	return ctx.Err()
}

func (c *testClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}
