package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// smallDisk mounts a disk of a size, such as 300k, and returns its directory.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
	return dir
}

// TestFullDiskKeepsWhatWasWritten fills disks of different sizes, so that they are full at different steps of a write
// or of a checkpoint.
func TestFullDiskKeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	for _, size := range []string{"100k", "300k", "500k", "700k", "1100k"} {
		t.Run(size, func(t *testing.T) {
			path := filepath.Join(smallDisk(t, size), "events.db")
			isFull := func(err error) {
				t.Helper()
				if !errors.Is(err, store.ErrDiskFull) || !strings.Contains(err.Error(), path+": the disk is full") {
					t.Fatalf("the error is %v, want it to name the file and to say that the disk is full", err)
				}
			}
			s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
			if err != nil {
				isFull(err)
				return
			}
			t.Cleanup(func() { _ = s.Close() })
			var want store.Written
			for b := range storetest.Batches(20000, 300) {
				b.Senders = nil
				var w store.Written
				w, err = s.Write(t.Context(), b)
				want.New += w.New
				if err != nil {
					break
				}
			}
			isFull(err)
			if err := s.Checkpoint(t.Context()); err != nil {
				isFull(err)
			}
			rows := func(s *sqlite.Store) (n int) {
				t.Helper()
				i := storetest.Must[store.Info](t)(s.Info(t.Context()))
				for _, k := range upstream.Kinds {
					n += int(i.Of(k).Rows)
				}
				return n
			}
			if got := rows(s); got != want.New {
				t.Errorf("%d rows are there, of %d that were written", got, want.New)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			// A copy of the files on another disk is complete.
			elsewhere := filepath.Join(t.TempDir(), "events.db")
			for _, suffix := range []string{"", "-wal"} {
				if image, err := os.ReadFile(path + suffix); err == nil {
					if err := os.WriteFile(elsewhere+suffix, image, 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if got := rows(open(t, elsewhere)); got != want.New {
				t.Errorf("%d rows are there in a copy, of %d that were written", got, want.New)
			}
		})
	}
}
