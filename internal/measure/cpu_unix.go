//go:build unix

package measure

import (
	"syscall"
	"time"
)

// CPUTime is what this process has used of the processors, with the garbage collector. What
// other processes do hardly matters to it.
func CPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return WallTime()
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
