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

// The rows of real bounce messages survive decoding and encoding, compared by another JSON library.
func TestRealBounces(t *testing.T) {
	t.Parallel()
	f, err := os.Open("../../shared/data/real-bounces.ndjson")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("the real bounces are not available")
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
