// Package contract holds the SDK, its simulator and its test data against
// finAPI's contract, the two OpenAPI documents in testdata/contract. The JSON is
// judged by kin-openapi. The package is a module of its own, so that this
// dependency is not one of the SDK.
//
// # What is checked
//
//   - Every file of testdata/fixtures and testdata/recorded is what testdata/README.md
//     says it is. Where a file leaves the contract on purpose, each deviation is
//     listed.
//   - The tests of the SDK, of finapitest, of sqlstore and of the examples are run,
//     and every request and answer in them is held against the contract: requests of
//     the SDK always, requests that finapitest's own tests make if the simulator took
//     them, answers of the simulator always. Exceptions are listed with a reason, and
//     must occur. The simulator and the stubs of the SDK's tests log their traffic if
//     the environment variable FINAPI_TRAFFIC names a folder.
//   - The table in endpoints.go and the contract name the same operations with the
//     same tokens and write flags, or leftOut says what is missing on purpose. No
//     operation of excluded-operations.txt is in either.
//   - Every JSON tag, query key, sort key and enum value in the SDK's source is a word
//     of the contract, and the fields of a struct belong to one object of it.
//   - All of these notice mistakes: fixtures, answers, requests, the table and the
//     source are changed in thousands of places, one at a time, and each change must
//     be found. Some source changes are also compiled, in a copy, and run against the
//     SDK's own tests.
//
// # How strict
//
// Unknown query parameters and unknown fields of bodies are refused, though JSON
// Schema allows them. Patterns match the whole value. Days and times must exist and
// be written as finAPI writes them. In [Open] mode, for answers of finAPI itself,
// unknown fields pass: finAPI adds some from time to time.
//
// # Running
//
// From this folder:
//
//	go test .                                    # everything; two minutes on two cores, most of them for 16 compiled mutations
//	go test -v -run TestTheTraffic .             # with numbers and exceptions
//	go test -v -run TestTheTestsNotice -mutations=all -timeout 2h .
//	go test -v -run TestTheTestsNotice -mutations='JSON tag.*banks.go' .
//
// To watch a program against finAPI's sandbox, give its HTTP client a [Transport].
package contract
