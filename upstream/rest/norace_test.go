//go:build !race

package rest

// raceDetector says whether the race detector is on, which makes allocations of its own.
const raceDetector = false
