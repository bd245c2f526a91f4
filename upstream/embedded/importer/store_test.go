package importer_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

func open(t *testing.T, path string) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestImportingAFileTwiceDuplicatesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, "")
	b := demoBatch()
	name := file(t, string(ndjson(b)))
	rows := rowsIn(b)
	for _, want := range []store.Written{{New: rows}, {Unchanged: rows}} {
		got, err := importer.Run(t.Context(), s, []string{name}, importer.Options{Strict: true, BatchRows: 1500})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got.Written); diff != "" {
			t.Error(diff)
		}
	}
	checkRows(t, s, b)
}

// rowsIn returns the number of rows of a batch.
func rowsIn(b store.Batch) int {
	n := len(b.Senders)
	for _, k := range upstream.Kinds {
		n += b.Of(k).Len()
	}
	return n
}

// checkRows checks that a store has as many rows as a batch.
func checkRows(t *testing.T, s store.Store, b store.Batch) {
	t.Helper()
	info, err := s.Info(t.Context())
	if err != nil || info.Senders != len(b.Senders) {
		t.Errorf("%v: %d senders, want %d", err, info.Senders, len(b.Senders))
	}
	for _, k := range upstream.Kinds {
		if n := info.Of(k).Rows; n != int64(b.Of(k).Len()) {
			t.Errorf("%d %s, want %d", n, k, b.Of(k).Len())
		}
	}
}

func TestReplacingARowCountsTheSameWithinOneFileAndOverTwo(t *testing.T) {
	t.Parallel()
	undelivered := strings.Replace(email(0), `"delivered":true`, `"delivered":false`, 1)
	bounce := strings.Replace(goodBounce, `"bounce_code":"5.1.1"`, `"bounce_code":"5.1.2"`, 1)
	sender := strings.Replace(goodSender, "news@", "offers@", 1)
	if undelivered == email(0) || bounce == goodBounce || sender == goodSender {
		t.Fatal("the rows do not differ")
	}
	first := []string{email(0), email(0), email(1), goodBounce, goodSender, undelivered, sender}
	second := []string{undelivered, email(0), email(1), undelivered, goodBounce, bounce, goodSender, goodSender}
	want := store.Written{New: 4, Replaced: 6, Unchanged: 5}
	lines := func(l []string) string { return strings.Join(l, "\n") + "\n" }
	for name, files := range map[string][]string{
		"one file":        {lines(append(slices.Clone(first), second...))},
		"two files":       {lines(first), lines(second)},
		"a file for each": append(slices.Clone(first), second...),
	} {
		for _, rows := range []int{1, 3, 100} {
			s := open(t, "")
			var names []string
			for _, text := range files {
				names = append(names, file(t, text))
			}
			got, err := importer.Run(t.Context(), s, names, importer.Options{Strict: true, BatchRows: rows})
			if err != nil || got.Written != want {
				t.Errorf("%s, batches of %d: %v, %+v, want %+v", name, rows, err, got.Written, want)
			}
			kept, err := storetest.API(s).Emails(t.Context(), upstream.ListQuery{Window: upstream.Window{End: 2e9}})
			if err != nil || len(kept) != 2 || kept[0].Delivered {
				t.Errorf("%s, batches of %d: %v, the store has %+v, want the row that came last", name, rows, err, kept)
			}
		}
	}
}

// The real bounces of 30 years, which a checkout may have beside it, are imported completely.
func TestRealBouncesAreImportedCompletely(t *testing.T) {
	t.Parallel()
	const name = "../../../../shared/data/real-bounces.ndjson"
	if _, err := os.Stat(name); err != nil {
		t.Skip("no real data here: ", err)
	}
	st := open(t, "")
	s, err := importer.Run(t.Context(), st, []string{name}, importer.Options{Strict: true})
	if err != nil || s.Senders != 118 || s.Emails != 319 || s.Bounces != 319 || s.New != 756 {
		t.Fatalf("%v: %+v", err, s)
	}
	all := upstream.ListQuery{Window: upstream.Window{Start: 0, End: 2e9}}
	rows, err := storetest.API(st).Bounces(t.Context(), all)
	if err != nil || len(rows) != 319 {
		t.Fatalf("%v: %d rows", err, len(rows))
	}
	for _, r := range rows {
		d, err := storetest.API(st).Bounce(t.Context(), r.Key())
		if err != nil || d.FullContent == "" {
			t.Errorf("%s: %v, a message of %d bytes", r.EmailID, err, len(d.FullContent))
		}
	}
}

// Rows with addresses that other software changes or refuses, and with texts that it fails on, are imported and found
// again.
func TestOddAddressesAreFoundAfterAnImport(t *testing.T) {
	t.Parallel()
	for name, rows := range map[string]int{"28": 8, "29": 2} {
		name = "../../../../shared/data/cases/" + name + ".ndjson"
		if _, err := os.Stat(name); err != nil {
			t.Skip("the cases are not here: ", err)
		}
		s := open(t, "")
		sum, err := importer.Run(t.Context(), s, []string{name}, importer.Options{Strict: true})
		if err != nil || sum.Bounces != rows {
			t.Fatalf("%v: %+v", err, sum)
		}
		always := upstream.Window{End: 2e9}
		all, err := storetest.API(s).Bounces(t.Context(), upstream.ListQuery{Window: always})
		if err != nil || len(all) != rows {
			t.Fatalf("%v: %d bounces, want %d", err, len(all), rows)
		}
		for _, want := range all {
			for _, q := range []upstream.ListQuery{
				{Window: always, Recipient: want.EmailAddress},
				{Window: always, Local: want.Local, Domain: want.Domain},
			} {
				got, err := storetest.API(s).Bounces(t.Context(), q)
				if err != nil || len(got) != 1 || got[0].EmailID != want.EmailID {
					t.Errorf("%v: %+v finds %+v, want %s", err, q, got, want.EmailID)
				}
			}
		}
	}
}

// killed is the environment variable that makes this test binary the import that is killed.
const killed = "IMPORTER_TEST_STORE"

// announcing reports each batch that is written on standard output.
type announcing struct{ store.Store }

func (a announcing) Write(ctx context.Context, b store.Batch) (store.Written, error) {
	w, err := a.Store.Write(ctx, b)
	fmt.Println("written")
	return w, err
}

func TestMain(m *testing.M) {
	if names := os.Getenv(followed); names != "" {
		followUntilKilled(names)
	}
	path := os.Getenv(killed)
	if path == "" {
		os.Exit(m.Run())
	}
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err == nil {
		o := importer.Options{Stdin: os.Stdin, BatchRows: 500}
		_, err = importer.Run(context.Background(), announcing{s}, []string{"-"}, o)
	}
	fmt.Fprintln(os.Stderr, "the import was not killed:", err)
	os.Exit(1)
}

func TestAnImportThatWasKilledIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	b := demoBatch()
	text := ndjson(b)
	path := filepath.Join(t.TempDir(), "events.db")

	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), killed+"="+path)
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		// Half of the file, so that it is killed while there is more to come; the error
		// is that it was.
		_, _ = in.Write(text[:len(text)/2])
	}()
	for said := bufio.NewScanner(out); said.Scan(); {
		if said.Text() == "written" { // the first batch is; the next is on its way
			break
		}
	}
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, out)
	if err := child.Wait(); err == nil {
		t.Fatal("it was not killed")
	}

	s := open(t, path)
	before, err := s.Info(t.Context())
	if err != nil || before.Emails.Rows == 0 || before.Emails.Rows >= int64(len(b.Emails)) {
		t.Fatalf("%v: %d emails are there after the kill, want some of %d", err, before.Emails.Rows, len(b.Emails))
	}
	got, err := importer.Run(t.Context(), s, []string{file(t, string(text))}, importer.Options{Strict: true})
	if err != nil || got.Replaced != 0 || got.Unchanged == 0 || got.New == 0 || got.New+got.Unchanged != got.Rows() {
		t.Errorf("%v: %+v", err, got)
	}
	checkRows(t, s, b)
}
