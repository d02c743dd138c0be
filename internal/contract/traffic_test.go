package contract_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	. "github.com/finapi-go/finapi/internal/contract"
	"github.com/finapi-go/finapi/internal/pgtest"
)

// suites are the modules whose tests are run, with the fewest exchanges that
// each of them must log, and the fewest different lines that its clients must say: a hook that is lost must not pass for silence.
var suites = []struct {
	dir                     string
	stubs, simulator, lines int
}{
	{root, 1000, 1000, 500},
	{root + "/sqlstore", 0, 200, 50},
	{fleet, 0, 400, 20},
	{root + "/otel", 0, 40, 20},
	// The examples make their clients as an ERP does, so that nobody listens; what they print is searched as output.
	{root + "/examples", 0, 40, 0},
}

// fleet is a module whose tests all need PostgreSQL and are skipped without it.
const fleet = root + "/fleet"

// run is what the tests of one or more modules did.
type run struct {
	exchanges []*Exchange
	// said is what the SDK logged, and all its errors; see internal/capture.
	said []byte
	// output is what the tests themselves printed.
	output []byte
}

// traffic runs the test suites once and returns what they sent, got and said.
var traffic = sync.OnceValues(func() (run, error) {
	var all run
	var group sync.WaitGroup
	found, failures := make([]run, len(suites)), make([]error, len(suites))
	for i, suite := range suites {
		group.Go(func() { found[i], failures[i] = trafficOf(suite.dir) })
	}
	group.Wait()
	for i, suite := range suites {
		if suite.dir == fleet && !pgtest.Installed() {
			suite.simulator, suite.lines = 0, 0
		}
		counts := map[string]int{}
		for _, e := range found[i].exchanges {
			counts[e.Source]++
		}
		if failures[i] == nil && (counts["stub"] < suite.stubs || counts["simulator"] < suite.simulator) {
			failures[i] = fmt.Errorf("the tests of %s logged %v exchanges, at least %d of stubs and %d of simulators were expected: a hook is gone",
				suite.dir, counts, suite.stubs, suite.simulator)
		}
		if n := bytes.Count(found[i].said, []byte("\n")); failures[i] == nil && n < suite.lines {
			failures[i] = fmt.Errorf("the clients in the tests of %s said %d different lines, at least %d were expected: nobody listens", suite.dir, n, suite.lines)
		}
		all.exchanges = append(all.exchanges, found[i].exchanges...)
		all.said = append(all.said, found[i].said...)
		all.output = append(all.output, found[i].output...)
	}
	return all, errors.Join(failures...)
})

func trafficOf(dir string, arguments ...string) (run, error) {
	log, err := os.MkdirTemp("", "finapi-traffic-")
	if err != nil {
		return run{}, err
	}
	defer func() { _ = os.RemoveAll(log) }()
	if len(arguments) == 0 {
		arguments = []string{"./..."}
	}
	command := exec.Command("go", append([]string{"test", "-v", "-count=1", "-vet=off", "-timeout=30m"}, arguments...)...)
	command.Dir = dir
	command.Env = append(os.Environ(), TrafficVariable+"="+log)
	var all run
	if all.output, err = command.CombinedOutput(); err != nil {
		return run{}, fmt.Errorf("the tests of %s fail, so that their traffic says nothing: %w\n%s", dir, err, tail(string(all.output), 40))
	}
	if err = ReadTraffic(log, func(e *Exchange) { all.exchanges = append(all.exchanges, e) }); err != nil {
		return run{}, err
	}
	files, err := filepath.Glob(filepath.Join(log, "said-*.txt"))
	if err != nil {
		return run{}, err
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			return run{}, err
		}
		all.said = append(all.said, Distinct(data)...)
	}
	return all, nil
}

var passed = regexp.MustCompile(`(?m)^\s*(=== |--- PASS).*\n`)

// tail returns the last lines that do not only tell that a test ran or passed.
func tail(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(passed.ReplaceAllString(text, "")), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func theTraffic(tb testing.TB) run {
	tb.Helper()
	all, err := traffic()
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// exception is traffic that may leave the contract. Each must occur, so that
// none outlives its reason.
type exception struct {
	name, reason string
	fits         func(e *Exchange, v Violation) bool
	// schemas are what the body of the answer must conform to instead, any of
	// them; none for exceptions of requests.
	schemas []string
}

func exceptions() []exception {
	const unknownStatus, unknownOperation = "the contract does not declare the status", "the contract has no such operation"
	status := func(status int, problem string) func(*Exchange, Violation) bool {
		return func(e *Exchange, v Violation) bool {
			return e.Source == "simulator" && e.Status == status && v.Problem == problem
		}
	}
	accessErrors, anyErrors := []string{"ErrorMessage"}, []string{"ErrorMessage", "Error", "ValidationError"}
	return []exception{
		{
			"400 at the token endpoint in the shape of OAuth",
			"what finAPI answers there is not settled (see testdata/README.md); the simulator takes the shape of its 401",
			func(e *Exchange, v Violation) bool {
				return e.Path == "/api/v2/oauth/token" && v.Part == "answer 400 body"
			},
			[]string{"BadCredentialsError"},
		},
		{
			"405 for a known path with another method", "in no document; every server knows it",
			status(http.StatusMethodNotAllowed, unknownOperation), anyErrors,
		},
		{
			"404 for a path that the contract does not have", "in no document; every server knows it",
			status(http.StatusNotFound, unknownOperation), anyErrors,
		},
		{
			"422 for direct imports and updates",
			"finAPI has them, but not for clients without a licence; the simulator refuses them as seen on the sandbox",
			func(e *Exchange, v Violation) bool {
				direct := e.Path == "/api/v2/bankConnections/import" || e.Path == "/api/v2/bankConnections/update"
				return direct && e.Status == http.StatusUnprocessableEntity && v.Problem == unknownOperation
			},
			accessErrors,
		},
		{
			"400 for a request id that is too long",
			"documented for every operation, though some do not declare a 400",
			func(e *Exchange, v Violation) bool {
				return len(e.Header.Get("X-Request-Id")) > 255 && e.Status == http.StatusBadRequest && v.Problem == unknownStatus
			},
			accessErrors,
		},
		{
			"415 for a body of another content type", "the code UNSUPPORTED_MEDIA_TYPE is known, but no operation declares the status",
			status(http.StatusUnsupportedMediaType, unknownStatus), anyErrors,
		},
		{
			"callbacks to an address without https", "finAPI wants https; a test that receives callbacks listens on loopback",
			func(e *Exchange, v Violation) bool {
				return e.Source == "simulator" && v.Part == "request body" && strings.HasPrefix(v.Pointer, "/callbacks/") &&
					bytes.Contains(e.Body, []byte("http://127.0.0.1:"))
			},
			nil,
		},
		{
			"ids in one parameter, separated by commas",
			"finAPI's text describes it, the contract has repeated parameters; the simulator takes both, the SDK repeats",
			func(e *Exchange, v Violation) bool {
				return e.Source == "simulator" && v.Part == "request query" && v.Pointer == "ids/0" &&
					strings.Contains(e.Query, "ids=280002,9000117")
			},
			nil,
		},
	}
}

// api reports whether the exchange belongs to finAPI's API. The Web Form host
// serves the customer's pages, too.
func api(e *Exchange) bool { return strings.HasPrefix(e.Path, "/api/") }

// judgement gathers what the traffic did.
type judgement struct {
	contract   *Contract
	requests   int // requests that were held against the contract
	answers    int
	refused    int // requests that the simulator refused
	intercepts int // answers that tests gave themselves
	pages      int // requests for the customer's pages
	operations map[string]bool
	violations map[string]*violationGroup
	verdicts   map[[sha256.Size]byte]verdict // of requests that were judged before
}

type verdict struct {
	operation  *Operation
	violations []Violation
}

// request judges a request. Many tests send the same again and again.
func (j *judgement) request(e *Exchange) (*Operation, []Violation) {
	key := e.Header.Clone()
	key.Del("X-Request-Id")
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q %v %v %q", e.Host, e.Method, e.Path, e.Query, key, len(e.Header.Get("X-Request-Id")), e.Body))
	v, ok := j.verdicts[digest]
	if !ok {
		v.operation, v.violations = j.contract.CheckRequest(e.Request())
		j.verdicts[digest] = v
	}
	return v.operation, v.violations
}

// violationGroup is a violation with the exchanges that have it.
type violationGroup struct {
	violation Violation
	exchanges []*Exchange
}

func newJudgement(contract *Contract) *judgement {
	return &judgement{contract: contract, operations: map[string]bool{}, violations: map[string]*violationGroup{}, verdicts: map[[sha256.Size]byte]verdict{}}
}

func (j *judgement) judge(e *Exchange) error {
	if !api(e) {
		j.pages++
		return nil
	}
	if e.Truncated {
		return fmt.Errorf("%s %s: a body is too long for the traffic log, so that it cannot be judged", e.Method, e.Path)
	}
	o, violations := j.request(e)
	switch {
	case e.Source == "stub", !e.Intercepted && e.Status/100 == 2:
		j.requests++
		j.note(e, violations)
	case e.Intercepted: // an answer that a test made up says nothing about the request
	default:
		j.refused++
	}
	if o != nil {
		j.operations[o.String()] = true
	}
	if e.Source == "stub" {
		return nil
	}
	if e.Intercepted {
		j.intercepts++
		return nil
	}
	j.answers++
	if o == nil {
		j.note(e, []Violation{{e.Method + " " + e.Path, fmt.Sprintf("answer %d", e.Status), "", "the contract has no such operation"}})
		return nil
	}
	response, err := e.Response()
	if err != nil {
		return fmt.Errorf("%s: the answer cannot be unpacked: %w", o, err)
	}
	j.note(e, j.contract.CheckResponse(o, response, Strict))
	return nil
}

func (j *judgement) note(e *Exchange, violations []Violation) {
	for _, v := range violations {
		key := v.String()
		if j.violations[key] == nil {
			j.violations[key] = &violationGroup{violation: v}
		}
		j.violations[key].exchanges = append(j.violations[key].exchanges, e)
	}
}

// unexcused returns the violations that no exception covers, and notes which
// exceptions were needed.
func (j *judgement) unexcused(allowed []exception) (bad []*violationGroup, used map[string]int) {
	used = map[string]int{}
	for _, group := range j.violations {
		left := violationGroup{violation: group.violation}
		for _, e := range group.exchanges {
			i := slices.IndexFunc(allowed, func(x exception) bool { return x.fits(e, group.violation) })
			if i < 0 {
				left.exchanges = append(left.exchanges, e)
				continue
			}
			used[allowed[i].name]++
			if problem := j.instead(&allowed[i], e); problem != "" {
				group.violation.Problem = problem
				left.violation = group.violation
				left.exchanges = append(left.exchanges, e)
			}
		}
		if len(left.exchanges) > 0 {
			bad = append(bad, &left)
		}
	}
	slices.SortFunc(bad, func(a, b *violationGroup) int { return strings.Compare(a.violation.String(), b.violation.String()) })
	return bad, used
}

// instead judges the answer by the schemas that an exception names.
func (j *judgement) instead(x *exception, e *Exchange) (problem string) {
	if len(x.schemas) == 0 {
		return ""
	}
	response, err := e.Response()
	if err != nil {
		return err.Error()
	}
	for _, schema := range x.schemas {
		violations := j.contract.CheckSchema(e.Request().Host, schema, response.Body, Strict)
		if len(violations) == 0 {
			return ""
		}
		problem = fmt.Sprintf("and not even %s fits: %v", schema, violations[0])
	}
	return problem
}

func (g *violationGroup) String() string {
	e := g.exchanges[0]
	return fmt.Sprintf("%v\n\t%d times, first: %s %s?%s (%s) body %.300q, answer %d %.300q",
		g.violation, len(g.exchanges), e.Method, e.Path, e.Query, e.Source, e.Body, e.Status, e.AnswerBody)
}

func TestTheTrafficOfAllTestsKeepsTheContract(t *testing.T) {
	t.Parallel()
	start := time.Now()
	all := theTraffic(t).exchanges
	ran := time.Since(start)
	j := newJudgement(theContract(t))
	for _, e := range all {
		if err := j.judge(e); err != nil {
			t.Error(err)
		}
	}
	bad, used := j.unexcused(exceptions())
	for _, group := range bad {
		t.Errorf("traffic leaves the contract: %v", group)
	}
	for _, x := range exceptions() {
		if used[x.name] == 0 {
			t.Errorf("the exception %q (%s) was not needed, so it has to go", x.name, x.reason)
		}
		t.Logf("exception: %4d times: %s: %s", used[x.name], x.name, x.reason)
	}
	if j.intercepts == 0 || j.pages == 0 || j.refused == 0 {
		t.Errorf("%d answers of tests' own, %d requests for pages and %d refused requests: one kind is missing, so the log is not whole", j.intercepts, j.pages, j.refused)
	}
	t.Logf("%d exchanges of %d operations: %d requests and %d answers were held against the contract; %d requests were refused by the simulator, "+
		"%d answers are a test's own, %d requests were for the customer's pages; the suites ran %v, judging took %v",
		len(all), len(j.operations), j.requests, j.answers, j.refused, j.intercepts, j.pages, ran, time.Since(start)-ran)
	for _, o := range j.contract.Operations() {
		if o.Tier == "core" && !j.operations[o.String()] {
			t.Logf("no test of any suite sends %s", o)
		}
	}
}
