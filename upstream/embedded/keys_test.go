package embedded_test

import (
	"strings"
	"testing"

	"deliverygraph/upstream/embedded"
)

// keys parses lines of a key file.
func keys(t testing.TB, lines ...string) *embedded.Keys {
	t.Helper()
	ks, err := embedded.ParseKeys(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return ks
}
