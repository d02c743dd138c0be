// Package measure holds what the benchmarks of several modules share: a listing of
// transactions like finAPI's, a server for it in a process of its own, and ways of measuring
// that do not depend on how busy the machine is.
package measure
