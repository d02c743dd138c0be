package wire

import "slices"

// maxDepth is how deep values may lie in each other where nobody reads them.
const maxDepth = 64

// A Reader reads a JSON document from its beginning to its end. A document that it
// declines it has read to the end, so that a loop over it ends too. Its methods read one
// value each, and decline one of another kind. It is for one goroutine.
type Reader struct {
	body     []byte
	at       int
	depth    int
	declined bool
	texts    texts
}

// NewReader returns a Reader of body, which must not change while it is read. Nothing
// that is read keeps body alive.
func NewReader(body []byte) *Reader { return &Reader{body: body} }

// Decline says that encoding/json must decide.
func (r *Reader) Decline() {
	r.declined = true
	r.at = len(r.body)
}

// Accepted reports whether the document was read to its end and not declined.
func (r *Reader) Accepted() bool {
	return r.peek() == 0 && r.at == len(r.body) && !r.declined
}

// peek returns the next byte that is not white space, or 0 at the end.
func (r *Reader) peek() byte {
	for ; r.at < len(r.body); r.at++ {
		switch c := r.body[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// take reads one byte that must come next.
func (r *Reader) take(c byte) bool {
	if r.peek() != c {
		r.Decline()
		return false
	}
	r.at++
	return true
}

// more reports whether an object or array that ends with end goes on after n elements,
// and reads what is between them.
func (r *Reader) more(n int, end byte) bool {
	switch c := r.peek(); {
	case c == end:
		r.at++
		return false
	case n > 0:
		return r.take(',')
	}
	return !r.declined
}

// literal reads a word that must come next.
func (r *Reader) literal(word string) {
	if !r.skipPrefix(word) {
		r.Decline()
	}
}

func (r *Reader) skipPrefix(word string) bool {
	rest := r.body[r.at:]
	if len(rest) < len(word) || string(rest[:len(word)]) != word {
		return false
	}
	r.at += len(word)
	return true
}

// null reads a null if it comes next.
func (r *Reader) null() bool { return r.peek() == 'n' && r.skipPrefix("null") }

// Bool reads true or false.
func (r *Reader) Bool() bool {
	if r.peek() == 't' {
		r.literal("true")
		return !r.declined
	}
	r.literal("false")
	return false
}

// Array reads an array, each element with read. The result is not nil. If there is more
// than one element, memory is taken for as many as the document has room for if the
// others are a fifth shorter than the first, but for most at the most.
func Array[T any](r *Reader, most int, read func(*Reader, *T)) []T {
	rows := []T{}
	if !r.take('[') {
		return rows
	}
	start := r.at
	for n := 0; r.more(n, ']'); n++ {
		if n == 1 {
			rows = slices.Grow(rows, min(1+(len(r.body)-r.at)/(r.at-start)*5/4, most-1))
		}
		var row T
		rows = append(rows, row)
		read(r, &rows[n])
	}
	return rows
}

// skip reads a value that nobody wants.
func (r *Reader) skip() {
	switch c := r.peek(); c {
	case '{':
		r.skipObject()
	case '[':
		r.skipArray()
	case '"':
		r.skipString()
	case 't':
		r.literal("true")
	case 'f':
		r.literal("false")
	case 'n':
		r.literal("null")
	default:
		r.skipNumber()
	}
}

func (r *Reader) skipObject() {
	r.at++
	r.deeper(func() {
		for n := 0; r.more(n, '}'); n++ {
			r.skipString()
			if r.take(':') {
				r.skip()
			}
		}
	})
}

func (r *Reader) skipArray() {
	r.at++
	r.deeper(func() {
		for n := 0; r.more(n, ']'); n++ {
			r.skip()
		}
	})
}

func (r *Reader) deeper(read func()) {
	if r.depth++; r.depth > maxDepth {
		r.Decline()
		return
	}
	read()
	r.depth--
}
