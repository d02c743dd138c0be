//go:build unix

package main

import (
	"os"
	"syscall"
)

// stop stops a process until it is woken. It does not notice.
func stop(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }

func wake(p *os.Process) error { return p.Signal(syscall.SIGCONT) }
