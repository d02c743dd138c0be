//go:build !unix

package main

import (
	"errors"
	"os"
)

// stop is not possible here.
func stop(*os.Process) error { return errors.ErrUnsupported }

func wake(*os.Process) error { return errors.ErrUnsupported }
