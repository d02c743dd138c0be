//go:build !unix

package measure

import "time"

// CPUTime is the time that has passed, where the system does not tell what a process has used
// of the processors.
func CPUTime() time.Duration { return WallTime() }
