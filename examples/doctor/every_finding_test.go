package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var updateFindings = flag.Bool("update", false, "write testdata/every_finding.txt anew")

const everyFindingIntro = `Every finding of doctor that the tests provoke, once, as people see it. Read it as someone who has
never seen the code: can you act on each line? A test writes this file; do not edit it:
go test ./examples/doctor -run EveryFinding -update

The tests name the hosts with -access-url and -web-form-url. Who does not is not told to check them.
`

// TestTheFileOfEveryFindingIsCurrent keeps the file in which a reviewer reads all
// that doctor can say.
func TestTheFileOfEveryFindingIsCurrent(t *testing.T) {
	t.Parallel()
	all := cases()
	found := make([][]finding, len(all)) // by case
	t.Run("provoked", func(t *testing.T) {
		for i, c := range all {
			t.Run(c.check+" "+string(c.state)+" "+c.name, func(t *testing.T) {
				t.Parallel()
				b := newBench(t, c.options...)
				c.run(t, b)
				found[i] = b.readable()
			})
		}
	})
	got := everyFinding(slices.Concat(found...))
	file := filepath.Join("testdata", "every_finding.txt")
	if *updateFindings {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("doctor says something else than %s; read what is new, then run this test with -update.\nNew:\n%s\nGone:\n%s",
			file, without(got, want), without(want, got))
	}
}

// without returns the lines of a text that another one does not have.
func without(text, other []byte) string {
	var lines strings.Builder
	for line := range strings.Lines(string(text)) {
		if !bytes.Contains(other, []byte(line)) {
			lines.WriteString(line)
		}
	}
	return lines.String()
}

// readable are the findings with what differs from run to run made equal.
func (b *bench) readable() []finding {
	_, host, _ := strings.Cut(b.access, "://")
	plain := strings.NewReplacer(
		b.access, "https://sandbox.finapi.io", host, "sandbox.finapi.io",
		b.sim.WebFormURL(), "https://webform-sandbox.finapi.io", strings.TrimPrefix(b.sim.WebFormURL(), "http://"), "webform-sandbox.finapi.io",
		b.sim.AccessURL(), "https://sandbox.finapi.io", strings.TrimPrefix(b.sim.AccessURL(), "http://"), "sandbox.finapi.io",
	)
	ids, seconds := regexp.MustCompile(`(finapi-go-|finapi-doctor-)[0-9A-Z]+`), regexp.MustCompile(`machine is \d\ds`)
	same := func(text string) string {
		return seconds.ReplaceAllString(ids.ReplaceAllString(plain.Replace(text), "${1}4711"), "machine is 45s")
	}
	all := slices.Clone(b.report.Findings)
	for i := range all {
		all[i].Seen, all[i].Means, all[i].Do = same(all[i].Seen), same(all[i].Means), same(all[i].Do)
	}
	return all
}

// everyFinding prints findings by check and state, each once. Those of skipped checks
// come at the end, once for each reason.
func everyFinding(all []finding) []byte {
	order := map[string]int{}
	for i, c := range checks() {
		order[c.name] = i
	}
	states := []state{fine, notice, warning, failing, skipped}
	slices.SortStableFunc(all, func(a, b finding) int {
		if (a.State == skipped) != (b.State == skipped) {
			return slices.Index(states, a.State) - slices.Index(states, b.State)
		}
		return cmp.Or(order[a.Check]-order[b.Check], slices.Index(states, a.State)-slices.Index(states, b.State))
	})
	var out bytes.Buffer
	out.WriteString(everyFindingIntro)
	told, group := map[finding]bool{}, ""
	for i := range all {
		f, heading := all[i], all[i].Group
		key, names := f, []string{f.Check}
		if f.State == skipped {
			heading, names = "Skipped", skippedBy(all, &f)
			key.Group, key.Check = "", ""
		}
		if told[key] {
			continue
		}
		told[key] = true
		if heading != group {
			fmt.Fprintf(&out, "\n%s\n", heading)
		}
		group = heading
		f.print(&out, names)
	}
	return out.Bytes()
}

// skippedBy names the checks that were skipped for the reason of f, in any run.
func skippedBy(all []finding, f *finding) []string {
	var names []string
	for i := range all {
		if all[i].Seen == f.Seen && all[i].Do == f.Do && !slices.Contains(names, all[i].Check) {
			names = append(names, all[i].Check)
		}
	}
	return names
}
