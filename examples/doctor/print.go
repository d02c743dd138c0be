package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/finapi-go/finapi"
)

func (m *machine) print(v *visit) error {
	if v.opts.json {
		return v.json(m.stdout)
	}
	v.text(m.stdout)
	return nil
}

// text prints the findings for people.
func (v *visit) text(w io.Writer) {
	told := map[string]bool{} // what to do about a cause of skipping, said once
	for i := 0; i < len(v.findings); i++ {
		f := &v.findings[i]
		if i == 0 || f.Group != v.findings[i-1].Group {
			fmt.Fprintf(w, "\n%s\n", f.Group)
		}
		names := []string{f.Check}
		for ; i+1 < len(v.findings) && v.findings[i+1].sameSkip(f); i++ {
			names = append(names, v.findings[i+1].Check)
		}
		f.print(w, names, !told[f.because+f.Do])
		told[f.because+f.Do] = f.State == skipped
	}
	v.ending(w)
	v.markdown(w)
}

// sameSkip reports whether two checks of a group were skipped for one reason.
func (f *finding) sameSkip(other *finding) bool {
	return f.State == skipped && other.State == skipped && f.because == other.because && f.Group == other.Group
}

func (v *visit) heading(w io.Writer) {
	if v.sim != nil {
		fmt.Fprintln(w, "FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET are not set, so this examines a SIMULATED finAPI on this machine.")
	} else {
		fmt.Fprintf(w, "Examining finAPI's %s environment with the credentials of FINAPI_CLIENT_ID.\n", v.environment)
	}
	if v.opts.write {
		fmt.Fprintln(w, "-write: it makes a throw-away user and a form there, and deletes both at the end.")
	} else {
		fmt.Fprintln(w, "It only reads, because -write is not given.")
	}
}

// print tells a finding. What is fine takes one line; the rest also tells what it
// means and who has to do what.
func (f *finding) print(w io.Writer, names []string, advise bool) {
	name, lines := f.Check, wrap(f.Seen)
	if len(names) > 1 {
		name, lines = "", append(wrap(list(names)), wrap(f.Seen)...)
	}
	if f.State != fine && f.State != skipped {
		lines = append(lines, wrap(f.Means)...)
	}
	if f.State != fine && advise {
		lines = append(lines, wrap("> "+title(f.Who)+": "+f.Do)...)
	}
	mark := string(f.State)
	if f.State == failing {
		mark = "FAIL"
	}
	for _, line := range lines {
		if name == "" && mark == "" {
			fmt.Fprintf(w, "%33s%s\n", "", line)
			continue
		}
		fmt.Fprintf(w, "  %-7s  %-22s%s\n", mark, name, line)
		mark, name = "", ""
	}
}

func title(who finapi.Actor) string {
	switch who {
	case finapi.ActorVendor:
		return "You"
	case finapi.ActorCustomer:
		return "Your customer"
	case finapi.ActorBank:
		return "The bank"
	case nobody:
		return "Nobody"
	default:
		return string(who)
	}
}

func (v *visit) ending(w io.Writer) {
	fmt.Fprintf(w, "\n%d fail, %d warn, %d info, %d ok, %d skipped.\n",
		v.count(failing), v.count(warning), v.count(notice), v.count(fine), v.count(skipped))
	if v.count(failing)+v.count(warning) > 0 {
		fmt.Fprintln(w, "When you write to finAPI's support, name your client id and the environment. Never send the client secret.")
	}
	if v.sim != nil {
		fmt.Fprint(w, "\nOn the real service, this is what to paste into an issue of this SDK (docs/fidelity.md asks for it):\n\n")
		return
	}
	fmt.Fprint(w, "\nPaste this into an issue of this SDK; it answers what docs/fidelity.md leaves open:\n\n")
}

// json prints the findings for machines.
func (v *visit) json(w io.Writer) error {
	counts := map[state]int{}
	for _, s := range []state{fine, notice, warning, failing, skipped} {
		counts[s] = v.count(s)
	}
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(struct {
		Environment string        `json:"environment"`
		Simulated   bool          `json:"simulated"`
		Write       bool          `json:"write"`
		Date        string        `json:"date"`
		SDK         string        `json:"sdk"`
		Counts      map[state]int `json:"counts"`
		Findings    []finding     `json:"findings"`
		Answers     []answer      `json:"answers"`
	}{
		v.environment.String(), v.sim != nil, v.opts.write, v.today.Format("2006-01-02"), finapi.Version,
		counts, v.findings, v.answers(),
	})
}

const width = 96

// wrap breaks a text into lines.
func wrap(text string) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = "  "
		} else if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// clean makes a text of the server's fit for a terminal and a table.
func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
	const most = 200
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// cell keeps a text inside its cell of a Markdown table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "`", "'", "<", "&lt;", "@", "(at)").Replace(text)
}

func list(words []string) string { return strings.Join(words, ", ") }

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
