package gateway

import (
	"context"
	"database/sql"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"deliverygraph/upstream/embedded/store/sqlite"
)

// Imports into a store that another program locks say what they wait for, and end soon when they are to stop.
func TestImportsThatWaitForALockSaySoAndStopSoon(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rows := filepath.Join(dir, "rows.ndjson")
	if err := os.WriteFile(rows, []byte(emailLines(3)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, flags := range map[string][]string{"import": nil, "follow": {"--follow"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(dir, name+".db")
			s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			if err := s.Finish(t.Context()); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			other, err := db.Conn(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.ExecContext(t.Context(), "begin immediate"); err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			read, write := io.Pipe()
			ended := make(chan int, 1)
			go func() {
				args := append([]string{"import", "--data", path, rows}, flags...)
				ended <- Run(ctx, args, Streams{strings.NewReader(""), io.Discard, write})
				_ = write.Close()
			}()
			said := make([]byte, 1024)
			n, err := read.Read(said)
			if want := "waiting for another program that writes to " + path + "\n"; err != nil ||
				!strings.HasSuffix(string(said[:n]), want) {
				t.Fatalf("%q, %v, want %q", said[:n], err, want)
			}
			rest := make(chan string, 1)
			go func() { text, _ := io.ReadAll(read); rest <- string(text) }()
			stop()
			begun := time.Now()
			<-ended
			if took := time.Since(begun); took > 9*time.Second { // idle machines take half a second
				t.Errorf("it takes %v to stop", took)
			}
			if text := <-rest; strings.Contains(text, "waiting") {
				t.Errorf("it says again: %s", text)
			}
			if i, err := s.Info(t.Context()); err != nil || i.Emails.Rows != 0 {
				t.Errorf("%d rows are stored, %v", i.Emails.Rows, err)
			}
			if _, err := other.ExecContext(t.Context(), "rollback"); err != nil {
				t.Fatal(err)
			}
			if code, text := importing(t, "", "--data", path, rows); code != exitOK { // nothing is lost
				t.Errorf("exit code %d: %s", code, text)
			}
			if i, err := s.Info(t.Context()); err != nil || i.Emails.Rows != 3 {
				t.Errorf("%d rows are stored, %v", i.Emails.Rows, err)
			}
		})
	}
}
