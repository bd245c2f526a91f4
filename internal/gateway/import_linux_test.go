package gateway

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The test runs alone: it must not be able to disturb stores of other tests in this process.
func TestImportOntoAFullDiskFailsAndKeepsWhatItReports(t *testing.T) {
	for _, rows := range []int{500, 1500, 3000, 20_000} { // the disk is full at the end, and before
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=700k"); err != nil {
			t.Skip("a small disk cannot be mounted here: ", err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, 0) })
		path := filepath.Join(dir, "metrics.db")
		code, said := importing(t, emailLines(rows), "--data", path, "-")
		if code != exitFailure || !strings.Contains(said, path+": the disk is full: what is reported is stored") {
			t.Errorf("%d rows: exit code %d, %s", rows, code, said)
		}
		said = strings.TrimPrefix(said, "building the indexes of the store\n") // on a slow machine
		var reported string
		if _, err := fmt.Sscan(said, &reported); err != nil {
			t.Fatal(err)
		}
		if got := storedEmails(t, path); fmt.Sprint(got) != strings.ReplaceAll(reported, ",", "") {
			t.Errorf("%s rows were reported, %d are there", reported, got)
		}
	}
}
