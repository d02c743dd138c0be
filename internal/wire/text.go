package wire

import (
	"encoding/hex"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// class says what a byte means inside of a string.
type class uint8

const (
	plain   class = iota
	beyond        // part of a character beyond ASCII
	escape        // the backslash
	quote         // the end
	control       // not allowed
)

var classes = func() (table [256]class) {
	for c := range 256 {
		switch {
		case c < ' ':
			table[c] = control
		case c >= utf8.RuneSelf:
			table[c] = beyond
		}
	}
	table['"'], table['\\'] = quote, escape
	return table
}()

// escapes are the escapes of one letter, and what they stand for.
var escapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t',
}

// Text reads a string.
func (r *Reader) Text() string {
	token, escaped, ascii := r.string()
	if escaped {
		return r.unescape(token)
	}
	if !ascii && !utf8.Valid(token) {
		r.Decline()
		return ""
	}
	return r.texts.keep(token)
}

// Plain reads a string and returns its bytes, which are valid until the body changes. It
// declines one with an escape or a character beyond ASCII.
func (r *Reader) Plain() []byte {
	token, escaped, ascii := r.string()
	if escaped || !ascii {
		r.Decline()
		return nil
	}
	return token
}

// skipString reads a string that nobody wants. Like encoding/json it does not mind
// characters that are not UTF-8 then.
func (r *Reader) skipString() {
	if token, escaped, _ := r.string(); escaped {
		_ = r.unescape(token)
	}
}

// string reads a string and returns what is between its quotes, whether there are escapes
// in it, and whether all of it is ASCII.
func (r *Reader) string() (token []byte, escaped, ascii bool) {
	if !r.take('"') {
		return nil, false, true
	}
	ascii = true
	rest := r.body[r.at:]
	for i := 0; i < len(rest); i++ {
		switch classes[rest[i]] {
		case plain:
		case beyond:
			ascii = false
		case escape:
			escaped = true
			i++ // what is escaped is looked at later
		case quote:
			r.at += i + 1
			return rest[:i], escaped, ascii
		case control:
			r.Decline()
			return nil, false, true
		}
	}
	r.Decline()
	return nil, false, true
}

// unescape returns a string with escapes as it was meant.
func (r *Reader) unescape(token []byte) string {
	var b strings.Builder
	b.Grow(len(token))
	for i := 0; i < len(token); i++ {
		if token[i] != '\\' {
			b.WriteByte(token[i])
			continue
		}
		i++
		switch meant := escapes[token[i]]; {
		case meant != 0:
			b.WriteByte(meant)
		case token[i] == 'u' && len(token) >= i+5:
			b.WriteRune(r.codePoint(token[i+1 : i+5]))
			i += 4
		default:
			r.Decline()
		}
		if r.declined {
			return "" // the digits may have been the beginning of another escape
		}
	}
	if !utf8.ValidString(b.String()) {
		r.Decline()
	}
	return b.String()
}

// codePoint reads the four digits of an escape such as \u00e4. It declines surrogates.
func (r *Reader) codePoint(digits []byte) rune {
	var two [2]byte
	if _, err := hex.Decode(two[:], digits); err != nil {
		r.Decline()
	}
	c := rune(two[0])<<8 | rune(two[1])
	if utf16.IsSurrogate(c) {
		r.Decline()
	}
	return c
}

// texts holds strings that are read one after another. Many share one piece of memory, so
// that they cost less than one allocation each. The pieces are small, because whoever
// keeps one string keeps its piece.
type texts struct{ piece strings.Builder }

const (
	pieceSize = 4 << 10
	ownPiece  = 512 // from this length on a string has its own
)

func (t *texts) keep(text []byte) string {
	if len(text) >= ownPiece {
		return string(text)
	}
	if t.piece.Cap()-t.piece.Len() < len(text) {
		t.piece = strings.Builder{}
		t.piece.Grow(pieceSize)
	}
	start := t.piece.Len()
	t.piece.Write(text)
	return t.piece.String()[start:]
}
