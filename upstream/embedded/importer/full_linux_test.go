package importer_test

import (
	"strings"
	"syscall"
	"testing"
)

func TestSortingOnAFullDiskSaysSo(t *testing.T) {
	t.Parallel()
	o := small(t)
	if err := syscall.Mount("tmpfs", o.TempDir, "tmpfs", 0, "size=20k"); err != nil {
		t.Skip("a small disk cannot be mounted here: ", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(o.TempDir, 0) })
	_, s, _, err := imported(t, strings.Join(scattered(2_000), "\n"), o)
	if err == nil || !strings.Contains(err.Error(), "the disk is full") || !strings.Contains(err.Error(), o.TempDir) ||
		s.Emails == 0 {
		t.Errorf("%v, %+v", err, s)
	}
}
