package importer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"deliverygraph/upstream/embedded/importer"
)

// numbered repeats a line with a number in the place of %d.
func numbered(line string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, strings.ReplaceAll(line, "%d", "%[1]d")+"\n", 10+i%50)
	}
	return b.String()
}

// wide is a text in UTF-16 without a byte order mark.
func wide(text string) string {
	var b []byte
	for _, c := range utf16.Encode([]rune(text)) {
		b = append(b, byte(c), byte(c>>8))
	}
	return string(b)
}

func noise(n int) string {
	r, b := rand.New(rand.NewPCG(1, 2)), make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func TestAFileOfAnotherFormatIsReportedOnceAndNamed(t *testing.T) {
	t.Parallel()
	const (
		row = `{"user_id":21,"sender_id":17,"email_id":"e%d","email_address":"a@example.com",` +
			`"process_time":100,"delivered":true}`
		journal  = "2026-11-29T17:%d:05.404714+09:00 host kernel: eth%d: link up"
		apache   = `192.0.2.%d - - [29/Nov/2026:17:%d:00 +0000] "GET / HTTP/1.1" 200 1`
		events   = `{"event_kind":"bounce","message":{"id":"%d"}}`
		resource = `{"kind":"storage#object","id":"%d"}`
	)
	for name, c := range map[string]struct{ text, says string }{
		"a system's log":     {numbered(journal, 300), "seems to be a log"},
		"a web server's log": {numbered(apache, 300), "seems to be a log"},
		"a web page": {
			"\n<!DOCTYPE html>\n<html>\n" + numbered("<p>%d</p>", 30), "seems to be a web page (HTML)",
		},
		"a short web page": {
			"<html><body>404 Not Found</body></html>\n", "seems to be a web page (HTML)",
		},
		"XML": {
			"<?xml version=\"1.0\"?>\n" + numbered("<row>%d</row>", 30), "seems to be XML",
		},
		"short CSV":    {"type;rcpt\nb;a@example.com\n", "seems to be a table"},
		"TSV":          {"type\trcpt\n" + numbered("b\t%d", 30), "seems to be a table"},
		"a short text": {numbered("# comment %d", 3), "none of its first 3 lines is a row (line 1: "},
		"SQL":          {numbered("INSERT INTO emails VALUES (%d);", 30), "seems to be SQL"},
		"a certificate": {
			"-----BEGIN CERTIFICATE-----\n" + numbered("MIIB%d", 30), "seems to be text of another kind",
		},
		"binary data":    {noise(1 << 16), "seems to be binary data"},
		"a PDF document": {"%PDF-1.7\n" + noise(1<<16), "seems to be a PDF document"},
		"UTF-16":         {wide(emails(30)), "write it in UTF-8"},
		"a JSON array": {
			"[" + strings.TrimSuffix(strings.ReplaceAll(emails(30), "\n", ",\n"), ",\n") + "]\n",
			"seems to be a JSON array",
		},
		"a JSON array in one line": {
			"[" + strings.TrimSuffix(strings.ReplaceAll(emails(30), "\n", ","), ",") + "]", "seems to be a JSON array",
		},
		"a JSON array in a line too long": {
			"[" + strings.TrimSuffix(strings.ReplaceAll(emails(30_000), "\n", ","), ",") + "]",
			"seems to be a JSON array",
		},
		"JSON with line breaks": {
			strings.ReplaceAll(strings.ReplaceAll(emails(30), "{", "{\n  "), ",", ",\n  "), "jq -c .",
		},
		"an answer of the API": {
			`{"data":[` + strings.TrimSuffix(strings.ReplaceAll(emails(30), "\n", ","), ",") + `]}`, ".data[]",
		},
		"rows without a kind":               {numbered(row, 3000), `jq -c '. + {kind: "email"}'`},
		"another service's events":          {numbered(events, 3000), "JSON objects of another program"},
		"a few of another service's events": {numbered(events, 2), "JSON objects of another program"},
		"another program's kinds":           {numbered(resource, 30), "JSON objects of another program"},
		"one line of nothing that is known": {"hello world\n", "its first line is not a row (line 1: "},
		"nothing that is known":             {numbered("The %d. line of a poem", 30), "text of another kind"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			foreign, good := file(t, c.text), file(t, emails(4))
			for _, strict := range []bool{false, true} {
				var bad []importer.BadLine
				s, err := importer.Run(t.Context(), &memory{}, []string{foreign, good}, importer.Options{
					Strict: strict, Report: func(b importer.BadLine) { bad = append(bad, b) },
				})
				if len(bad) != 1 || bad[0].File != foreign {
					t.Fatalf("%d messages, want one for the file: %.1000v", len(bad), bad)
				}
				if strict { // it may say what is wrong with the first line, and stops
					var stopped *importer.BadLine
					if !errors.As(err, &stopped) || s.Rows() != 0 {
						t.Errorf("strict: %v, %+v", err, s)
					}
					continue
				}
				says := bad[0].Error()
				if err != nil || s.BadFiles != 1 || s.BadLines != 0 || s.Emails != 4 || s.Files != 2 {
					t.Errorf("%v, %+v", err, s)
				}
				if !strings.HasPrefix(says, foreign+": ") || !strings.Contains(says, c.says) ||
					!strings.Contains(says, "NDJSON") {
					t.Errorf("it says %q, want the file, %q, and what can be imported", says, c.says)
				}
			}
		})
	}
}

// Its lines look like those of a log of Postfix that begins with other programs.
func TestALogOfAnotherMailProgramIsReported(t *testing.T) {
	t.Parallel()
	text := numbered("Nov 29 10:00:03 mail sendmail[1236]: 5ATA01ab00123%d: to=<joe@example.net>, stat=Sent", 30)
	_, s, bad, err := imported(t, text, importer.Options{})
	if err != nil || s.BadFiles != 1 || len(bad) != 1 || !strings.Contains(bad[0].Reason, "is of the format postfix") {
		t.Errorf("%v, %+v, %v", err, s, bad)
	}
	// The log of a day without mail is no mistake.
	if _, s, bad, err = imported(t, text, importer.Options{Format: "postfix"}); err != nil || len(bad) != 0 {
		t.Errorf("with its format given: %v, %+v, %v", err, s, bad)
	}
}

func TestAFileOfRowsIsNotTakenForAnotherFormat(t *testing.T) {
	t.Parallel()
	misspelt := strings.ReplaceAll(emails(100), "delivered", "deliverd")
	kindLast := strings.ReplaceAll(strings.ReplaceAll(misspelt, `{"kind": "email", `, `{`), "}\n",
		`,"kind":"email"}`+"\n")
	for name, c := range map[string]struct {
		text      string
		rows, bad int
	}{
		"bad lines before the first row":         {numbered("# comment %d", 19) + emails(1), 1, 19},
		"bad lines before the first row, marked": {"\n\n" + numbered("\n# comment %d\r\n", 19) + emails(1), 1, 19},
		"bad lines after the first row":          {emails(1) + numbered("# comment %d", 300), 1, 300},
		"rows that are all misspelt":             {misspelt, 0, 100},
		"the same with their kind last":          {kindLast, 0, 100},
		"a few rows without a kind":              {strings.ReplaceAll(emails(3), `"kind": "email", `, ""), 0, 3},
	} {
		_, s, bad, err := imported(t, c.text, importer.Options{})
		if err != nil || s.Rows() != c.rows || len(bad) != c.bad || s.BadLines != c.bad || s.BadFiles != 0 {
			t.Errorf("%s: %v, %+v, %d messages, want %d rows and %d bad lines", name, err, s, len(bad), c.rows, c.bad)
		}
		if !slices.IsSortedFunc(bad, func(a, b importer.BadLine) int { return a.Line - b.Line }) ||
			slices.ContainsFunc(bad, func(b importer.BadLine) bool { return b.Line == 0 }) {
			t.Errorf("%s: the messages are not in the order of the lines: %v", name, bad)
		}
	}
}

// TestBadLinesAreReportedWhenReadingFails has a file that cannot be read on after bad lines
// at its start.
func TestBadLinesAreReportedWhenReadingFails(t *testing.T) {
	t.Parallel()
	packed := gzipped(numbered("# comment %d", 3) + strings.ReplaceAll(noise(1<<16), "\n", " "))
	_, s, bad, err := imported(t, packed[:len(packed)/2], importer.Options{})
	if err != nil || len(bad) < 2 || s.BadLines != len(bad) || bad[0].Line != 1 {
		t.Errorf("%v, %+v, %.300v", err, s, bad)
	}
}
