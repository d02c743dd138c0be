package main

import (
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/finapi-go/finapi/finapitest"
)

func TestTheNumbersInTheTextAddUp(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.sim.EditClient(func(c *finapitest.ClientSettings) { c.WebForm = false })
	b.run(t.Context(), "-bank", "no such bank")
	lines := map[string]int{} // checks by state, as the lines tell them
	for _, line := range regexp.MustCompile(`(?m)^  (FAIL|warn|info|ok|skipped) +(\d+ checks)?`).FindAllStringSubmatch(b.stdout.String(), -1) {
		n := 1
		if line[2] != "" {
			n, _ = strconv.Atoi(strings.TrimSuffix(line[2], " checks"))
		}
		lines[line[1]] += n
	}
	want := "36 checks: 2 fail, 0 warn, 2 info, 19 ok, 13 skipped."
	if !strings.Contains(b.stdout.String(), "\n"+want+"\n") {
		t.Errorf("the summary is not %q:\n%s", want, b.stdout.String())
	}
	for mark, n := range map[string]int{"FAIL": 2, "warn": 0, "info": 2, "ok": 19, "skipped": 13} {
		if lines[mark] != n {
			t.Errorf("the lines tell of %d %s, the summary of %d:\n%s", lines[mark], mark, n, b.stdout.String())
		}
	}
}

func TestTheTextTellsTheMeaningOfEveryFinding(t *testing.T) {
	t.Parallel()
	text, asJSON := newBench(t), newBench(t)
	text.run(t.Context(), "-write")
	asJSON.examine(t, "-write")
	words := strings.Join(strings.Fields(text.stdout.String()), " ")
	for _, f := range asJSON.report.Findings {
		if !strings.Contains(words, f.Means) {
			t.Errorf("%s: the text does not say %q", f.Check, f.Means)
		}
	}
}

func TestTheHeadingTellsThatFinAPIMayCountTheThrowAwayUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want bool
	}{{nil, false}, {[]string{"-write"}, true}} {
		b := newBench(t)
		b.run(t.Context(), c.args...)
		heading, _, _ := strings.Cut(b.stdout.String(), "\n\n")
		if got := strings.Contains(heading, "finAPI may count this one"); got != c.want {
			t.Errorf("%v: told %v, want %v:\n%s", c.args, got, c.want, heading)
		}
	}
	b := newBench(t)
	b.run(t.Context(), "-h")
	if !strings.Contains(b.stderr.String(), "finAPI may count this one") {
		t.Errorf("the help does not tell it:\n%s", b.stderr.String())
	}
}

func TestARunInTheSandboxTellsThatLiveIsNotExamined(t *testing.T) {
	t.Parallel()
	for environment, want := range map[string]bool{"sandbox": true, "live": false} {
		b := newBench(t)
		b.env["FINAPI_ENV"] = environment
		b.run(t.Context())
		if got := strings.Contains(b.stdout.String(), "run doctor there, too"); got != want {
			t.Errorf("%s: told %v, want %v:\n%s", environment, got, want, b.stdout.String())
		}
	}
}

func TestABankThatNobodyNamedIsToldFromOneThatWasNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		want bool
	}{{nil, true}, {[]string{"-bank", "amnis"}, false}} {
		b := newBench(t, world(bankWith(20)))
		b.run(t.Context(), c.args...)
		words := strings.Join(strings.Fields(b.stdout.String()), " ")
		if got := strings.Contains(words, "If amnis is no bank of your customers, name another with -bank."); got != c.want {
			t.Errorf("%v: told %v, want %v:\n%s", c.args, got, c.want, b.stdout.String())
		}
	}
}
