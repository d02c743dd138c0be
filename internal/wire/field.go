package wire

// Field is a key of an object, and how its value is read.
type Field[T any] struct {
	key string
	// read is nil for a value that nobody wants. It is not called for null, which leaves
	// things as they are.
	read func(r *Reader, into *T)
}

// Value is a field whose value is read by read.
func Value[T any](key string, read func(r *Reader, into *T)) Field[T] { return Field[T]{key, read} }

// Text is a field that holds a string.
func Text[T any, S ~string](key string, at func(*T) *S) Field[T] {
	return Field[T]{key, func(r *Reader, into *T) { *at(into) = S(r.Text()) }}
}

// Int is a field that holds a whole number.
func Int[T any, N ~int64](key string, at func(*T) *N) Field[T] {
	return Field[T]{key, func(r *Reader, into *T) { *at(into) = N(r.Int()) }}
}

// Bool is a field that is true or false.
func Bool[T any](key string, at func(*T) *bool) Field[T] {
	return Field[T]{key, func(r *Reader, into *T) { *at(into) = r.Bool() }}
}

// Ignored is a field that nobody wants. It is passed over faster than one that is not in
// the table.
func Ignored[T any](key string) Field[T] { return Field[T]{key: key} }
