package upstreamtest_test

import (
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

func TestModelKeepsItsOwnContract(t *testing.T) {
	upstreamtest.RunAPI(t, func(t *testing.T, rows upstreamtest.Rows) upstream.API { return upstreamtest.NewModel(rows) })
}
