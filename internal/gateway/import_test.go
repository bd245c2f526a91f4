package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded/store/sqlite"
)

// importing runs an import, and returns its exit code and output.
func importing(t *testing.T, stdin string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	code = Run(t.Context(), append([]string{"import"}, args...), Streams{strings.NewReader(stdin), &out, &out})
	return code, out.String()
}

// emailLines returns n rows of emails to different recipients.
func emailLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"kind": "email", "user_id": 21, "sender_id": 211, "email_id": "2026.%012d@mail6", `+
			`"email_address": "recipient%d@example%d.com", "process_time": %d, "delivered": true, `+
			`"xheaders": {"X-Campaign": "c%d", "X-Region": "%d"}}`+"\n",
			i, i*7919%99991, i%300, 1795305600+60*i, i%97, i*31337%1000003)
	}
	return b.String()
}

// storedEmails returns the number of emails in a store.
func storedEmails(t *testing.T, path string) int {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	i, err := s.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return int(i.Emails.Rows)
}

func TestServingMakesNoStoreUnlessAsked(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "TYPO.db"), empty} {
		var out bytes.Buffer
		code := Run(t.Context(), []string{"serve", "--listen", "127.0.0.1:0", "--data", path},
			Streams{strings.NewReader(""), &out, &out})
		for _, want := range []string{path, "deliverygraph import --data " + path, "--create"} {
			if code != exitUsage || !strings.Contains(out.String(), want) {
				t.Errorf("exit code %d, %q, want %d and %q", code, out.String(), exitUsage, want)
			}
		}
	}
	if found, _ := os.ReadDir(dir); len(found) != 1 {
		t.Errorf("refusing left %v behind", found)
	}
	path := filepath.Join(dir, "new.db")
	for _, args := range [][]string{{"--create", "--data", path}, {"--data", path}} { // the second time it exists
		p := start(t, args...)
		if got := at(p.query(`{ emails(window: {last: "P1D"}) { totalCount } }`, nil), "emails",
			"totalCount"); got != 0. {
			t.Errorf("%v: the new store has %v emails", args, got)
		}
		p.stop()
	}
}

func TestImportSaysWhatIsWrongWithItsStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(other, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none", "metrics.db"): filepath.Join(dir, "none") + ": no such file or directory",
		dir:                                      "it is a directory",
		other:                                    "it is not a store",
		filepath.Join(other, "metrics.db"):       other + " is not a directory",
	} {
		if code, said := importing(t, emailLines(1), "--data", path, "-"); code != exitFailure ||
			!strings.Contains(said, path) || !strings.Contains(said, want) {
			t.Errorf("exit code %d, %q, want %d, %s and %q", code, said, exitFailure, path, want)
		}
	}
}

func TestAfterAnImportTheFileIsWholeByItself(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	copied := func() string {
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		alone := filepath.Join(t.TempDir(), "copy.db")
		if err := os.WriteFile(alone, image, 0o600); err != nil {
			t.Fatal(err)
		}
		return alone
	}
	if code, said := importing(t, emailLines(1000), "--data", path, "-"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if got := storedEmails(t, copied()); got != 1000 {
		t.Errorf("%d emails in the copy of the file, want 1000", got)
	}
	start(t, "--data", path) // keeps the file open, and with it the -wal file
	if code, said := importing(t, emailLines(3000), "--data", path, "-"); code != exitOK {
		t.Fatalf("exit code %d: %s", code, said)
	}
	if got := storedEmails(t, copied()); got != 3000 {
		t.Errorf("%d emails in the copy of the file that is being served, want 3000", got)
	}
}

func TestImportOfAFileOfAnotherFormat(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log, rows := filepath.Join(dir, "access.log"), filepath.Join(dir, "rows.ndjson")
	line := `192.0.2.1 - - [29/Nov/2026:17:00:00 +0000] "GET / HTTP/1.1" 200 1` + "\n"
	if err := errors.Join(os.WriteFile(log, []byte(strings.Repeat(line, 3000)), 0o600),
		os.WriteFile(rows, []byte(emailLines(3)), 0o600)); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "metrics.db")
	code, said := importing(t, "", "--data", path, log, rows)
	if code != exitPartly || strings.Count(said, "\n") != 2 ||
		!strings.Contains(said, log+": none of its first 20 lines is a row: it seems to be a log of other programs") ||
		!strings.Contains(said, "3 rows in ") || !strings.Contains(said, "0 bad lines; 1 file skipped") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	if got := storedEmails(t, path); got != 3 {
		t.Errorf("%d emails of the file after it, want 3", got)
	}
}

func TestImportOfAMailLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const line = "Nov 10 10:00:04 mx1 postfix/smtp[4]: 4B1ED9C4292: to=<%s@example.net>, relay=mx[192.0.2.1]:25, " +
		"delay=2.9, delays=0/0/1/1.9, dsn=%s, status=%s (text)\n"
	log := filepath.Join(dir, "mail.log")
	text := fmt.Sprintf(line+line+line, "a", "2.0.0", "sent", "b", "5.1.1", "bounced", "c", "4.4.1", "deferred")
	if err := os.WriteFile(log, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "metrics.db")
	for _, args := range [][]string{
		{log}, {"--format", "postfix", "--user", "7", "--time-zone", "Europe/Berlin", log},
	} {
		code, said := importing(t, "", append([]string{"--data", path}, args...)...)
		if code != 0 || !strings.Contains(said,
			"postfix, 1 file, 1 sender: 1 delivered, 1 bounced, 0 blocked, "+
				"1 without an outcome yet\n  skipped: deferral (1)\n") || strings.Contains(said, "0 senders") {
			t.Errorf("%v: exit code %d:\n%s", args, code, said)
		}
	}
	if got := storedEmails(t, path); got != 6 {
		t.Errorf("%d emails of two users, want 6", got)
	}
	for flag, value := range map[string]string{"--format": "nothing", "--user": "0", "--time-zone": "Nowhere"} {
		if code, said := importing(t, "", "--data", path, flag, value, log); code != exitUsage ||
			!strings.Contains(said, flag) {
			t.Errorf("%s %s: exit code %d:\n%s", flag, value, code, said)
		}
	}
}

// An import follows a log into the store that a gateway serves, and a signal ends it without an error.
func TestQueriesSeeNewLinesOfAFollowedLog(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, log := filepath.Join(dir, "metrics.db"), filepath.Join(dir, "mail.log")
	p := start(t, "--create", "--data", db)
	ctx, stop := context.WithCancel(t.Context())
	var out bytes.Buffer
	code := make(chan int)
	go func() {
		code <- Run(ctx, []string{"import", "--follow", "--data", db, log}, Streams{strings.NewReader(""), &out, &out})
	}()
	const line = "%s mx1 postfix/smtp[4]: 4B1ED9C42%02d: to=<a@example.net>, relay=mx[192.0.2.1]:25, delay=1, " +
		"delays=0/0/1/0, dsn=5.1.1, status=bounced (host mx[192.0.2.1] said: 550 5.1.1 User unknown)\n"
	for i := range 2 {
		f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, line, time.Now().Add(-time.Minute).Format(time.RFC3339), i)
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			n := at(p.query(`{ bounces(window: {last: "P1D"}) { totalCount } }`, nil), "bounces", "totalCount")
			if n == float64(i+1) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("a query finds %v bounces, want %d", n, i+1)
			}
		}
	}
	stop()
	if got := <-code; got != exitOK || !strings.Contains(out.String(), "2 bounces") {
		t.Errorf("exit code %d: %s", got, out.String())
	}
	p.stop()
}

// The real bounces are imported completely, also twice, and each can be read by GraphQL and REST.
func TestRealBouncesAreServedAfterAnImport(t *testing.T) {
	t.Parallel()
	const file = "../../../shared/data/real-bounces.ndjson"
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the real bounces are not installed")
	}
	db := filepath.Join(t.TempDir(), "real.db")
	for _, says := range []string{"756 new", "756 already there"} {
		var out bytes.Buffer
		if code := Run(t.Context(), []string{"import", "--data", db, "--strict", file},
			Streams{strings.NewReader(""), &out, &out}); code != 0 || !strings.Contains(out.String(), says) {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
	}
	p := start(t, "--data", db, "--rest-listen", "127.0.0.1:0")
	byID := map[string]map[string]any{}
	var after any
	for {
		data := p.query(`query($after: String) {
			bounces(window: {between: {start: "1990-01-01", end: "2030-01-01"}}, first: 100, after: $after) {
				nodes {
					emailId recipient code category userId senderId type bouncedAt sender { address }
					detail { diagnosticCode ruleName fullContent }
				}
				pageInfo { hasNextPage endCursor }
			}
		}`, map[string]any{"after": after})
		for _, n := range at(data, "bounces", "nodes").([]any) {
			byID[at(n, "emailId").(string)] = n.(map[string]any)
		}
		if at(data, "bounces", "pageInfo", "hasNextPage") != true {
			break
		}
		after = at(data, "bounces", "pageInfo", "endCursor")
	}
	seen := 0
	for line := range strings.Lines(string(lines)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row["kind"] != "bounce" {
			continue
		}
		seen++
		n := byID[row["email_id"].(string)]
		if n == nil {
			t.Fatalf("GraphQL does not list %v", row["email_id"])
		}
		for graphql, rest := range map[string]any{
			"recipient": row["email_address"], "code": row["bounce_code"], "category": row["bounce_category"],
		} {
			if n[graphql] != rest {
				t.Errorf("%v: %s is %v, want %v", row["email_id"], graphql, n[graphql], rest)
			}
		}
		want := map[string]any{
			"diagnosticCode": row["diagnostic_code"], "ruleName": row["regex_name"], "fullContent": row["full_content"],
		}
		if d := cmp.Diff(want, n["detail"]); d != "" {
			t.Errorf("%v: %s", row["email_id"], d)
		}
		_, body := p.do(http.MethodGet, fmt.Sprintf("%s/bounce/%.0f/%.0f/%.0f/%s", p.rest, row["user_id"],
			row["sender_id"], row["bounce_time"], url.PathEscape(row["email_id"].(string))), "")
		var detail struct{ Data map[string]any }
		if err := json.Unmarshal([]byte(body), &detail); err != nil {
			t.Fatal(err)
		}
		delete(row, "kind")
		if d := cmp.Diff(row, detail.Data); d != "" {
			t.Errorf("REST: %s", d)
		}
	}
	if seen != 319 || len(byID) != 319 {
		t.Errorf("%d bounces in the file, %d in the store", seen, len(byID))
	}
}

// An import reports bad lines, skips them, and sets its exit code; with --strict it stops.
func TestImportSkipsBadLines(t *testing.T) {
	t.Parallel()
	const rows = `{"kind": "sender", "user_id": 21, "sender_id": 211, "sender": "news@example.com"}` + "\n" +
		"nonsense\n" +
		`{"kind": "email", "user_id": 21, "sender_id": 211, "email_id": "20261122000000.1@mail6-40", ` +
		`"email_address": "recipient1@example.com", "process_time": 1795305600, "delivered": true}` + "\n"
	for args, want := range map[string]string{"": "2 rows", "--strict": "1 row in"} {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"import", "--data", filepath.Join(t.TempDir(), "x.db"), "-"},
			strings.Fields(args)...), Streams{strings.NewReader(rows), &out, &out})
		if code != exitPartly || !strings.Contains(out.String(), "standard input:2:") ||
			!strings.Contains(out.String(), want) {
			t.Errorf("import %s: exit code %d:\n%s", args, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"import", "--data", filepath.Join(t.TempDir(), "x.db"), "no-such-file"},
		Streams{strings.NewReader(""), &out, &out}); code != exitFailure ||
		!strings.Contains(out.String(), "no-such-file") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}

// A file that cannot be read is reported, and the others are imported.
func TestAFileThatCannotBeReadDoesNotStopAnImport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	loop, rows := filepath.Join(dir, "a.ndjson"), filepath.Join(dir, "b.ndjson")
	if err := errors.Join(os.Symlink(loop, loop), os.WriteFile(rows, []byte(emailLines(3)), 0o600)); err != nil {
		t.Skip("a file that cannot be read cannot be made here: ", err)
	}
	path := filepath.Join(dir, "metrics.db")
	code, said := importing(t, "", "--data", path, loop, rows)
	if code != exitPartly || !strings.HasPrefix(said, loop+": it cannot be read: ") ||
		!strings.Contains(said, "3 rows in ") || !strings.Contains(said, "0 bad lines; 1 file skipped\n") {
		t.Errorf("exit code %d:\n%s", code, said)
	}
	if got := storedEmails(t, path); got != 3 {
		t.Errorf("%d emails are stored, want 3", got)
	}
}
