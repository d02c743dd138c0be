// Package storetest checks whether a [finapi.Store] keeps its promises. Who keeps
// the memory of feeds in a database of their own runs it in a test:
//
//	func TestMyStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) finapi.Store { return newEmptyStore(t) })
//	}
//
// The package is for tests: it brings in the libraries go-cmp and rapid.
package storetest
