package dsn

import (
	"io"
	"mime"
	"strings"
	"unicode/utf8"

	"github.com/emersion/go-message/charset"
)

// field is a field of a header, unfolded.
type field struct{ name, value string }

type header []field

// get returns the value of the first field with a name, ignoring case.
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.name, name) {
			return f.value
		}
	}
	return ""
}

// mostFields limits the fields of a header, and mostField the bytes of each, after which it is
// cut off or not unfolded further.
const (
	mostFields = 5000
	mostField  = 64 << 10
)

// readHeader parses the header at the beginning of s and returns what follows its empty
// line. Damaged lines are skipped if more of the header follows them.
func readHeader(s string) (h header, after string) {
	var folded strings.Builder // the other lines of the last field
	unfold := func() {
		if folded.Len() > 0 {
			last := &h[len(h)-1]
			last.value = strings.TrimSpace(last.value + folded.String())
			folded.Reset()
		}
	}
	defer unfold()
	for s != "" {
		line, rest := cutLine(s)
		switch {
		case strings.TrimSpace(line) == "":
			return h, rest
		case isFolded(line):
			if len(h) > 0 && len(h[len(h)-1].value)+folded.Len() < mostField {
				folded.WriteString(" " + strings.TrimSpace(line))
			}
		default:
			name, value, ok := cutField(line)
			if !ok && !goesOn(rest) {
				return h, s
			}
			if ok && len(h) < mostFields {
				unfold()
				h = append(h, field{name, clip(value, mostField)})
			}
		}
		s = rest
	}
	return h, ""
}

// goesOn reports whether s begins with a header line.
func goesOn(s string) bool {
	line, _ := cutLine(s)
	_, _, ok := cutField(line)
	return ok || line != "" && isFolded(line) && strings.TrimSpace(line) != ""
}

// cutField splits a header line such as "Subject: Hello".
func cutField(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || name == "" || len(name) > 76 {
		return "", "", false
	}
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f {
			return "", "", false
		}
	}
	return name, strings.TrimSpace(value), true
}

func isFolded(line string) bool { return line[0] == ' ' || line[0] == '\t' }

// cutLine splits s after its first line and removes the line break.
func cutLine(s string) (line, rest string) {
	line, rest, _ = strings.Cut(s, "\n")
	return line, rest
}

// decodeWords decodes the encoded words in a field (RFC 2047).
func decodeWords(s string) string {
	if !strings.Contains(s, "=?") {
		return valid(s)
	}
	d := mime.WordDecoder{CharsetReader: charset.Reader}
	if decoded, err := d.DecodeHeader(s); err == nil {
		s = decoded
	}
	return valid(s)
}

// valid returns s as UTF-8. It decodes ISO-2022-JP, which old Japanese servers send without
// declaring it. Otherwise, invalid bytes become U+FFFD.
func valid(s string) string {
	if strings.Contains(s, "\x1b$") {
		if r, err := charset.Reader("iso-2022-jp", strings.NewReader(s)); err == nil {
			if decoded, err := io.ReadAll(r); err == nil {
				s = string(decoded)
			}
		}
	}
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
