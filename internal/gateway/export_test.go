package gateway

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Demo data that is exported, imported, and exported from the store and from a server over it, is the same.
func TestExportMovesAStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	export := func(name string, args ...string) string {
		t.Helper()
		if code, out, said := command(t, append([]string{"export", "-o", file(name)}, args...)...); code != exitOK || out != "" ||
			!strings.Contains(said, " rows in ") {
			t.Fatalf("%d: %s%s", code, out, said)
		}
		text, err := os.ReadFile(file(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	want := export("demo.ndjson")
	if code, _, said := command(t, "import", "--strict", "--data", file("metrics.db"), file("demo.ndjson")); code != exitOK {
		t.Fatal(said)
	}
	if got := export("again.ndjson", "--data", file("metrics.db")); got != want {
		t.Errorf("the store's export has %d bytes, that of the demo data %d", len(got), len(want))
	}
	week := []string{"--from", time.Now().AddDate(0, 0, -7).UTC().Format(time.DateOnly), "--to",
		time.Now().AddDate(0, 0, -1).UTC().Format(time.RFC3339)}
	server := start(t, "--data", file("metrics.db"), "--rest-listen", "127.0.0.1:0")
	rows := func(text string) string { return text[strings.Index(text, "\n{\"kind\":\"email\""):] } // without the first senders
	local := export("local.ndjson", append(week, "--data", file("metrics.db"))...)
	remote := export("remote.ndjson", append(week, "--upstream", server.rest)...)
	senders := strings.Count(remote, `"kind":"sender"`)
	for line := range strings.Lines(remote) {
		if !strings.Contains(local, line) {
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
		{[]string{"--upstream", "https://metrics.example.com", "--since", "P1D", "--upstream-concurrency=-1"}, "--upstream-concurrency"},
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

// What imports remember is no row, and is reported.
func TestExportNamesWhatImportsRemember(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	data, log := filepath.Join(dir, "metrics.db"), filepath.Join(dir, "log")
	if err := os.WriteFile(log, []byte("type,timeLogged,timeQueued,orig,rcpt,dsnStatus,dsnDiag,bounceCat,vmta\n"+
		"d,2026-11-10 10:00:00,2026-11-10 10:00:00,news@example.com,x@example.net,2.0.0 (ok),,,acme\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, said := command(t, "import", "--data", data, log); code != exitOK {
		t.Fatal(said)
	}
	code, out, said := command(t, "export", "--data", data)
	if code != exitOK || strings.Count(out, "\n") != 2 ||
		!strings.Contains(said, `not exported: that imports call the account "acme" user `) {
		t.Errorf("%d: %s%s", code, out, said)
	}
}
