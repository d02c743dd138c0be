package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// checkFree refuses a folder with something in it, unless it is an earlier
// recording and force is set.
func checkFree(dir string, force bool) error {
	found, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(found) == 0:
		return nil
	case err != nil:
		return err
	case !force:
		return fmt.Errorf("%s is not empty; -force replaces an earlier recording", dir)
	}
	index, err := os.ReadFile(filepath.Join(filepath.Clean(dir), indexName))
	if err != nil || !bytes.HasPrefix(index, []byte(indexTitle)) || slices.ContainsFunc(found, foreign) {
		return fmt.Errorf("%s holds something else than a recording, which is never replaced", dir)
	}
	return nil
}

// foreign reports whether a file is not of a recording.
func foreign(f fs.DirEntry) bool {
	return !f.Type().IsRegular() || f.Name() != indexName && filepath.Ext(f.Name()) != ".json"
}

// write writes all files or none: into a folder beside the real one, which then
// takes its place.
func write(dir string, force bool, files []file) error {
	if err := checkFree(dir, force); err != nil {
		return err
	}
	parent := filepath.Dir(filepath.Clean(dir))
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return err
	}
	fresh, err := os.MkdirTemp(parent, ".recording-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }()
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(fresh, f.name), f.body, 0o600); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}
