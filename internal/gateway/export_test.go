package gateway

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// Demo data that is exported, imported, and exported from the store and from a server over it, is the same.
func TestExportMovesAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	export := func(name string, args ...string) string {
		t.Helper()
		code, out, said := command(t, append([]string{"export", "-o", file(name)}, args...)...)
		if code != exitOK || out != "" || !strings.Contains(said, " rows in ") {
			t.Fatalf("%d: %s%s", code, out, said)
		}
		text, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := export("demo.ndjson", "--since", "P3D")
	code, _, said := command(t, "import", "--strict", "--data", file("metrics.db"), file("demo.ndjson"))
	if code != exitOK {
		t.Fatal(said)
	}
	if got := export("again.ndjson", "--data", file("metrics.db")); got != want {
		t.Errorf("the store's export has %d bytes, that of the demo data %d", len(got), len(want))
	}
	if code, out, _ := command(t, "export", "--data", file("metrics.db"), "-o", "-"); code != exitOK || out != want {
		t.Errorf("%d, and %d bytes on standard output", code, len(out))
	}
	day := []string{"--from", time.Now().AddDate(0, 0, -2).UTC().Format(time.DateOnly), "--to",
		time.Now().AddDate(0, 0, -1).UTC().Format(time.RFC3339)}
	server := start(t, "--data", file("metrics.db"), "--rest-listen", "127.0.0.1:0")
	rows := func(text string) string { return text[strings.Index(text, "\n{\"kind\":\"email\""):] } // and later senders
	local := export("local.ndjson", append(day, "--data", file("metrics.db"))...)
	remote := export("remote.ndjson", append(day, "--upstream", server.rest)...)
	senders := strings.Count(remote, `"kind":"sender"`)
	stored := map[string]bool{}
	for line := range strings.Lines(local) {
		stored[line] = true
	}
	for line := range strings.Lines(remote) {
		if !stored[line] {
			t.Fatalf("the store's export lacks %s", line)
		}
	}
	if n := strings.Count(rows(local), "\n") - 1; n != strings.Count(remote, "\n")-senders || senders == 0 {
		t.Errorf("%d rows from the store, %d from the server, with %d senders", n, strings.Count(remote, "\n"), senders)
	}
}

// A wrong export writes nothing, and a file that exists stays.
func TestWrongExports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	existing := filepath.Join(dir, "existing")
	if err := os.WriteFile(existing, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	none := filepath.Join(dir, "none.db")
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"--data", none}, "--data: \"" + none + "\" does not exist"},
		{[]string{"--upstream", "https://metrics.example.com"}, "--since P90D"},
		{[]string{"--upstream", "metrics.example.com", "--since", "P1D"}, "--upstream must begin with"},
		{[]string{"--upstream", "https://metrics.example.com", "--data", none}, "--data and --upstream"},
		{
			[]string{"--upstream", "https://metrics.example.com", "--since", "P1D", "--upstream-concurrency=-1"},
			"--upstream-concurrency",
		},
		{[]string{"--upstream-key", "k"}, "without --upstream"},
		{[]string{"--since", "90"}, "P400D"},
		{[]string{"--since", "P1D", "--from", "2016-11-22"}, "--since and --from"},
		{[]string{"--from", "yesterday"}, "2016-11-22T00:00:00Z"},
		{[]string{"--to", "1479772800000"}, "--to"},
		{[]string{"--from", "2016-11-22", "--to", "2016-11-22"}, "--to must be later"},
		{[]string{"-o", existing}, "already exists"},
		{[]string{"-o", filepath.Join(dir, "no", "file")}, "--output: the folder"},
	} {
		if said := refused(t, append([]string{"export"}, c.args...)...); !strings.Contains(said, c.says) {
			t.Errorf("%q: %s", c.args, said)
		}
	}
	if text, err := os.ReadFile(existing); err != nil || string(text) != "mine" {
		t.Errorf("%q, %v", text, err)
	}
}

// An account of logs keeps its user in a store that imports an export.
func TestExportKeepsTheUsersOfAccounts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	run := func(args ...string) string {
		t.Helper()
		code, out, said := command(t, args...)
		if code != exitOK {
			t.Fatalf("%q: %d: %s", args, code, said)
		}
		return out
	}
	log := "type,timeLogged,timeQueued,orig,rcpt,dsnStatus,dsnDiag,bounceCat,vmta\n"
	for _, account := range []string{"acme", "other"} {
		log += "d,2026-11-10 10:00:00,2026-11-10 10:00:00,news@" + account +
			".example,x@example.net,2.0.0 (ok),,," + account + "\n"
	}
	first, second := filepath.Join(dir, "first.db"), filepath.Join(dir, "second.db")
	run("import", "--data", first, file("log", log))
	rows := run("export", "--data", first)
	if strings.Count(rows, `"kind":"account"`) != 2 {
		t.Fatal(rows)
	}
	run("import", "--strict", "--data", second, file("rows", rows))
	run("import", "--data", second, file("log", log))
	if again := run("export", "--data", second); again != rows {
		t.Errorf("after the log was imported again:\n%s\nwant\n%s", again, rows)
	}
	wrong := file("wrong", `{"kind": "account", "user_id": 99, "account": "acme"}`)
	code, _, said := command(t, "import", "--data", second, wrong)
	if code != exitFailure || !strings.Contains(said, `"acme" is user 99`) {
		t.Errorf("%d: %s", code, said)
	}
}

func TestExportSaysWhichStateItLacks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	_, err = s.Write(t.Context(), store.Batch{State: map[string]string{
		"follow/file/mail.log": "{}", store.UnfinishedPrefix + "a": "{}", store.UnfinishedChange: "1",
		store.Remains: "1",
	}})
	if err := errors.Join(err, s.Close()); err != nil {
		t.Fatal(err)
	}
	code, _, said := command(t, "export", "--data", path)
	if code != exitOK || !strings.Contains(said, "has read 1 file\n") ||
		!strings.Contains(said, "1 unfinished message of") {
		t.Errorf("%d: %s", code, said)
	}
}
