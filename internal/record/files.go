package main

import (
	"bytes"
	"strconv"
	"strings"
	"unicode"
)

// file is a file to write.
type file struct {
	name string
	body []byte
}

// entry is an answer, or several that are equal.
type entry struct {
	file      string // "" if there is no body to keep
	operation string
	status    int
	step      string // the first that got it
	times     int
	body      []byte
	note      string
}

// newEntries makes an entry of each answer that is not one of an earlier entry,
// and names its file. The answers to polling would fill the folder otherwise.
func newEntries(exchanges []*exchange) []*entry {
	var entries []*entry
	numbers := map[string]int{}
	for _, e := range exchanges {
		if e.answer == nil {
			continue
		}
		made := e.entry()
		if same := find(entries, made); same != nil {
			same.times++
			continue
		}
		entries = append(entries, made)
		if made.body != nil {
			base := e.fileName()
			numbers[base]++
			made.file = numbered(base, numbers[base])
		}
	}
	return entries
}

func numbered(base string, number int) string {
	if number > 1 {
		base += "_" + strconv.Itoa(number)
	}
	return base + ".json"
}

func find(entries []*entry, like *entry) *entry {
	for _, e := range entries {
		if e.operation == like.operation && e.status == like.status && e.note == like.note && bytes.Equal(e.body, like.body) {
			return e
		}
	}
	return nil
}

func (e *exchange) entry() *entry {
	made := &entry{
		operation: "an operation that the contract does not have", status: e.answer.Status, step: e.step, times: 1,
		body: e.redacted,
	}
	if e.operation != nil {
		made.operation = e.operation.String()
	}
	switch {
	case !e.hasBody():
		made.note = "empty"
	case e.redacted == nil:
		made.note = "not JSON, " + strconv.Itoa(len(e.answer.Body)) + " bytes, not kept"
	}
	return made
}

// fileName is the operation and the status, such as access_get_accounts_id_200.
func (e *exchange) fileName() string {
	status := "_" + strconv.Itoa(e.answer.Status)
	if e.operation == nil {
		return "unknown_operation" + status
	}
	path := strings.TrimPrefix(strings.TrimPrefix(e.operation.Path, "/api"), "/v2")
	path = strings.NewReplacer("{", "", "}", "", "/", "_").Replace(path)
	return e.operation.Host.String() + "_" + strings.ToLower(e.operation.Method) + snake(path) + status
}

// snake writes accountIds as account_ids.
func snake(text string) string {
	var out strings.Builder
	for _, c := range text {
		if unicode.IsUpper(c) {
			out.WriteByte('_')
		}
		out.WriteRune(unicode.ToLower(c))
	}
	return out.String()
}

// lastWord returns the last segment of a template that is no variable.
func lastWord(template string) string {
	word := ""
	for segment := range strings.SplitSeq(template, "/") {
		if !strings.HasPrefix(segment, "{") {
			word = segment
		}
	}
	return word
}

func bodies(entries []*entry) []file {
	var files []file
	for _, e := range entries {
		if e.file != "" {
			files = append(files, file{e.file, e.body})
		}
	}
	return files
}
