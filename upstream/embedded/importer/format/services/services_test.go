package services_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
)

// meaning returns what a file says about a single message, such as "bounced hard bad-mailbox", or why it was skipped.
func meaning(t *testing.T, f format.Format, text string) string {
	t.Helper()
	s := formattest.Recognised(t, f, text)
	if len(s.Records) == 0 {
		return strings.Join(append(slices.Collect(maps.Keys(s.Skipped)), s.Bads...), ", ")
	}
	r := s.Records[0]
	outcome := [...]string{"accepted", "delivered", "bounced", "blocked"}[r.Outcome]
	return strings.Join(strings.Fields(strings.Join([]string{outcome, string(r.Type), r.Category, r.Reason}, " ")), " ")
}
