package importer_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded/importer"
)

// A line is imported only if encoding/json reads it as one JSON object that has only the fields of the row, and no line
// stops an import.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		goodSender, goodEmail, goodBounce, goodBlocked, "[" + goodEmail, goodEmail + ",", `{"kind":"\"}`, `{"":{}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		if bytes.ContainsAny(line, "\n\r") ||
			len(line) > 1 && (line[0] == 0x1f || bytes.HasPrefix(line, []byte("BZh"))) {
			t.Skip()
		}
		m, s, bad, err := imported(t, string(line), importer.Options{})
		if err != nil || s.Rows()+len(bad) > 1 {
			t.Fatalf("%v: %+v, %v", err, s, bad)
		}
		for _, b := range bad {
			if b.Reason == "" {
				t.Error("a bad line without a reason")
			}
		}
		if s.Rows() == 0 {
			return
		}
		var members map[string]any
		if err := json.Unmarshal(bytes.TrimFunc(line, func(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }),
			&members); err != nil {
			t.Fatalf("imported, but %v", err)
		}
		// The row stays the same when it is exported and imported again.
		again, _, bad, err := imported(t, string(ndjson(m.rows())), importer.Options{})
		if err != nil || len(bad) != 0 {
			t.Fatal(err, bad)
		}
		if diff := cmp.Diff(m.rows(), again.rows()); diff != "" {
			t.Error(diff)
		}
		for name := range members {
			if _, known := importer.Table()[name]; !known {
				t.Errorf("imported with the field %q", name)
			}
		}
	})
}
