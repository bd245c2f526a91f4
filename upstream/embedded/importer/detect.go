package importer

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"unicode"
	"unicode/utf8"
)

// formats lists what can be imported, for error messages.
const formats = `the import takes rows of the API as NDJSON (one JSON object a line, with "kind": "email", "bounce", ` +
	`"blocked_email" or "sender"), mail logs, bounce mails, and the events of delivery services (see deliverygraph ` +
	`import --help)`

// packed recognises compressed and other binary files by their first bytes, and returns what to do about them, or "".
func packed(head []byte) string {
	for _, f := range []struct{ head, is string }{
		{"\xfd7zXZ\x00", "is compressed with xz: decompress it first, or compress it with gzip"},
		{"BZh", "is compressed with bzip2: decompress it first, or compress it with gzip"},
		{"PK\x03\x04", "is a zip archive: decompress it first, or compress it with gzip"},
		{"SQLite format 3\x00", "is an SQLite database; rows are imported from NDJSON"},
		{"\xff\xfe", "is UTF-16: write it in UTF-8"},
		{"\xfe\xff", "is UTF-16: write it in UTF-8"},
	} {
		if bytes.HasPrefix(head, []byte(f.head)) {
			return "the file " + f.is
		}
	}
	if len(head) > 262 && bytes.Equal(head[257:262], []byte("ustar")) {
		return "the file is a tar archive: extract it first"
	}
	return ""
}

// isRow reports whether a line is meant as a row of this format, that is, a JSON object with a known kind, although
// something is wrong with it.
func isRow(line []byte) bool {
	var row struct{ Kind any }
	if json.Unmarshal(line, &row) != nil {
		return false
	}
	return slices.ContainsFunc(kindNames[:], func(k kindName) bool { return row.Kind == k.name })
}

// Patterns of other formats.
var (
	mailHeader = regexp.MustCompile(`(?i)^(return-path|received|delivered-to|x-original-to|from|to|date|subject|` +
		`message-id|mime-version|content-type|reply-to):`)
	logTime = regexp.MustCompile(`^(<\d{1,3}>)?\d? ?([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d |` + // syslog
		`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d|` + // RFC 3339
		`\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:)`) // web servers
	sqlText = regexp.MustCompile(`(?i)^(--[^-]|/\*|insert into |create table |begin transaction|pragma )`)
)

// seems returns what a text of another format seems to be, and what to do about it, or "" if that is unknown. The text
// is the beginning of a file, and may be cut off anywhere. The result sure is false if it may be a file of rows with a
// mistake in each line.
func seems(text []byte) (what string, sure bool) {
	text = bytes.TrimLeftFunc(text, blank)
	switch {
	case isWide(text):
		return "text in UTF-16 or UTF-32: write it in UTF-8", true
	case len(text) > 0 && text[0] == '{':
		return seemsObject(text)
	}
	what = seemsText(text)
	return what, what != ""
}

func seemsText(text []byte) string {
	first, more, _ := bytes.Cut(text, []byte("\n"))
	lower := bytes.ToLower(text[:min(len(text), 1024)])
	switch {
	case len(text) == 0:
		return ""
	case bytes.HasPrefix(text, []byte("%PDF")):
		return "a PDF document"
	case isBinary(text):
		return "binary data"
	case text[0] == '[':
		return "a JSON array: write its elements one per line, as jq -c '.[]' does"
	case bytes.Contains(lower, []byte("<html")) || bytes.HasPrefix(lower, []byte("<!doctype html")):
		return "a web page (HTML)"
	case bytes.HasPrefix(text, []byte("<?xml")) || text[0] == '<' && bytes.Contains(text, []byte("</")):
		return "XML"
	case bytes.HasPrefix(text, []byte("From ")) && mailHeader.Match(more):
		return "a mailbox (mbox)"
	case mailHeader.Match(first):
		return "a mail message"
	case logTime.Match(first) || logTime.Match(more):
		return "a log of other programs (if it is a mail log, name its format with --format)"
	case sqlText.Match(first):
		return "SQL"
	}
	second, _, whole := bytes.Cut(more, []byte("\n"))
	for _, separator := range []string{"\t", ",", ";"} {
		columns := bytes.Count(first, []byte(separator))
		if columns > 0 && whole && bytes.Count(second, []byte(separator)) >= columns {
			return "a table (CSV or TSV)"
		}
	}
	return ""
}

// seemsObject is seems for a text that begins with a JSON object, or with a part of one.
func seemsObject(text []byte) (what string, sure bool) {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	var object map[string]json.RawMessage
	if json.Unmarshal(line, &object) != nil {
		end := bytes.TrimRightFunc(line, unicode.IsSpace)
		if last := end[len(end)-1]; last == '{' || last == '[' || last == ',' {
			return "JSON with line breaks in it: write one object per line, as jq -c . does", true
		}
		return "", false
	}
	has := func(name string) bool { _, ok := object[name]; return ok }
	switch row := has("email_id") || has("user_id"); {
	case has("kind"), len(object) == 0:
		return "JSON objects of another program", false
	case row:
		return `rows of the API without their kind: add it, as jq -c '. + {kind: "email"}' does`, false
	case bytes.HasPrefix(object["data"], []byte("[")):
		return "a whole response of the API: write its rows one per line, with their kind, " +
			`as jq -c '.data[] + {kind: "email"}' does`, true
	}
	return "JSON objects of another program", true
}

// isWide reports whether about every other byte of a text is zero, as in UTF-16 and UTF-32.
func isWide(text []byte) bool {
	zeros, pairs := 0, 0
	for pair := range slices.Chunk(text[:min(len(text), 256)], 2) {
		if len(pair) == 2 && (pair[0] == 0) != (pair[1] == 0) {
			pairs++
		}
		if bytes.IndexByte(pair, 0) >= 0 {
			zeros++
		}
	}
	return pairs > 4 && pairs >= zeros/2 && zeros*4 >= min(len(text), 256)
}

// isBinary reports whether a text has many bytes that texts do not contain. A few are accepted, since logs may contain
// names in another encoding.
func isBinary(text []byte) bool {
	odd := 0
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		broken := r == utf8.RuneError && size == 1 && len(text)-i >= utf8.UTFMax // and not cut at the end
		if broken || unicode.IsControl(r) && !unicode.IsSpace(r) && r != 0x1b {
			odd++
		}
		i += size
	}
	return odd*10 > len(text)
}

// blank reports whether r is ignored at the ends of lines.
func blank(r rune) bool { return unicode.IsSpace(r) || r == '\ufeff' }
