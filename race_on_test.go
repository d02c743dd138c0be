//go:build race

package finapi_test

// underRaceDetector: the race detector watches, which makes 32 MiB of an endless answer dear.
const underRaceDetector = true
