// Package pgtest runs a PostgreSQL server for the tests of one package, or for a
// program that shows something, if one is installed.
//
//	var postgres pgtest.Server
//
//	func TestMain(m *testing.M) { os.Exit(postgres.Around(m).Run()) }
//
//	func TestSomething(t *testing.T) {
//		dsn := postgres.Database(t) // empty, and of this test only
//		...
//	}
//
// A program that shows something takes [Server.Start] and [Server.Stop].
//
// The server keeps its data in a temporary directory and listens on a Unix socket
// in it, so that tests of several packages can run at once. It ends with the test
// program, also if that is killed.
package pgtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Server is a PostgreSQL server that starts when the first test asks for a
// database. The zero Server is ready. It is safe for concurrent use.
type Server struct {
	// Settings are added to the server's configuration, such as "fsync=off". By
	// itself, everything is as a fresh installation has it: commits reach the disk.
	Settings []string

	start    sync.Once
	err      error // of the start
	binaries string
	dir      string
	keeper   *exec.Cmd
	leash    io.Closer // the server runs as long as this is open

	mu        sync.Mutex
	databases int
}

// ErrNotInstalled says that there is no PostgreSQL on this machine, and how to get it.
var ErrNotInstalled = errors.New("PostgreSQL is not installed here: " +
	"install Debian's package postgresql, or put initdb, pg_ctl and createdb into PATH")

// Installed reports whether there is a PostgreSQL on this machine that a [Server] can run.
func Installed() bool {
	_, err := find()
	return err == nil
}

// Database makes an empty database and returns its URL. It skips the test if no
// PostgreSQL is installed, and fails it if there is one that does not start.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	address, err := s.Start()
	if errors.Is(err, ErrNotInstalled) {
		tb.Skip("NOT TESTED: ", err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return address
}

// Start starts the server, unless it runs, makes an empty database and returns its URL.
// It is for programs that are no tests. The error is [ErrNotInstalled], or tells why
// the server does not start.
func (s *Server) Start() (string, error) {
	s.start.Do(func() { s.err = s.run() })
	if s.err != nil {
		return "", s.err
	}
	s.mu.Lock()
	s.databases++
	name := fmt.Sprintf("test%d", s.databases)
	s.mu.Unlock()
	create := s.command("createdb", "--host", s.dir, "--username", superuser, name)
	if out, err := create.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pgtest: createdb: %w\n%s", err, out)
	}
	address := url.URL{
		Scheme: "postgres", User: url.User(superuser), Path: "/" + name,
		RawQuery: url.Values{"host": {s.dir}}.Encode(),
	}
	return address.String(), nil
}

// Tests are what a [testing.M] runs.
type Tests interface{ Run() int }

// Around returns the tests with the end of the server behind them.
func (s *Server) Around(tests Tests) Tests { return around{s, tests} }

type around struct {
	server *Server
	tests  Tests
}

func (a around) Run() int {
	defer a.server.Stop()
	return a.tests.Run()
}

const superuser = "postgres"

// keep starts the server, says so, and stops it when nobody holds its standard
// input open any more: that happens however the test program ends. It ignores the
// signals that a terminal sends to it together with the test program.
const keep = `
trap '' HUP INT TERM
dir=$1 bin=$2
"$bin/initdb" --pgdata "$dir/data" --username ` + superuser + ` --auth trust --encoding UTF8 --no-locale --no-sync &&
cat "$dir/settings" >>"$dir/data/postgresql.conf" &&
"$bin/pg_ctl" --pgdata "$dir/data" --log "$dir/log" --wait --silent start && {
	echo ready >&3
	read -r _
	"$bin/pg_ctl" --pgdata "$dir/data" --mode immediate --wait --silent stop
}
cat "$dir/log"
rm -rf "$dir"
`

func (s *Server) run() (err error) {
	if s.binaries, err = find(); err != nil {
		return err
	}
	if s.dir, err = os.MkdirTemp("", "pg"); err != nil {
		return err
	}
	settings := append([]string{
		"listen_addresses = ''", "unix_socket_directories = '" + s.dir + "'", "max_connections = 200",
	}, s.Settings...)
	text := []byte(strings.Join(settings, "\n") + "\n")
	if err := os.WriteFile(filepath.Join(s.dir, "settings"), text, 0o644); err != nil { //nolint:gosec // G306: the server's user reads it
		return err
	}
	if err := giveAway(s.dir); err != nil {
		return err
	}
	said, say, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	output, err := os.CreateTemp("", "pg")
	if err != nil {
		return errors.Join(err, say.Close())
	}
	defer func() { _ = output.Close(); _ = os.Remove(output.Name()) }()
	s.keeper = s.command("/bin/sh", "-c", keep, "keep", s.dir, s.binaries)
	s.keeper.Stdout, s.keeper.Stderr, s.keeper.ExtraFiles = output, output, []*os.File{say}
	if s.leash, err = s.keeper.StdinPipe(); err == nil {
		err = s.keeper.Start()
	}
	if err := errors.Join(err, say.Close()); err != nil {
		return fmt.Errorf("pgtest: start PostgreSQL: %w", err)
	}
	if !bufio.NewScanner(said).Scan() {
		s.Stop()
		why, _ := os.ReadFile(output.Name())
		return fmt.Errorf("pgtest: PostgreSQL did not start:\n%s", why)
	}
	return nil
}

// Stop ends the server and deletes its data. It does nothing if the server does not run;
// a Server that was stopped does not start again.
func (s *Server) Stop() {
	if s.leash == nil {
		return
	}
	_ = s.leash.Close()
	_ = s.keeper.Wait()
	s.leash = nil
}

// command is a command that runs as the server's user, if that is another one.
func (s *Server) command(name string, args ...string) *exec.Cmd {
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.binaries, name)
	}
	cmd := exec.Command(name, args...) //nolint:noctx,gosec // the server lives as long as the test program, not as long as a test
	cmd.Dir = s.dir
	lowerRights(cmd)
	return cmd
}

// find returns the directory of the newest server's programs. Debian does not put
// them into PATH.
func find() (string, error) {
	if path, err := exec.LookPath("initdb"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			return filepath.Dir(path), nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(found) == 0 {
		return "", ErrNotInstalled
	}
	// 9.6 and older sort wrongly, and are out of support.
	return filepath.Dir(slices.Max(found)), nil
}

// Restart stops the server at once, as a crash does, and starts it again. All connections
// break. [Server.Database] must have been called before.
func (s *Server) Restart(tb testing.TB) {
	tb.Helper()
	data, log := filepath.Join(s.dir, "data"), filepath.Join(s.dir, "log")
	restart := s.command("pg_ctl", "--pgdata", data, "--log", log, "--mode", "immediate", "--wait", "--silent", "restart")
	if out, err := restart.CombinedOutput(); err != nil {
		tb.Fatalf("pg_ctl restart: %v\n%s", err, out)
	}
}
