package upstreamtest

import (
	"testing"

	"deliverygraph/upstream"
)

// RunReadOnly x
func RunReadOnly(t *testing.T, s Server, w upstream.Window) {}
