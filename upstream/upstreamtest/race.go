//go:build race

package upstreamtest

// Race says that the race detector runs, which is slow and allocates: properties are then tried with fewer cases, and
// memory is not measured.
const Race = true
