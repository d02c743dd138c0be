package wire

import "bytes"

// maxFields is how many keys an object's table can have.
const maxFields = 64

// Object is a table of the keys of an object. It is for any number of goroutines. No table
// reads itself: how deep objects lie in each other would be up to the document.
type Object[T any] struct {
	fields []Field[T]
	// quoted are the keys with what surrounds them when nobody adds white space.
	quoted []string
}

// NewObject makes a table. It is the faster the more often the keys come in the order of
// the fields. Those after the 64th are declined.
func NewObject[T any](fields ...Field[T]) *Object[T] {
	o := &Object[T]{fields: fields}
	for _, f := range fields {
		o.quoted = append(o.quoted, `"`+f.key+`":`)
	}
	return o
}

// Read reads an object into the fields of into.
func (o *Object[T]) Read(r *Reader, into *T) {
	if !r.take('{') {
		return
	}
	var seen [maxFields]bool
	next := 0
	for n := 0; r.more(n, '}'); n++ {
		i := o.key(r, next)
		if i < 0 {
			r.skip()
			continue
		}
		if i >= maxFields || seen[i] {
			r.Decline() // the same key twice
			return
		}
		seen[i] = true
		next = i + 1
		o.value(r, i, into)
	}
}

func (o *Object[T]) value(r *Reader, i int, into *T) {
	read := o.fields[i].read
	switch {
	case r.null():
	case read == nil:
		r.skip()
	default:
		read(r, into)
	}
}

// key reads a key with its colon, and returns which field it is; -1 for none.
func (o *Object[T]) key(r *Reader, next int) int {
	r.peek()
	if next < len(o.quoted) && r.skipPrefix(o.quoted[next]) {
		return next
	}
	name := r.Plain()
	r.take(':')
	for i := range o.fields {
		if string(name) == o.fields[i].key {
			return i
		}
	}
	for i := range o.fields {
		if bytes.EqualFold(name, []byte(o.fields[i].key)) {
			r.Decline() // encoding/json takes it
			return -1
		}
	}
	return -1
}
