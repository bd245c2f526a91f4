//go:build race

// Package race tells tests whether the race detector runs, which is slow and
// allocates: then properties are tried with fewer cases, and memory is not measured.
package race

// Enabled reports whether the race detector is compiled in.
const Enabled = true
