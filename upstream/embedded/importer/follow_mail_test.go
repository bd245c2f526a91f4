package importer_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/importer"
)

func TestMaildirsAreFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, folder := range []string{"new", "cur", "tmp", ".Bounces/new", ".Bounces/cur"} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	mail := func(name, to string) {
		t.Helper()
		path := named(t, dir, "tmp/"+filepath.Base(name), strings.NewReplacer("{s}", "1", "b@example.net", to,
			"4B1ED9C4292", "4B1ED9C"+to[:3]+"2").Replace(postfixMail))
		if err := os.Rename(path, filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	s := newShop(t)
	mail("cur/1.a:2,S", "aaa@example.net")
	f := follow(t, s, importer.Options{}, dir)
	bounces := func(n int) func() bool { return func() bool { _, b := s.count(t); return b == n } }
	eventually(t, "the mail that is there", bounces(1))
	mail("new/2.b", "bbb@example.net")
	eventually(t, "the mail that came", bounces(2))
	mail(".Bounces/new/3.c", "ccc@example.net")
	eventually(t, "the mail in a folder", bounces(3))
	f.end(t)
	if err := os.Rename(filepath.Join(dir, "new/2.b"), filepath.Join(dir, "cur/2.b:2,S")); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "cur/1.a:2,S")); err != nil {
		t.Fatal(err)
	}
	mail("new/4.d", "ddd@example.net")
	f = follow(t, s, importer.Options{}, dir)
	eventually(t, "the mail that came meanwhile", bounces(4))
	f.end(t)
	if f.sum.Bounces != 1 {
		t.Errorf("after a restart %d mails were read, want the one that is new", f.sum.Bounces)
	}
	if state, err := s.State(t.Context(), "follow/mail/"); err != nil || len(state) != 3 {
		t.Errorf("the store remembers %d mails, want the 3 that are there: %v", len(state), err)
	}
}

func TestAMailThatCannotBeReadIsReported(t *testing.T) {
	t.Parallel()
	if os.Getuid() == 0 {
		t.Skip("root may read all files")
	}
	dir := t.TempDir()
	closed := named(t, dir, "new/1.a", "")
	if err := errors.Join(os.Chmod(closed, 0), os.Mkdir(filepath.Join(dir, "cur"), 0o700)); err != nil {
		t.Fatal(err)
	}
	named(t, dir, "new/2.b", strings.ReplaceAll(postfixMail, "{s}", "1"))
	s := newShop(t)
	f := follow(t, s, importer.Options{}, dir)
	eventually(t, "the mail after it", func() bool { _, b := s.count(t); return b == 1 })
	f.end(t)
	if f.sum.BadFiles != 1 || !strings.Contains(f.notes.String(), closed+": it cannot be read: permission denied") {
		t.Errorf("%d bad files: %s", f.sum.BadFiles, f.notes.String())
	}
}

// Unlike a missing permission, other errors may be temporary.
func TestAMailThatFailsToBeReadEndsTheImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bad, broken := named(t, dir, "new/1.a", "no mail"), named(t, dir, "new/2.b", "")
	if err := os.Mkdir(filepath.Join(dir, "cur"), 0o700); err != nil {
		t.Fatal(err)
	}
	f := follow(t, newShop(t), importer.Options{Report: func(b importer.BadLine) {
		if b.File == bad { // the folder was listed
			if err := errors.Join(os.Remove(broken), os.Symlink(broken, broken)); err != nil {
				t.Error(err)
			}
		}
	}}, dir)
	select {
	case err := <-f.ended:
		if !errors.Is(err, syscall.ELOOP) {
			t.Errorf("got error %v", err)
		}
	case <-time.After(within):
		t.Error("the import goes on")
	}
}
