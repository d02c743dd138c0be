package measure

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"
)

// taskOf names the environment variable that makes a test program a child, which does a task
// and nothing else.
const taskOf = "FINAPI_MEASURE_TASK"

// Task is what a child does. What it returns is its report. A child should end when stdin
// does, because then its parent has ended.
type Task func(argument string, stdin io.Reader, report func(any) error) error

// Child does a task and ends the program, if that was started as a child. It belongs at the
// beginning of TestMain.
func Child(tasks map[string]Task) {
	name := os.Getenv(taskOf)
	if name == "" {
		return
	}
	err := fmt.Errorf("no task has the name %q", name)
	if task := tasks[name]; task != nil {
		err = task(os.Getenv(taskOf+"_ARGUMENT"), os.Stdin, json.NewEncoder(os.Stdout).Encode)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// Start starts the test program anew as a child, and decodes its report. The child runs until
// the benchmark ends.
func Start(tb testing.TB, task, argument string, report any) {
	tb.Helper()
	program, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), program) //nolint:gosec // this very program
	cmd.Env = append(os.Environ(), taskOf+"="+task, taskOf+"_ARGUMENT="+argument)
	cmd.Stderr = os.Stderr
	leash, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = leash.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, report)
	}
	if err != nil {
		tb.Fatalf("the child %s: %v", task, err)
	}
}
