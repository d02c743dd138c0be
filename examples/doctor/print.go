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
		if v.sim != nil {
			fmt.Fprintln(m.stderr, "doctor: this was a simulation. "+forReal)
		}
		return v.json(m.stdout)
	}
	v.text(m.stdout)
	return nil
}

// text prints the findings for people.
func (v *visit) text(w io.Writer) {
	simulated := ""
	if v.sim != nil {
		simulated = " (SIMULATED)"
	}
	for i := 0; i < len(v.findings); i++ {
		f := &v.findings[i]
		if i == 0 || f.Group != v.findings[i-1].Group {
			fmt.Fprintf(w, "\n%s%s\n", f.Group, simulated)
		}
		names := []string{f.Check}
		for ; i+1 < len(v.findings) && v.findings[i+1].sameSkip(f); i++ {
			names = append(names, v.findings[i+1].Check)
		}
		f.print(w, names)
	}
	v.ending(w)
}

// sameSkip reports whether two checks of a group were skipped for one reason.
func (f *finding) sameSkip(other *finding) bool {
	return f.State == skipped && other.State == skipped && f.Seen == other.Seen && f.Do == other.Do && f.Group == other.Group
}

func (v *visit) heading(w io.Writer) {
	if v.sim != nil {
		fmt.Fprintln(w, "SIMULATION. FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET are not set, so this examines a made-up finAPI on\n"+
			"this machine. The lines show what would be said of a client like that one. None is about your client or your\n"+
			"contract with finAPI. The only thing to do is said at the end.")
	} else {
		fmt.Fprintf(w, "Examining finAPI's %s environment with the credentials of FINAPI_CLIENT_ID.\n", v.environment)
	}
	switch {
	case v.opts.write && v.sim != nil:
		fmt.Fprintln(w, "-write: it makes a throw-away user and a form in the simulation, and deletes both at the end.")
	case v.opts.write:
		fmt.Fprintln(w, "-write: it makes a throw-away user and a form there, and deletes both at the end.\n"+countsUsers)
	default:
		fmt.Fprintln(w, "It only reads, because -write is not given.")
	}
}

// print tells a finding: what was seen, what it means and, unless all is well, who
// has to do what. Checks that were skipped for one reason are told together.
func (f *finding) print(w io.Writer, names []string) {
	name, lines := f.Check, wrap(f.Seen)
	if len(names) > 1 {
		name, lines = fmt.Sprintf("%d checks", len(names)), append(wrap(list(names)), lines...)
	}
	if f.State != skipped {
		lines = append(lines, wrap(f.Means)...)
	}
	if f.State != fine {
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
	mark := ""
	if v.sim != nil {
		mark = "SIMULATION, not your client: "
	}
	fmt.Fprintf(w, "\n%s%d checks: %d fail, %d warn, %d info, %d ok, %d skipped.\n", mark, len(v.findings),
		v.count(failing), v.count(warning), v.count(notice), v.count(fine), v.count(skipped))
	fmt.Fprintln(w, legend)
	if v.sim != nil {
		v.sample(w)
		fmt.Fprintf(w, "\n> %s\n", forReal)
		return
	}
	if v.environment == finapi.Sandbox {
		fmt.Fprintln(w, "This was the sandbox. Live has a client, settings and a list of banks of its own: run doctor there, too, before\ncustomers come.")
	}
	fmt.Fprintln(w, "finAPI's support is whom finAPI has named to you. Tell them your client id and the environment, but never\nthe client secret.")
	fmt.Fprint(w, "\nPaste this into an issue at github.com/finapi-go/finapi/issues: it answers what the makers of this SDK\n"+
		"could not try (docs/fidelity.md). It holds no secret and nothing personal.\n\n")
	v.markdown(w)
}

// forReal is what to do after a simulated run.
const forReal = "You: Set FINAPI_CLIENT_ID and FINAPI_CLIENT_SECRET to what finAPI sent you, and FINAPI_ENV to sandbox or live, whichever\n" +
	"they are for. Then run doctor again. If you have set them, check how the names are spelt: doctor found none of them.\n" +
	"Because nothing real was examined, the exit code is not 0."

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
		v.where(), v.sim != nil, v.opts.write, v.today.Format("2006-01-02"), finapi.Version,
		counts, v.findings, v.answers(),
	})
}

const width = 84

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
