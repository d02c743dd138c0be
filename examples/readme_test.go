package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheTourInTheReadmeWorksAsWritten types the tour's program into a fresh
// module beside the clone and runs it twice, as the README says.
func TestTheTourInTheReadmeWorksAsWritten(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile(filepath.Join(root, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, found := strings.Cut(string(readme), "```go\n")
	program, _, closed := strings.Cut(rest, "\n```")
	if !found || !closed {
		t.Fatal("README.md has no Go program")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	command := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	command("go", "mod", "init", "tour")
	command("go", "mod", "edit", "-replace", "github.com/finapi-go/finapi="+root)
	command("go", "mod", "edit", "-replace", "github.com/finapi-go/finapi/sqlstore="+filepath.Join(root, "sqlstore"))
	command("go", "mod", "tidy")
	first, second := command("go", "run", "."), command("go", "run", ".")
	if strings.Count(first, "balance") != 3 || strings.Contains(first, "booked 0") {
		t.Errorf("the first run should book on three accounts:\n%s", first)
	}
	if strings.Count(second, "booked 0") != 3 {
		t.Errorf("the second run should book nothing:\n%s", second)
	}
}
