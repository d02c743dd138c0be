// Package redact takes secrets and personal data out of JSON bodies that a finAPI
// server sent, so that they can be kept as test data.
//
// A [Redactor] replaces values in place: number literals, the order of fields,
// nulls, absent fields and even white space stay byte for byte as they came. What
// is replaced is replaced by the same invented value everywhere in a run, and two
// different values never become one. Which values stay is a closed list, so a
// field that finAPI adds is redacted.
//
// An [Inventory] is the other half. It gathers what must not be seen by rules of
// its own, and searches the finished files for it.
package redact
