package importer_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer"
)

// Each compressed file in a folder is read once, when it is complete, also after a restart.
func TestFilesInAFolderAreReadWhenTheyAreComplete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put := func(name, text string, age time.Duration) {
		t.Helper()
		path := named(t, dir, name, text)
		if at := time.Now().Add(-age); os.Chtimes(path, at, at) != nil {
			t.Fatal("the time of a file cannot be set")
		}
	}
	whole := gzipped(logBegin + logEnd)
	other := gzipped(strings.NewReplacer("4B1ED9C4292", "5C1ED9C4292", "@example.net", "@example.org").
		Replace(logBegin))
	put("1.gz", other, time.Minute)
	put("2.gz", whole[:len(whole)-8], time.Minute)
	put("3.log", logBegin, time.Minute)
	s := newShop(t)
	f := follow(t, s, importer.Options{BatchRows: 1}, dir)
	eventually(t, "the rows of the complete file", func() bool { e, b := s.count(t); return e == 2 && b == 1 })
	eventually(t, "a note", func() bool { return strings.Contains(f.notes.String(), "such as 3.log, are not read") })
	put("2.gz", whole, 30*time.Second)
	eventually(t, "the rows of the other file", func() bool { e, b := s.count(t); return e == 5 && b == 2 })
	f.end(t)
	put("4.gz", other, time.Minute)
	f = follow(t, s, importer.Options{}, dir)
	eventually(t, "one more file", func() bool {
		state, err := s.State(t.Context(), "follow/folder/")
		return err == nil && len(state) == 3
	})
	f.end(t)
	if f.sum.Files != 1 {
		t.Errorf("after a restart %d files were read, want the one that is new", f.sum.Files)
	}
	if e, b := s.count(t); e != 5 || b != 2 || strings.Contains(f.notes.String(), ".gz") {
		t.Errorf("%d emails, %d bounces; %s", e, b, f.notes.String())
	}
}
