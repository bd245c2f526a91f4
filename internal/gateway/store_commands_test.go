package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// command runs a command of the program, and returns its output.
func command(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Run(context.Background(), args, Streams{strings.NewReader(""), &stdout, &stderr})
	return code, stdout.String(), stderr.String()
}

// A gateway that serves a store immediately stops serving what other processes remove from it.
func TestStoreCommandsShowInTheAnswersOfAGateway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	at := func(days int) upstream.Time { return upstream.Time(time.Now().AddDate(0, 0, -days).Unix()) }
	bounce := func(n, days int, local string) upstream.BounceDetail {
		return upstream.BounceDetail{Bounce: upstream.Bounce{
			UserID: 20, SenderID: 17, EmailID: fmt.Sprint("id", n), EmailAddress: local + "@example.com", Local: local,
			Domain: "example.com",
			Type:   upstream.Hard, Category: "bad-mailbox", BounceTime: at(days), ProcessTime: at(days),
		}, DiagnosticCode: "smtp; 550 for jane.roe@example.com",
			FullContent: "Return-Path: <bounces+jane.roe=example.com@mail.example.net>"}
	}
	if _, err := s.Write(t.Context(), store.Batch{Bounces: []upstream.BounceDetail{
		bounce(1, 500, "old"), bounce(2, 9, "jane.roe"), bounce(3, 8, "someone"),
	}}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}

	p := start(t, "--data", path)
	bounces := func() string {
		t.Helper()
		_, body := p.do(http.MethodPost, p.graphql,
			`{"query": "{ bounces(window: {last: \"P3Y\"}) { totalCount nodes { recipient detail { diagnosticCode `+
				`fullContent } } } }"}`, "Content-Type", "application/json")
		return body
	}
	shows := func(total int, local string, want bool) {
		t.Helper()
		body := bounces()
		if !strings.Contains(body, fmt.Sprintf(`"totalCount":%d,`, total)) || strings.Contains(body, local) != want {
			t.Errorf("want %d bounces, %s among them: %v: %s", total, local, want, body)
		}
	}
	runs := func(want string, args ...string) {
		t.Helper()
		if code, out, err := command(t, args...); code != exitOK || !strings.Contains(out, want) {
			t.Errorf("%q exits with %d, prints %q and %q; want %q", args, code, out, err, want)
		}
	}
	shows(3, "old@example.com", true)
	runs("would remove 0 emails, 1 bounce, 0 blocked emails from before 2", "prune", "--data", path, "--older-than",
		"P400D", "--dry-run")
	shows(3, "old@example.com", true)
	runs("removed 0 emails, 1 bounce, 0 blocked emails from before 2", "prune", "--data", path, "--older-than", "P400D")
	shows(2, "old@example.com", false)

	backup := filepath.Join(dir, "backup.db")
	runs("backup.db: ", "backup", "--data", path, backup)
	shows(2, "jane.roe", true)
	runs("would remove 0 emails, 1 bounce, 0 blocked emails, and the address from 1 other row", "erase", "--data", path,
		"--recipient", "Jane.Roe@Example.COM", "--dry-run")
	runs("removed 0 emails, 1 bounce, 0 blocked emails, and the address from 1 other row", "erase", "--data", path,
		"--recipient", "Jane.Roe@Example.COM")
	shows(1, "jane.roe", false)
	for _, odd := range []string{"a..b@example.com", `"a b"@example.com`} { // there is such mail
		runs("removed 0 emails", "erase", "--data", path, "--recipient", odd)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if image, err := os.ReadFile(path + suffix); err == nil &&
			bytes.Contains(bytes.ToLower(image), []byte("jane.roe")) {
			t.Errorf("the address is in %s%s", path, suffix)
		}
	}
	runs("all is well", "check", "--data", path)
	runs("bounces                     1   ", "info", "--data", path)
	runs("bounces                     2   ", "info", "--data", backup)
}

func TestRetentionPrunesAutomatically(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	old := oldEmails(0, 3)
	old.Emails[0].ProcessTime -= 10 * 86400
	if _, err := s.Write(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--data", path, "--retention", "P7D")
	for deadline := time.Now().Add(30 * time.Second); ; {
		i, err := s.Info(t.Context())
		if err == nil && i.Emails.Rows == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("there are %+v, %v", i.Emails, err)
		}
	}
	p.stop()
	if log := p.log(); !strings.Contains(log, "msg=pruned older_than=P7D emails=1 bounces=0 blocked_emails=0") {
		t.Errorf("the log does not say so:\n%s", log)
	}
}

func TestStoreCommandsRefuseInvalidArguments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	missing := filepath.Join(dir, "none.db")
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	made := filepath.Join(dir, "made.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: made})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		want string
		args []string
	}{
		{"none.db", []string{"info", "--data", missing}},
		{"none.db", []string{"check", "--data", missing}},
		{"none.db", []string{"prune", "--data", missing, "--older-than", "P1D"}},
		{"not a store", []string{"info", "--data", text}},
		{"P400D", []string{"prune", "--data", made, "--older-than", "400 days"}},
		{"is not an address", []string{"erase", "--data", made, "--recipient", "Jane <jane@example.com>"}},
		{filepath.Join(dir, "none") + `" of the target does not exist`,
			[]string{"backup", "--data", made, filepath.Join(dir, "none", "b.db")}},
		{"already exists", []string{"backup", "--data", made, text}},
		{"--retention", []string{"serve", "--retention", "P1D"}},
		{"--retention", []string{"serve", "--retention", "P1D", "--upstream", "http://127.0.0.1:1"}},
	} {
		if code, _, err := command(t, c.args...); code != exitUsage || !strings.Contains(err, c.want) {
			t.Errorf("%q exits with %d and says %q, want %q", c.args, code, err, c.want)
		}
	}
	if _, err := os.Stat(missing); err == nil {
		t.Error("a store was made")
	}
}

// Root may write everywhere, so this tests less if it runs as root.
func TestStoresThatCannotBeWrittenCanBeRead(t *testing.T) {
	t.Parallel()
	for _, mode := range []struct{ file, folder os.FileMode }{{0o444, 0o555}, {0o444, 0o755}, {0o644, 0o555}} {
		folder := filepath.Join(t.TempDir(), "store")
		if err := os.Mkdir(folder, 0o755); err != nil {
			t.Fatal(err)
		}
		path, backup := filepath.Join(folder, "metrics.db"), filepath.Join(t.TempDir(), "backup.db")
		if code, said := importing(t, emailLines(3), "--data", path, "-"); code != exitOK {
			t.Fatal(said)
		}
		if err := errors.Join(os.Chmod(path, mode.file), os.Chmod(folder, mode.folder)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(folder, 0o755) })
		for want, args := range map[string][]string{
			"emails                      3   ": {"info"}, "all is well": {"check"}, "backup.db: ": {"backup", backup},
		} {
			code, out, said := command(t, append(args, "--data", path)...)
			if code != exitOK || !strings.Contains(out, want) {
				t.Errorf("%o in %o: %q exits with %d, prints %q and %q", mode.file, mode.folder, args, code, out, said)
			}
		}
		if found, err := os.ReadDir(folder); err != nil || len(found) != 1 {
			t.Errorf("%o in %o: left behind: %v, %v", mode.file, mode.folder, found, err)
		}
		if code, out, said := command(t, "info", "--data", backup); code != exitOK {
			t.Errorf("%o in %o: the backup: %q, %q", mode.file, mode.folder, out, said)
		}
	}
}

func TestImportSaysThatItMayNotCreateAStore(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may create files everywhere")
	}
	folder := filepath.Join(t.TempDir(), "store")
	if err := os.Mkdir(folder, 0o555); err != nil {
		t.Fatal(err)
	}
	code, said := importing(t, emailLines(3), "--data", filepath.Join(folder, "metrics.db"), "-")
	if code == exitOK || !strings.Contains(said, "permission denied") || strings.Contains(said, "no such file") {
		t.Errorf("it exits with %d and says %q", code, said)
	}
}
