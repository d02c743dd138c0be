package redact

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// scalar is a value in a JSON document that is neither an object nor an array, or
// the key of a member.
type scalar struct {
	// container is the key under which the object stands that has the field;
	// arrays in between do not count. At the top it is the name of the document.
	container string
	// field is the key of the value, or of the array that it is an element of.
	field string
	// name is true for the key of a member itself.
	name bool
	// value is a string, a json.Number, a bool or nil.
	value any
	// literal is the text of the value in the document.
	literal []byte
}

// walk calls visit for every scalar of a document, in order, and returns the
// document with the literals that visit returned; nil leaves one as it is.
func walk(root string, body []byte, visit func(scalar) []byte) ([]byte, error) {
	w := walker{decoder: json.NewDecoder(bytes.NewReader(body)), body: body, visit: visit}
	w.decoder.UseNumber()
	if err := w.value(root, root); err != nil {
		return nil, fmt.Errorf("not readable as JSON: %w", err)
	}
	if _, err := w.decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not readable as JSON: something follows the value")
	}
	return append(w.out, body[w.copied:]...), nil
}

type walker struct {
	decoder *json.Decoder
	body    []byte
	visit   func(scalar) []byte
	out     []byte
	copied  int // how much of body is in out
}

// next reads a token and tells where it stands.
func (w *walker) next() (token json.Token, start, end int, err error) {
	start = int(w.decoder.InputOffset())
	if token, err = w.decoder.Token(); err != nil {
		return nil, 0, 0, err
	}
	for start < len(w.body) && bytes.IndexByte([]byte(" \t\r\n,:"), w.body[start]) >= 0 {
		start++
	}
	return token, start, int(w.decoder.InputOffset()), nil
}

func (w *walker) value(container, field string) error {
	token, start, end, err := w.next()
	if err != nil {
		return err
	}
	switch token {
	case json.Delim('{'):
		return w.object(field)
	case json.Delim('['):
		return w.array(container, field)
	}
	w.show(scalar{container: container, field: field, value: token}, start, end)
	return nil
}

func (w *walker) object(name string) error {
	for w.decoder.More() {
		token, start, end, err := w.next()
		if err != nil {
			return err
		}
		key, _ := token.(string) // the decoder admits nothing else
		w.show(scalar{container: name, field: key, name: true, value: key}, start, end)
		if err := w.value(name, key); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

func (w *walker) array(container, field string) error {
	for w.decoder.More() {
		if err := w.value(container, field); err != nil {
			return err
		}
	}
	_, err := w.decoder.Token()
	return err
}

func (w *walker) show(s scalar, start, end int) {
	s.literal = w.body[start:end]
	if literal := w.visit(s); literal != nil {
		w.out = append(append(w.out, w.body[w.copied:start]...), literal...)
		w.copied = end
	}
}
