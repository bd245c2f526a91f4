package exporter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/exporter"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
	"deliverygraph/upstream/rest"
)

var ever = upstream.Window{Start: -store.MaxTime, End: store.MaxTime + 1}

// open opens a new store with the rows of a batch.
func open(t storetest.TB, b store.Batch) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	storetest.Write(t, s, b)
	return s
}

// export returns what is exported from a source, and what the export lacks.
func export(
	t storetest.TB, from exporter.Source, w upstream.Window,
) (text string, lacks []string, s exporter.Summary) {
	t.Helper()
	var out bytes.Buffer
	s, err := exporter.Run(context.Background(), from, &out, exporter.Options{
		Window: w, Lacks: func(r *exporter.Row, what string) { lacks = append(lacks, r.EmailID+": "+what) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String(), lacks, s
}

// imported returns a new store with the rows of an export.
func imported(t storetest.TB, rows string) (store.Store, importer.Summary) {
	t.Helper()
	s := open(t, store.Batch{})
	sum, err := importer.Run(context.Background(), s, []string{"-"}, importer.Options{
		Format: importer.Rows, Stdin: strings.NewReader(rows),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s, sum
}

// handler returns the REST API over a store.
func handler(s store.Store) http.Handler {
	return embedded.New(s, embedded.Options{
		APIHost: "metrics.example.com", Now: func() time.Time { return time.Unix(1479999999, 0) },
	})
}

// remote returns the source for a server of the API over a store.
func remote(t storetest.TB, s store.Store, differs func(string)) exporter.Source {
	t.Helper()
	client, err := rest.New(rest.Options{
		BaseURL: "http://metrics.example.com", Transport: embedded.Transport(handler(s)), CallTimeout: time.Hour,
		Timeout: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return exporter.Remote(upstream.API{Asker: client}, differs)
}

// sameAnswers compares the answers of two stores to all kinds of requests about the rows of a batch.
func sameAnswers(t storetest.TB, want, got store.Store, b store.Batch) {
	t.Helper()
	paths := []string{upstream.BounceCategoriesPath, upstream.BlockedReasonsPath}
	for _, x := range b.Bounces {
		paths = append(paths, x.Key().Path())
	}
	first, last := upstream.Time(start), upstream.Time(start+90*86400)
	for _, w := range []upstream.Window{{Start: 1, End: last}, {Start: first + 1000, End: first + 86401}} {
		within := fmt.Sprintf("?start_time=%d&end_time=%d", w.Start, w.End)
		for _, k := range upstream.Kinds {
			for _, filter := range filters(b) {
				paths = append(paths, k.ListPath()+within+filter)
			}
			for _, rest := range []string{"", "&rollup_to=user", "&timeseries=day", "&timeseries=hour&rollup_to=user"} {
				paths = append(paths, k.CountsPath()+within+rest)
			}
			for _, by := range k.Dimensions() {
				if by != upstream.DimensionHeader {
					paths = append(paths, k.ListPath()+"/groups"+within+"&sent=1&by="+by.String())
				}
			}
		}
	}
	a, c := handler(want), handler(got)
	for _, path := range paths {
		if x, y := answer(a, path), answer(c, path); x != y {
			t.Fatalf("%s:\n%s\nafter an export and an import:\n%s", path, x, y)
		}
	}
}

// answer returns the status and the body of the answer to a GET request.
func answer(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return fmt.Sprint(w.Code, " ", w.Body)
}

// filters returns parameters that match some of a batch's rows.
func filters(b store.Batch) (all []string) {
	all = []string{"", "&offset=3", "&sender=" + url.QueryEscape(addresses[0])}
	b.Events(func(_ upstream.Kind, e store.Event) {
		if len(all) > 12 {
			return
		}
		all = append(all, fmt.Sprintf("&user_id=%d&sender_id=%d", e.UserID, e.SenderID),
			"&recipient="+url.QueryEscape(e.Recipient), "&domain="+url.QueryEscape(e.Domain))
		for _, h := range e.XHeaders {
			if h.Value != "" {
				all = append(all, "&"+url.QueryEscape(h.Name)+"="+url.QueryEscape(h.Value))
			}
		}
	})
	return all
}

// A store that imports an export answers every request as the exported one does.
func TestImportedExportGivesTheSameAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := batches(t)
		s := open(t, b)
		text, lacks, sum := export(t, exporter.Store(s), ever)
		if len(lacks) > 0 {
			t.Fatalf("the export lacks %q", lacks)
		}
		again, read := imported(t, text)
		if read.BadLines > 0 || read.Rows() != sum.Rows() || read.New != sum.Rows() {
			t.Fatalf("exported %+v, imported %+v", sum, read)
		}
		sameAnswers(t, s, again, b)
		if second, _, _ := export(t, exporter.Store(again), ever); second != text {
			t.Fatalf("the export of the import differs:\n%s\n%s", text, second)
		}
		ordered(t, text)
	})
}

// ordered checks that rows come in order of time.
func ordered(t storetest.TB, text string) {
	var last upstream.Time
	var read importer.Line
	for line := range strings.Lines(text) {
		if e, _ := read.Event([]byte(line)); e.EmailID != "" {
			if e.Time < last {
				t.Fatalf("a row of %d comes after %d", e.Time, last)
			}
			last = e.Time
		}
	}
}

// An export names each row that an import refuses.
func TestExportNamesWhatAnImportRefuses(t *testing.T) {
	t.Parallel()
	refused := 0
	rapid.Check(t, func(t *rapid.T) {
		s := open(t, storetest.OddBatch(t))
		text, lacks, sum := export(t, exporter.Store(s), ever)
		_, read := imported(t, text)
		if refused += read.BadLines; len(lacks) != read.BadLines || sum.Refused != read.BadLines ||
			sum.Rows() != read.Rows()+read.BadLines {
			t.Fatalf("the export lacks %q (%+v), the import refused %d lines of %d",
				lacks, sum, read.BadLines, sum.Rows())
		}
	})
	if refused == 0 {
		t.Error("no row was refused")
	}
}

// A message has more bytes as JSON.
func TestExportNamesRowsThatAreTooLongToImport(t *testing.T) {
	t.Parallel()
	s := open(t, store.Batch{Bounces: []upstream.BounceDetail{{
		Bounce: upstream.Bounce{UserID: 20, SenderID: 17, EmailID: "a", EmailAddress: "r@example.com", Local: "r",
			Domain: "example.com", BounceTime: start, ProcessTime: start, Type: upstream.Hard, Category: "other"},
		FullContent: strings.Repeat("\x01", 3<<20),
	}}})
	text, lacks, sum := export(t, exporter.Store(s), ever)
	if _, read := imported(t, text); read.BadLines != 1 || sum.Refused != 1 || len(lacks) != 1 {
		t.Errorf("the export lacks %q, and the import refused %d lines", lacks, read.BadLines)
	}
}

// A sender without an address, which some logs have, is like none: its rows and counts stay the same.
func TestSendersWithoutAnAddressAreNotExported(t *testing.T) {
	t.Parallel()
	b := store.Batch{Senders: []store.Sender{{UserID: 20, SenderID: 17}}, Emails: []upstream.Email{{
		UserID: 20, SenderID: 17, EmailID: "a", EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
		ProcessTime: start,
	}}}
	s := open(t, b)
	text, lacks, sum := export(t, exporter.Store(s), ever)
	again, _ := imported(t, text)
	if len(lacks) > 0 || sum.Senders != 0 || sum.Emails != 1 {
		t.Errorf("%q, %+v", lacks, sum)
	}
	sameAnswers(t, s, again, b)
}

// The export of a server is that of its store, as far as the API shows it.
func TestExportOfAServerIsThatOfItsStore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := batches(t)
		s := open(t, b)
		w := upstream.Window{Start: start, End: start + 3*86400}
		text, lacks, sum := export(t, remote(t, s, func(what string) { t.Fatal(what) }), w)
		again, read := imported(t, text)
		if read.BadLines > 0 || read.New != sum.Rows() {
			t.Fatalf("exported %+v, imported %+v", sum, read)
		}
		hidden := 0 // details of bounces
		seen := map[upstream.BounceKey]bool{}
		for e, err := range s.Scan(context.Background(), upstream.Bounces, w) {
			if err != nil {
				t.Fatal(err)
			}
			d := e.BounceDetail()
			if seen[d.Key()] {
				hidden++
			}
			seen[d.Key()] = true
		}
		if len(lacks) != hidden || sum.Partial != hidden {
			t.Fatalf("the export lacks %q, %+v, but the API hides the details of %d", lacks, sum, hidden)
		}
		ordered(t, text)
		for _, k := range upstream.Kinds {
			within := fmt.Sprintf("?start_time=%d&end_time=%d", w.Start, w.End)
			for _, path := range []string{k.ListPath() + within, k.CountsPath() + within} {
				if x, y := answer(handler(s), path), answer(handler(again), path); x != y {
					t.Fatalf("%s:\n%s\nafter an export and an import:\n%s", path, x, y)
				}
			}
		}
	})
}

// Days with many events are divided, and no event is lost or repeated at the edges.
func TestExportOfAServerDividesBusyDays(t *testing.T) {
	t.Parallel()
	var b store.Batch
	for i := range 1300 {
		id := fmt.Sprintf("%d.%d@mail", start+i%70*10, i)
		b.Bounces = append(b.Bounces, upstream.BounceDetail{
			Bounce: upstream.Bounce{
				UserID: 20, SenderID: 17, EmailID: id, EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
				BounceTime: start + upstream.Time(i%70*10), ProcessTime: start, Type: upstream.Hard, Category: "other",
			},
			FullContent: "the message of " + id,
		})
	}
	s := open(t, b)
	want, _, _ := export(t, exporter.Store(s), ever)
	got, lacks, _ := export(t, remote(t, s, func(what string) { t.Error(what) }),
		upstream.Window{Start: start - 86400, End: start + 86400})
	if got != want || len(lacks) > 0 {
		t.Errorf("%d bytes, want %d; %q", len(got), len(want), lacks)
	}
}

// A server whose lists lack events that it counts is reported.
func TestExportReportsThatListsAndCountsDiffer(t *testing.T) {
	t.Parallel()
	s := open(t, store.Batch{Emails: []upstream.Email{
		{UserID: 20, SenderID: 17, EmailID: "a", EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
			ProcessTime: start},
		{UserID: 20, SenderID: 17, EmailID: "b", EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
			ProcessTime: start},
	}})
	client, err := rest.New(rest.Options{
		BaseURL: "http://metrics.example.com", Transport: embedded.Transport(handler(s)), Timeout: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	forget := func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
		answer, err := next.Ask(ctx, q)
		if emails, ok := answer.([]upstream.Email); ok {
			answer = emails[:1]
		}
		return answer, err
	}
	var said []string
	from := exporter.Remote(upstream.API{Asker: upstream.Around(client, forget)},
		func(s string) { said = append(said, s) })
	text, _, sum := export(t, from, upstream.Window{Start: start, End: start + 60})
	if sum.Emails != 1 || strings.Count(text, "\n") != 1 || len(said) != 1 ||
		!strings.Contains(said[0], "counts 2 emails, but lists 1") {
		t.Errorf("%+v %q\n%s", sum, said, text)
	}
}

// full is a disk that becomes full.
type full struct {
	bytes.Buffer
	room int
}

var errFull = errors.New("no space left on device")

func (f *full) Write(p []byte) (int, error) {
	n := min(len(p), f.room-f.Len())
	f.Buffer.Write(p[:n])
	if n < len(p) {
		return n, errFull
	}
	return n, nil
}

// What an interrupted export has written is complete up to the time that it reports, and the rest can be exported.
func TestInterruptedExportIsContinued(t *testing.T) {
	t.Parallel()
	s := open(t, store.Batch{})
	for b := range storetest.Batches(3000, 1000) {
		storetest.Write(t, s, b)
	}
	want, _, _ := export(t, exporter.Store(s), ever)
	for name, run := range map[string]func(*bytes.Buffer) (exporter.Summary, error){
		"stopped": func(out *bytes.Buffer) (exporter.Summary, error) {
			ctx, cancel := context.WithCancel(t.Context())
			return exporter.Run(ctx, exporter.Store(s), out, exporter.Options{
				Window: ever, Progress: func(s *exporter.Summary) {
					if s.Emails > 0 {
						cancel()
					}
				},
			})
		},
		"the disk is full": func(out *bytes.Buffer) (exporter.Summary, error) {
			disk := &full{room: len(want) / 2}
			defer func() { *out = disk.Buffer }()
			return exporter.Run(t.Context(), exporter.Store(s), disk, exporter.Options{Window: ever})
		},
	} {
		var out bytes.Buffer
		sum, err := run(&out)
		if !errors.Is(err, context.Canceled) && !errors.Is(err, errFull) || sum.Last == 0 {
			t.Fatalf("%s: %v, %+v", name, err, sum)
		}
		if !strings.HasPrefix(want, out.String()) {
			t.Errorf("%s: what is written is not the beginning of the export", name)
		}
		whole := out.String()[:strings.LastIndexByte(out.String(), '\n')+1]
		rest, _, _ := export(t, exporter.Store(s), upstream.Window{Start: sum.Last, End: ever.End})
		again, read := imported(t, whole+rest)
		if got, _, _ := export(t, exporter.Store(again), ever); got != want || read.BadLines > 0 {
			t.Errorf("%s: both parts have %d bytes, want %d; %+v", name, len(got), len(want), read)
		}
	}
}
