//go:build !race

package upstreamtest

const Race = false
