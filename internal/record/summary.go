package main

import (
	"fmt"
	"slices"
)

// summary tells the person how it went and returns the exit status.
func (p *product) summary(cfg *config, s *script) int {
	out := cfg.out
	fmt.Fprintf(out, "%d steps, %d requests, %d files in %s; none holds one of %d secrets\n",
		s.steps, len(s.capture.exchanges), len(p.files), cfg.dir, p.secrets)
	printList(cfg, "steps that failed", s.failures)
	printList(cfg, "differences from the contract", p.differenceLines())
	news := slices.ContainsFunc(p.differences, func(d difference) bool { return !d.known })
	if s.remains || news || len(s.failures) > 0 {
		return exitLook
	}
	return exitGood
}

func printList(cfg *config, heading string, lines []string) {
	fmt.Fprintf(cfg.out, "\n%s: %d\n", heading, len(lines))
	for _, line := range lines {
		fmt.Fprintln(cfg.out, " ", line)
	}
}

func (p *product) differenceLines() []string {
	lines := make([]string, 0, len(p.differences))
	for _, d := range p.differences {
		note := ""
		if d.known {
			note = "known: "
		}
		lines = append(lines, fmt.Sprintf("%s%s: %s (%d times, first in the step %q)", note, d.where, d.what, d.times, d.step))
	}
	return lines
}
