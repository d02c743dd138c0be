package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/finapi-go/finapi"
)

// indexName is the file that says what the others are. It marks a folder as a
// recording, too.
const indexName = "index.md"

const indexTitle = "# Recorded answers"

// index describes the recording.
func (p *product) index(cfg *config, s *script, versions string) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s of %s\n\n", indexTitle, origin(cfg.target))
	fmt.Fprintf(&out, "%s\n\n", indexIntroduction)
	fmt.Fprintf(&out, "| | |\n|---|---|\n| date | %s |\n| contract | %s |\n| recorded with | finapi-go %s |\n| steps | %d |\n\n",
		cfg.now.Format(time.DateOnly), versions, finapi.Version, s.steps)
	fmt.Fprint(&out, "## Answers\n\n| file | operation | status | step | times |\n|---|---|---|---|---|\n")
	for _, e := range p.entries {
		name := "`" + e.file + "`"
		if e.file == "" {
			name = "(" + e.note + ")"
		}
		fmt.Fprintf(&out, "| %s | %s | %d | %s | %d |\n", name, e.operation, e.status, e.step, e.times)
	}
	writeList(&out, "Headers of the answers", headerLines(s.capture.exchanges))
	writeList(&out, "Differences from the contract", p.differenceLines())
	writeList(&out, "Steps that failed", s.failures)
	return out.Bytes()
}

const indexIntroduction = "Written by `go run ./internal/record`; not to be edited. Secrets and personal data are replaced: equal values by equal ones, " +
	"in every file. Made up are texts, names, numbers, references, IBANs (with valid check digits) and ids (in their old order). " +
	"Amounts, dates, codes and finAPI's public directory of banks are as they came, and so are the literals of numbers, the order of " +
	"fields and nulls. Answers that were equal are kept once."

// indexBoilerplate is what an index says in any case.
func indexBoilerplate() string {
	return indexTitle + " of " + origin(&target{}) + " " + origin(&target{simulated: true}) + " " + indexIntroduction
}

func origin(t *target) string {
	if t.simulated {
		return "the simulator finapitest, which are not finAPI's"
	}
	return "finAPI's sandbox"
}

func writeList(out *bytes.Buffer, heading string, lines []string) {
	fmt.Fprintf(out, "\n## %s\n\n", heading)
	if len(lines) == 0 {
		fmt.Fprint(out, "None.\n")
	}
	for _, line := range lines {
		fmt.Fprintf(out, "- %s\n", line)
	}
}

var versionLine = regexp.MustCompile(`(?m)^  version: (\S+)`)

// contractVersions reads the versions of the API that the contract is of.
func contractVersions(dir string) (string, error) {
	var all []string
	for _, part := range []struct{ name, file string }{
		{"Access", "finapi-access-v2.yaml"}, {"Web Form", "finapi-webform-2.yaml"},
	} {
		data, err := os.ReadFile(filepath.Clean(filepath.Join(dir, part.file)))
		if err != nil {
			return "", err
		}
		version := "unknown"
		if match := versionLine.FindSubmatch(data); match != nil {
			version = string(match[1])
		}
		all = append(all, part.name+" "+version)
	}
	return strings.Join(all, ", "), nil
}
