package finapi_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var rulesOff = flag.String("rules-off", "", "which rules of the feed to switch off, one at a time: all, or a part of their names; none by default")

// ruleOff switches a rule of the feed off by changing its source, and names the test that
// has to fail then.
type ruleOff struct {
	rule, file, was, is, test string
}

const (
	scenarioTest = "TestEveryPublicScenarioEndsInTheRightLedger"
	modelTest    = "TestWhateverHappensTheLedgerEndsLikeTheBank"
	coreTest     = "TestTheMatchingCoreDecides"
)

func rulesToSwitchOff() []ruleOff {
	return []ruleOff{
		{"a row is known by its id", "match.go", "if row == nil || !sameKind(row, &tx) {", "if true {", "TestAPlanShowsWhatASyncWouldDoAndDoesNothing"},
		{"parts of a split booking are none", "match.go", "if tx.Parent != 0 {", "if false {", coreTest},
		{"an id can show another booking", "match.go", "return all || m.prints[tx.ID] != row.Fingerprint && m.strays[stray{row.Fingerprint, tx.AdjustingEntry}]", "return false && all", scenarioTest},
		{"what finAPI made up is not the former booking of an id", "match.go", "m.strays[stray{mark, tx.AdjustingEntry}] = true", "m.strays[stray{mark, false}] = true", coreTest},
		{"a part of a split booking is not the former booking of an id", "match.go", "tx.Parent == 0 && (row == nil", "(row == nil", coreTest},
		{"an id is that of one row", "match.go", "for _, row := range rows[1:] {", "for _, row := range rows[:0] {", coreTest},
		{"an id is that of the row that it shows", "match.go", "case row.Fingerprint != m.prints[tx.ID]:", "case false:", coreTest},
		{"an id is that of a row of its kind", "match.go", "case !sameKind(row, tx):\n\t\treturn 1000", "case false:\n\t\treturn 1000", coreTest},
		{"what another booking displaced is gone", "match.go", "case m.displaced[row.UID]:\n\t\treturn gone", "case m.displaced[row.UID]:\n\t\treturn there", modelTest},
		{"coexistence beats resemblance", "match.go", "m.prints[row.ID] != \"\":\n\t\treturn there", "m.prints[row.ID] != \"\":\n\t\treturn gone", coreTest},
		{"absence needs proof", "match.go", "case fate == missing:\n\t\t\tm.ask(row.ID)", "case fate == missing:\n\t\t\tremoved = append(removed, m.removal(row))", coreTest},
		{"rows are paired one to one", "match.go", "delete(m.free, row.UID)\n\t\t\t\tm.say(verdict{kind: isRelinked", "m.say(verdict{kind: isRelinked", scenarioTest},
		{"references that differ are a veto", "match.go", "func agree(a, b string) bool { return a == \"\" || b == \"\" || a == b }", "func agree(a, b string) bool { return a != b || true }", coreTest},
		{"references that agree go first", "match.go", "{sameInAll, sameReferences, noVeto}", "{noVeto}", coreTest},
		{"a flagged row does not take the place of a vanished one unseen", "match.go", "if !tx.PotentialDuplicate || row.Transaction.PotentialDuplicate {", "if true {", coreTest},
		{"a row that may be an old one waits for proof", "match.go", "doubtful := m.free[row.UID] != nil", "doubtful := false && m.free[row.UID] != nil", coreTest},
		{"after an import, day and amount are enough", "match.go", "if e.reimported || m.massVanished() {", "if false {", modelTest},
		{"after an import, counts must agree", "match.go", "if len(rows) != open[key] {", "if false {", coreTest},
		{"a mass disappearance is not believed", "match.go", "return vanished >= 3 && vanished*2 > all", "return vanished > all", "TestAMassDisappearanceIsToldUntilItIsBelieved"},
		{"what finAPI flags is for a person", "match.go", "case tx.PotentialDuplicate:", "case false:", scenarioTest},
		{"what is like a vanished one is for a person", "match.go", "case len(vanished) > 0:", "case false:", coreTest},
		{"what was booked before the cut-over is recorded only", "match.go", "case tx.BookingDate.Before(m.cutOver):", "case false:", scenarioTest},
		{"adjusting entries are no bookings", "match.go", "case tx.AdjustingEntry:", "case false:", scenarioTest},
		{"a shorter history proves nothing about what is older", "match.go", "day.Before(oldest) ||", "", coreTest},
		{"another user's copy proves nothing", "match.go", "|| row.Source.User != m.source.User) {", ") {", "TestAnotherUsersOlderCopyRemovesNothing"},
		{"what was taken back does not come to life again", "match.go", "if row.State != RowRemoved {\n\t\t\tgroups", "if true {\n\t\t\tgroups", modelTest},
		{"a discarded double is not taken back once more", "match.go", "!row.State.delivered() && row.State != RowNoticed:", "false:", coreTest},
		{"fingerprints of an older version are made anew", "match.go", "if !strings.HasPrefix(row.Fingerprint, fingerprintVersion) {", "if strings.HasPrefix(\"\", \"x\") {", "TestAnUpgradeOfTheFingerprintDeliversNothingAgain"},
		{"what a person has decided is no suspicion", "match.go", "if row.Decision != nil && !material { // finAPI's suspicion is settled", "if false {", "TestADecisionCountsAlsoIfFinAPICannotBeTold"},
		{"a confirmed booking that became another one is suspected anew", "deliver.go", "settled := row.Decision != nil && !material", "settled := row.Decision != nil && material == material", "TestAConfirmedBookingWhoseIDShowsAnotherOneWaitsAgainIfThatIsFlagged"},
		{"a deleted double that the bank brings again is asked about", "match.go", "if row.State == RowRemoved && row.discarded()", "if false && row.discarded()", "TestADoubleThatFinAPIHasDeletedIsAskedAboutAgainWhenTheBankIsConnectedAnew"},
		{"what is flagged is not booked unseen, also behind the cut-over", "match.go", "v := verdict{kind: isBooked, tx: tx, reason: ReasonMoved}\n\tif tx.PotentialDuplicate {", "v := verdict{kind: isBooked, tx: tx, reason: ReasonMoved}\n\tif false {", "TestAFlaggedBookingThatTheBankMovesBehindTheCutOverIsForAPerson"},
		{"changes are told", "match.go", "case len(fields) == 0:", "case true:", scenarioTest},
		{"the amount is material", "match.go", "{fieldAmount, !was.Amount.Amount.Equal(is.Amount.Amount), true}", "{fieldAmount, !was.Amount.Amount.Equal(is.Amount.Amount), false}", "TestWhatTheBankChangedIsMaterialOrNot"},
		{"a look-up that finds other contents proves nothing", "dedupe.go", "s.facts.present[row.ID] = same && !changed[row.ID]", "s.facts.present[row.ID] = same", "TestAnIDThatShowsAnotherBookingIsNoProofThatTheOldOneIsThere"},
		{"after a conflict everything is looked at", "dedupe.go", "return PassSweep // ids have moved, and nobody knows how far", "return s.pass", "TestAfterAnIdentityConflictTheWholeHistoryIsLookedAt"},
		{"a listing that moved is not complete", "dedupe.go", "s.facts.complete = s.facts.complete && s.shortfall == nil", "_ = s.facts.complete", "TestWhileTheAccountIsNotAtRestNothingIsRemovedAndTheMarkStays"},
		{"the mark moves after a whole reading only", "deliver.go", "if s.shortfall == nil {\n\t\ts.advance(&mark)\n\t}", "s.advance(&mark)", "TestWhileTheAccountIsNotAtRestNothingIsRemovedAndTheMarkStays"},
	}
}

// Each rule of the feed is switched off in a copy of its file, and the named test is run
// with it. It takes some seconds for each, so an ordinary run does without:
//
//	go test -run TestEachRuleOfTheFeedIsHeldByATest -rules-off=all .
func TestEachRuleOfTheFeedIsHeldByATest(t *testing.T) {
	t.Parallel()
	for _, off := range rulesToSwitchOff() {
		t.Run(off.rule, func(t *testing.T) {
			overlay := off.overlay(t)
			if *rulesOff == "" || *rulesOff != "all" && !strings.Contains(off.rule, *rulesOff) {
				return // that the rule is where it is said to be was checked
			}
			command := exec.CommandContext(t.Context(), "go", "test", "-overlay", overlay, "-run", "^"+off.test+"$", ".")
			out, err := command.CombinedOutput()
			switch {
			case err == nil:
				t.Errorf("without the rule, %s passes", off.test)
			case !strings.Contains(string(out), "--- FAIL: "+off.test):
				t.Errorf("without the rule, %s does not fail as a test does:\n%s", off.test, out)
			default:
				t.Logf("%s fails without it", off.test)
			}
		})
	}
}

// overlay writes the changed file and tells the go command to take it.
func (o *ruleOff) overlay(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile(o.file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), o.was); n != 1 {
		t.Fatalf("%s holds %d times, want once:\n%s", o.file, n, o.was)
	}
	dir := t.TempDir()
	changed := filepath.Join(dir, o.file)
	if err := os.WriteFile(changed, []byte(strings.Replace(string(source), o.was, o.is, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	here, err := filepath.Abs(o.file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]any{"Replace": map[string]string{here: changed}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
