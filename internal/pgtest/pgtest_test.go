//go:build unix

package pgtest

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

func (s *Server) query(t *testing.T, database, text string) string {
	t.Helper()
	out, err := s.command("psql", "--no-psqlrc", "--tuples-only", "--no-align", "--command", text, database).CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return string(bytes.TrimSpace(out))
}

func TestEachTestHasADatabaseOfItsOwn(t *testing.T) {
	s := Server{Settings: []string{"fsync = off"}}
	defer s.Around(nothing{}).Run()
	one, two := s.Database(t), s.Database(t)
	s.query(t, one, `CREATE TABLE journal (uid text)`)
	s.query(t, two, `CREATE TABLE journal (uid text)`)
	if got := s.query(t, two, `SELECT count(*) FROM journal`); got != "0" {
		t.Errorf("got %s rows, want an empty table", got)
	}
	if got := s.query(t, one, `SHOW fsync`); got != "off" {
		t.Errorf("fsync is %s, want off as in the settings", got)
	}
}

func TestTheServerEndsWithTheTests(t *testing.T) {
	var s Server
	one := s.Database(t)
	if got := s.query(t, one, `SHOW fsync`); got != "on" {
		t.Errorf("fsync is %s, want on by itself", got)
	}
	if code := s.Around(failing{}).Run(); code != 1 {
		t.Errorf("got the code %d, want that of the tests", code)
	}
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server's directory is still there: %v", err)
	}
}

// killedSelf is set for a test program that has to die without an end.
const killedSelf = "PGTEST_KILL_SELF"

func TestTheServerEndsIfTheTestProgramIsKilled(t *testing.T) {
	if os.Getenv(killedSelf) != "" {
		var s Server
		s.Database(t)
		if _, err := os.Stdout.WriteString(s.dir + "\n"); err != nil {
			t.Fatal(err)
		}
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		_ = self.Kill()
		select {}
	}
	var s Server
	s.Database(t) // or skip
	s.Stop()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), program, "-test.run", "^"+t.Name()+"$")
	child.Env = append(os.Environ(), killedSelf+"=1")
	out, err := child.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != -1 {
		t.Fatalf("got %v, want a program that was killed", err)
	}
	dir := string(bytes.TrimSpace(out))
	if dir == "" {
		t.Fatal("the child did not say where its server is")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for { // the server takes a moment to stop
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		if ctx.Err() != nil {
			t.Fatalf("the server's directory %s is still there", dir)
		}
		runtime.Gosched()
	}
}

type nothing struct{}

func (nothing) Run() int { return 0 }

type failing struct{}

func (failing) Run() int { return 1 }

func TestAProgramCanStartAndStopAServer(t *testing.T) {
	var s Server
	database, err := s.Start()
	if errors.Is(err, ErrNotInstalled) {
		t.Skip("NOT TESTED: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	if got := s.query(t, database, `SELECT 'works'`); got != "works" {
		t.Errorf("got %q from the server", got)
	}
	s.Stop()
	s.Stop()
	if _, err := os.Stat(s.dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the server's directory is still there: %v", err)
	}
}
