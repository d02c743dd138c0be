package finapi

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// sentRequest is a request of the model that is under way.
type sentRequest struct {
	at    time.Time
	probe int // its number; 0 for none
}

// circuitModel is a circuit beside a diary of all that happened to it. What must be so is
// worked out from the diary anew each time, without any state of its own.
type circuitModel struct {
	t        *rapid.T
	limits   Circuit
	circuit  *breaker
	now      time.Time
	underWay []sentRequest
	diary    []ending
	open     bool
	probe    int       // the number of the one that an open circuit has let through; 0 for none
	pauses   int       // in a row
	until    time.Time // as the refusals told
}

// ending is how a request ended that counts: one that was let through, or that was sent
// and ended while the circuit was closed, or that was answered.
type ending struct {
	sent, at time.Time
	answered bool
}

func drawCircuit(t *rapid.T) Circuit {
	base := time.Duration(rapid.IntRange(1, 5000).Draw(t, "base")) * time.Millisecond
	return Circuit{
		Failures: rapid.IntRange(1, 6).Draw(t, "failures"),
		Lasting:  time.Duration(rapid.IntRange(0, 20).Draw(t, "lasting")) * time.Second,
		Base:     base,
		Max:      base * time.Duration(rapid.IntRange(1, 20).Draw(t, "max")),
	}
}

// run is the end of the diary without an answer: how many failures, and since when there
// was no answer.
func (m *circuitModel) run() (failures int, since time.Time) {
	last := -1
	for i, e := range m.diary {
		if e.answered {
			last = i
		}
	}
	row := m.diary[last+1:]
	if len(row) == 0 {
		return 0, time.Time{}
	}
	since = row[0].sent
	if last >= 0 && m.diary[last].at.After(since) {
		since = m.diary[last].at
	}
	return len(row), since
}

func (m *circuitModel) send() {
	probe, down := m.circuit.enter(m.now)
	switch {
	case !m.open && (probe > 0 || down != nil):
		m.t.Fatalf("a closed circuit gave probe %d, refusal %+v", probe, down)
	case m.open && (m.probe > 0 || m.now.Before(m.until)) != (down != nil):
		m.t.Fatalf("an open circuit with %v to go, probe %d, gave the refusal %+v", m.until.Sub(m.now), m.probe, down)
	}
	if down == nil {
		m.probe = probe
		m.underWay = append(m.underWay, sentRequest{at: m.now, probe: probe})
		return
	}
	if _, since := m.run(); !down.since.Equal(since) {
		m.t.Fatalf("down since %v, want %v", down.since, since)
	}
	if down.left <= 0 {
		m.t.Fatalf("refused for another %v", down.left)
	}
}

// end ends one of the requests, and checks what that makes of the circuit.
func (m *circuitModel) end(outcome error) {
	if len(m.underWay) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.underWay)-1).Draw(m.t, "which")
	r := m.underWay[i]
	m.underWay = slices.Delete(m.underWay, i, i+1)
	changed := m.circuit.leave(r.probe, sender{}, r.at, m.now, outcome)
	probed := r.probe > 0 && r.probe == m.probe
	was, counts := m.open, probed || !m.open
	if probed {
		m.probe = 0
	}
	var e *Error
	switch {
	case outcome == nil:
		m.diary = append(m.diary, ending{r.at, m.now, true})
		m.open, m.pauses, m.probe = false, 0, 0
	case errors.As(outcome, &e) && counts:
		m.diary = append(m.diary, ending{r.at, m.now, false})
		failures, since := m.run()
		if probed || failures >= m.limits.Failures && m.now.Sub(since) >= m.limits.Lasting {
			m.open = true
			m.pauses++
			m.paused(e.RetryAfter)
		}
	}
	if changed != (was != m.open) {
		m.t.Fatalf("open was %v and is %v, but changed is %v", was, m.open, changed)
	}
}

// paused checks the pause that has just begun.
func (m *circuitModel) paused(asked time.Duration) {
	down := m.circuit.state(m.now)
	if down == nil {
		m.t.Fatalf("the circuit did not open")
		return
	}
	m.until = m.now.Add(down.left)
	usual := min(m.limits.Base<<(m.pauses-1), m.limits.Max)
	if m.pauses > 30 {
		usual = m.limits.Max
	}
	least, most := max(usual/2, asked), max(min(usual*3/2+1, m.limits.Max), asked)
	if down.left < least || down.left > most {
		m.t.Fatalf("pause %d takes %v, want %v to %v", m.pauses, down.left, least, most)
	}
}

func TestWhateverHappensACircuitFollowsItsRules(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limits := drawCircuit(t)
		m := &circuitModel{t: t, limits: limits, circuit: newBreaker(limits), now: time.Unix(1_795_000_000, 0)}
		t.Repeat(map[string]func(*rapid.T){
			"send":    func(*rapid.T) { m.send() },
			"answer":  func(*rapid.T) { m.end(nil) },
			"give up": func(*rapid.T) { m.end(context.Canceled) },
			"fail": func(t *rapid.T) {
				asked := time.Duration(rapid.SampledFrom([]int{0, 0, 0, 90}).Draw(t, "asked")) * time.Second
				m.end(&Error{Status: 503, RetryAfter: asked})
			},
			"wait": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(1, 30_000).Draw(t, "ms")) * time.Millisecond)
			},
			"": func(t *rapid.T) {
				if open := m.circuit.open; open != m.open {
					t.Fatalf("open is %v, want %v", open, m.open)
				}
				let := slices.IndexFunc(m.underWay, func(r sentRequest) bool { return m.probe > 0 && r.probe == m.probe })
				if m.probe > 0 && let < 0 {
					t.Fatalf("probe %d is not under way", m.probe)
				}
			},
		})
	})
}

func TestAClockThatIsSetBackDoesNotKeepACircuitOpen(t *testing.T) {
	t.Parallel()
	b, now := newBreaker(Circuit{Failures: 1, Base: time.Second, Max: time.Second}), time.Now()
	b.leave(0, sender{}, now, now, &Error{Code: CodeHTTP, Status: 503})
	if b.state(now) == nil || b.state(now.Add(-24*time.Hour)) != nil {
		t.Errorf("down now: %+v; down a day before: %+v", b.state(now), b.state(now.Add(-24*time.Hour)))
	}
}

func TestWhoWaitsForTheRateLearnsThatTheHostIsDown(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	turns := newTurns(&settings{clock: systemClock{}, inFlight: 1, every: time.Hour})
	turns.next = time.Now().Add(time.Hour)
	if err := turns.take(t.Context(), func() error { return down }); !errors.Is(err, down) {
		t.Errorf("got %v, want the refusal", err)
	}
	if len(turns.slots) != 0 || len(turns.gate) != 0 {
		t.Error("a turn was kept")
	}
}

func TestOnlyWhatSpeaksOfTheHostCountsAgainstIt(t *testing.T) {
	t.Parallel()
	failed := []error{
		&Error{Code: CodeNetwork}, &Error{Code: CodeNetwork, Status: 200}, &Error{Code: CodeBadCertificate}, &Error{Code: CodeHTTP, Status: 502},
		&Error{Code: CodeHTTP, Status: 503}, &Error{Code: CodeUnexpected, Status: 504},
	}
	answered := []error{
		nil, &Error{Code: CodeInvalidToken, Status: 401}, &Error{Code: CodeHTTP, Status: 429, RetryAfter: time.Minute},
		&Error{Code: CodeUnexpected, Status: 500}, &Error{Code: CodeUnknownEntity, Status: 404}, &Error{Code: CodeUnreadable, Status: 200},
		&Error{Code: CodeRedirected, Status: 302}, &Error{Code: CodeBankServerRejection, Status: 422}, &Error{Code: CodeLocked, Status: 423},
	}
	silent := []error{context.Canceled, context.DeadlineExceeded, invalid("id", "does not fit into a URL"), errUnfinished}
	for want, outcomes := range map[hostSign][]error{hostFailed: failed, hostAnswered: answered, saysNothing: silent} {
		for _, outcome := range outcomes {
			if got := judge(outcome); got != want {
				t.Errorf("%v is judged as %d, want %d", outcome, got, want)
			}
		}
	}
}
