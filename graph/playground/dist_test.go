package playground_test

import (
	"testing"

	"deliverygraph/internal/web/site/sitetest"
)

func TestThePageWasBuiltFromTheseSources(t *testing.T) {
	t.Parallel()
	sitetest.CheckDist(t)
}

func TestTheNoticesNameAllBundledLibraries(t *testing.T) {
	t.Parallel()
	sitetest.CheckNotices(t)
}
