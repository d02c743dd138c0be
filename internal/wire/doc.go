// Package wire reads JSON of a known shape in one pass over the bytes, several times
// as fast as encoding/json, and gives up on everything unusual.
//
// A shape is an [Object]: a table of keys, each with a function that reads the value. A
// [Reader] never rejects: it accepts or it declines, and what it declines is read again by
// encoding/json, whose verdict counts. So there is only one opinion on what is valid, and
// a [Reader] may decline whenever that keeps it simple: numbers with exponents or of more
// than 18 digits, surrogates, texts that are not UTF-8, the same key twice, keys that
// encoding/json would match regardless of case.
//
// What a Reader accepts, encoding/json accepts as well, with the same result. The fuzz
// tests here and in the root package hold it to that.
package wire
