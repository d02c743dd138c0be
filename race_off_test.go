//go:build !race

package finapi_test

const underRaceDetector = false
