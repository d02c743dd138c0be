package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	"github.com/finapi-go/finapi"
)

// crew are the workers: processes of this program. Nobody tells one of the others.
type crew struct {
	task    task // of each of them, but for its number
	program string
	stderr  io.Writer
	clock   interface{ Now() time.Time }

	failed chan error // a worker ended by itself
	ending context.CancelFunc
	bad    sync.WaitGroup // who kills and pauses

	busy          atomic.Bool // there is enough work for all
	mu            sync.Mutex
	workers       []*worker
	kills, pauses int
}

// worker is one place in the crew. Whoever is killed is replaced by another process.
type worker struct {
	number int
	cmd    *exec.Cmd
	stdin  io.WriteCloser
	ended  chan struct{}
	lives  int
	state  string
}

// The states of a worker.
const (
	working = "works"
	paused  = "paused"
)

func newCrew(o *options, w *world, stderr io.Writer) (*crew, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := &crew{
		task: task{
			Place: w.erp.place, Finapi: w.finapi, Key: w.key,
			Workers: o.workers, Parallel: o.parallel, Verbose: o.verbose,
		},
		program: program, stderr: &shared{out: stderr}, clock: w.sim.Clock(), failed: make(chan error, 1), ending: func() {},
	}
	for i := range o.workers {
		c.workers = append(c.workers, &worker{number: i + 1})
	}
	for _, worker := range c.workers {
		if err := c.start(worker); err != nil {
			c.dismiss()
			return nil, err
		}
	}
	return c, nil
}

// shared is a writer for several processes at once.
type shared struct {
	mu  sync.Mutex
	out io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.out.Write(p)
}

// start starts a process in a place of the crew.
func (c *crew) start(w *worker) error {
	t := c.task
	t.Worker = w.number
	text, err := json.Marshal(t)
	if err != nil {
		return err
	}
	cmd := exec.Command(c.program) //nolint:noctx,gosec // it ends when its standard input does; the program is this one
	cmd.Env = append(os.Environ(), workerTask+"="+string(text))
	cmd.Stderr = c.stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	w.cmd, w.stdin, w.ended, w.state = cmd, stdin, ended, working
	w.lives++
	c.tellOne(w)
	go func() {
		defer close(ended)
		err := cmd.Wait()
		if cmd.ProcessState.ExitCode() > 0 { // it was not killed
			select {
			case c.failed <- fmt.Errorf("worker %d has failed: %w", w.number, err):
			default:
			}
		}
	}()
	return nil
}

// tell tells all workers the time.
func (c *crew) tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		c.tellOne(w)
	}
}

// tellOne tells a worker how far the simulation is ahead of the machine. Who is dead does
// not hear it.
func (c *crew) tellOne(w *worker) {
	fmt.Fprintf(w.stdin, "%d\n", int64(time.Until(c.clock.Now())))
}

// trouble kills and pauses workers until the crew is spared.
func (c *crew) trouble(ctx context.Context, o *options) {
	ctx, cancel := context.WithCancel(ctx)
	c.ending = cancel
	if o.kill > 0 {
		c.bad.Go(func() {
			for c.awaitWork(ctx, o.kill) == nil {
				c.killOne()
			}
		})
	}
	if o.pause {
		c.bad.Go(func() {
			for c.awaitWork(ctx, hold) == nil {
				c.pauseOne(ctx)
			}
		})
	}
}

// awaitWork waits, and then until the crew is in the middle of something:
// whoever works alone is left alone, because nothing would ever be done else.
func (c *crew) awaitWork(ctx context.Context, d time.Duration) error {
	err := finapi.SystemClock().Sleep(ctx, d)
	for err == nil && !c.busy.Load() {
		err = finapi.SystemClock().Sleep(ctx, 10*time.Millisecond)
	}
	if err == nil {
		err = finapi.SystemClock().Sleep(ctx, rand.N(time.Second))
	}
	return err
}

// spare ends the trouble.
func (c *crew) spare() {
	c.ending()
	c.bad.Wait()
}

// killOne kills a worker in the middle of whatever it does, and hires another one.
func (c *crew) killOne() {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.workers[rand.IntN(len(c.workers))]
	c.end(w)
	c.kills++
	if err := c.start(w); err != nil {
		select {
		case c.failed <- err:
		default:
		}
	}
}

func (c *crew) end(w *worker) {
	_ = w.cmd.Process.Kill() // SIGKILL: it cannot say good-bye
	<-w.ended
	_ = w.stdin.Close()
}

// pauseOne stops a worker as if its machine slept, until others must have taken its work
// over, and wakes it in the middle of what it did.
func (c *crew) pauseOne(ctx context.Context) {
	c.mu.Lock()
	w := c.workers[rand.IntN(len(c.workers))]
	process := w.cmd.Process
	if err := stop(process); err != nil {
		c.mu.Unlock()
		return
	}
	w.state = paused
	c.pauses++
	c.mu.Unlock()

	_ = finapi.SystemClock().Sleep(ctx, hold+2*time.Second)

	c.mu.Lock()
	defer c.mu.Unlock()
	if w.cmd.Process == process { // else it was killed in its sleep
		_ = wake(process)
		w.state = working
	}
}

// dismiss ends the workers, who give back what they are at.
func (c *crew) dismiss() {
	c.spare()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		if w.stdin != nil {
			_ = w.stdin.Close()
		}
	}
	for _, w := range c.workers {
		if w.ended == nil {
			continue
		}
		select {
		case <-w.ended:
		case <-timeout(10 * time.Second):
			c.end(w)
		}
	}
}

func timeout(d time.Duration) <-chan time.Time { return time.NewTimer(d).C }

// member is what the table shows of a worker.
type member struct {
	number, pid, lives int
	state              string
}

func (c *crew) members() (members []member, kills, pauses int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, w := range c.workers {
		members = append(members, member{w.number, w.cmd.Process.Pid, w.lives, w.state})
	}
	return members, c.kills, c.pauses
}
