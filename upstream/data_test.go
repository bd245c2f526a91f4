package upstream_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	. "deliverygraph/upstream"
)

// TestRealBounces decodes and encodes the rows of real bounce messages, and
// compares them as another JSON library reads them.
func TestRealBounces(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../shared/data/real-bounces.ndjson")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("no real bounces beside the repository")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<24)
	seen := map[string]int{}
	for n := 1; lines.Scan(); n++ {
		var want, got map[string]any
		if err := json.Unmarshal(lines.Bytes(), &want); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		kind := want["kind"].(string)
		seen[kind]++
		delete(want, "kind")
		var again []byte
		switch kind {
		case "bounce":
			d, err := DecodeBounceDetail(lines.Text())
			if err != nil {
				t.Fatalf("line %d: %v", n, err)
			}
			again = AppendBounceDetailRow(nil, d)
		case "email":
			e, err := DecodeEmail(lines.Text())
			if err != nil {
				t.Fatalf("line %d: %v", n, err)
			}
			again = AppendEmailRow(nil, e)
		default:
			continue
		}
		if err := json.Unmarshal(again, &got); err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("line %d: -want +got\n%s", n, diff)
		}
	}
	if lines.Err() != nil || seen["bounce"] == 0 || seen["email"] == 0 {
		t.Errorf("read %v, %v", seen, lines.Err())
	}
}
