package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	mit        = "Permission is hereby granted, free of charge, to any person obtaining a copy\nof this software and associated documentation files (the \"Software\")"
	bsd2       = "Redistribution and use in source and binary forms, with or without\n// modification, are permitted provided that"
	bsd3       = bsd2 + "\n* Neither the name of X may be used to endorse or promote products derived\n * from this software without specific prior written permission."
	apache     = "Apache License\n   Version 2.0, January 2004"
	mpl        = "Mozilla Public License Version 2.0\n=====\n\n1. Definitions\n-----"
	mplNames   = mpl + "\n1.12. means either the GNU General Public License, Version 2.0, ..."
	gnu        = "GNU GENERAL PUBLIC LICENSE\nEveryone is permitted to copy and distribute verbatim copies\n of this license document, but changing it is not allowed."
	commercial = "All rights reserved. You may evaluate this software for 30 days."
)

func TestALicenceIsKnownByItsText(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		files   map[string]string
		want    string
		problem string
	}{
		"MIT":                                  {map[string]string{"LICENSE": mit}, "MIT", ""},
		"BSD with two clauses":                 {map[string]string{"LICENSE.txt": bsd2}, "BSD-2-Clause", ""},
		"BSD with three clauses":               {map[string]string{"LICENCE": bsd3}, "BSD-3-Clause", ""},
		"Apache":                               {map[string]string{"COPYING": apache}, "Apache-2.0", ""},
		"MPL":                                  {map[string]string{"LICENSE.md": mpl}, "MPL-2.0", ""},
		"MPL, which names GNU's, is not GNU's": {map[string]string{"LICENSE": mplNames}, "MPL-2.0", ""},
		"two licences in one file":             {map[string]string{"LICENSE": apache + bsd3}, "Apache-2.0 AND BSD-3-Clause", ""},
		"two licences in two files":            {map[string]string{"LICENSE": mit, "LICENSE-GO": bsd3}, "BSD-3-Clause AND MIT", ""},
		"one licence in two files is one":      {map[string]string{"LICENSE": bsd3, "LICENSE-GO": bsd3}, "BSD-3-Clause", ""},
		"a list of others' licences is no licence":    {map[string]string{"LICENSE": mit, "LICENSE-3RD-PARTY.md": gnu}, "MIT", ""},
		"what is called otherwise is no licence":      {map[string]string{"LICENSE": mit, "README": gnu}, "MIT", ""},
		"GNU's is refused":                            {map[string]string{"LICENSE": gnu}, "", "no licence that is known here"},
		"GNU's is refused besides another one, too":   {map[string]string{"LICENSE": mit + gnu}, "", "no licence that is known here"},
		"an unknown text is refused":                  {map[string]string{"LICENSE": commercial}, "", "no licence that is known here"},
		"an unknown text is refused besides a known":  {map[string]string{"LICENSE": mit, "LICENSE-2": commercial}, "", "LICENSE-2 is no licence"},
		"a module without a file of that kind is not": {map[string]string{"README": mit}, "", "has no file with a licence"},
	}
	for name, tt := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for file, text := range tt.files {
				if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			got, err := licenceOf("example.com/module", dir)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			switch {
			case tt.problem == "" && err != nil:
				t.Errorf("refused: %v", err)
			case tt.problem != "" && (err == nil || !strings.Contains(err.Error(), tt.problem) || !strings.Contains(err.Error(), "example.com/module")):
				t.Errorf("got the error %v, want one about %q that names the module", err, tt.problem)
			}
		})
	}
}

func TestAFolderThatIsNotThereHasNoLicence(t *testing.T) {
	t.Parallel()
	if text, err := licenceOf("example.com/module", filepath.Join(t.TempDir(), "gone")); err == nil {
		t.Errorf("got %q, want an error", text)
	}
}
