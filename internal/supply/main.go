// The program supply writes the software bill of materials (SBOM) of a Go program, in the
// format CycloneDX 1.6, to its output:
//
//	go run ./internal/supply ./erp > erp.cdx.json
//
// It takes from the program itself what the Go toolchain noted there, the same that
// `go version -m` prints: modules, versions and checksums. The licences are read in the
// module cache. The same program gives the same bytes, so two of them can be compared.
//
// The tests of this package hold the file NOTICE against what is really linked.
package main

import (
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "supply:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, out io.Writer) error {
	if len(arguments) != 1 {
		return errors.New("usage: supply PROGRAM, a program that Go has built with modules")
	}
	info, err := buildinfo.ReadFile(arguments[0])
	if err != nil {
		return err
	}
	cache, err := moduleCache(ctx)
	if err != nil {
		return err
	}
	if info.Path == "command-line-arguments" { // built from files, not from a package
		info.Path = filepath.Base(arguments[0])
	}
	bom, err := billOfMaterials(info, cache)
	if err != nil {
		return err
	}
	return bom.write(out)
}

// moduleCache returns the folder in which Go keeps the modules that it has downloaded.
func moduleCache(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMODCACHE").Output()
	if err != nil {
		return "", fmt.Errorf("ask Go for its module cache: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}
