package finapi_test

import (
	"os"
	"regexp"
	"testing"

	"github.com/finapi-go/finapi"
)

func TestEveryReasonAndEveryEvidenceHasItsWordsInBothLanguages(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("explain.go")
	must(t, err)
	constants := regexp.MustCompile(`\t\w+ +(Reason|EvidenceKind) = "(\w+)"`).FindAllStringSubmatch(string(source), -1)
	reasons, kinds := 0, 0
	for _, c := range constants {
		if c[1] == "Reason" {
			reasons++
			wantWords(t, c[2], finapi.Reason(c[2]).Text)
			continue
		}
		kinds++
		kind := finapi.EvidenceKind(c[2])
		if kind != finapi.EvidenceVanished {
			wantWords(t, c[2], finapi.Evidence{Kind: kind, Double: true}.Text)
		}
		if kind != finapi.EvidenceAdjusting && kind != finapi.EvidenceDiscarded { // whose silence proves nothing
			wantWords(t, c[2], finapi.Evidence{Kind: kind}.Text)
		}
	}
	if reasons != 16 || kinds != 8 {
		t.Errorf("found %d reasons and %d kinds of evidence, want 16 and 8", reasons, kinds)
	}
}

func wantWords(t *testing.T, of string, text func(finapi.Language) string) {
	t.Helper()
	english, german := text(finapi.English), text(finapi.German)
	if english == "" || german == "" || english == german || text(finapi.Czech) != english {
		t.Errorf("%s is %q in English, %q in German and %q in Czech", of, english, german, text(finapi.Czech))
	}
}
