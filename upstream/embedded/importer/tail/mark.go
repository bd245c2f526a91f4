// Package tail reads files as they grow, like tail -F, and goes on after a restart where it was.
//
// A file is recognised by its content and not by its name: by the bytes that it begins with, and
// by those before the place up to which it was read. So a log is read to its end after it was
// renamed, copied and truncated, or packed, whether that happens while the package reads it or
// while it does not, and no line of it is read twice under another name.
//
// The package hands on whole lines. It knows neither their format nor where marks are kept.
package tail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
)

// Mark says how far a file was read, and what the file is recognised by.
type Mark struct {
	Path   string // of the log that the file is or was, absolute
	Offset int64  // how many of its bytes were read, unpacked
	Lines  int    // how many of its lines were read
	Begin  string // a digest of its first bytes, of those that were read
	End    string // a digest of the last bytes that were read
	Seen   int64  // when it was last read, in Unix seconds
	Done   bool   // it was read to its end, and is not expected to grow

	// Format and Clock are for the caller: what the lines are, and the time of the last one.
	Format string `json:",omitempty"`
	Clock  int64  `json:",omitempty"`

	key     string
	changed bool
	open    bool // it is being read
	trace   trace
}

// How many bytes digests are made of, at most.
const (
	beginBytes = 4 << 10
	endBytes   = 1 << 10
)

// trace is what digests are made of.
type trace struct{ begin, end []byte }

func (t *trace) add(data []byte) {
	if room := beginBytes - len(t.begin); room > 0 {
		t.begin = append(t.begin, data[:min(room, len(data))]...)
	}
	t.end = append(t.end, data[max(0, len(data)-endBytes):]...)
	if over := len(t.end) - endBytes; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
}

// digest is a digest of few bytes, since it guards against accidents alone.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// advance takes note of bytes and lines that were read.
func (m *Mark) advance(data []byte, lines int, now int64) {
	m.trace.add(data)
	m.Offset += int64(len(data))
	m.Lines += lines
	m.Begin, m.End = digest(m.trace.begin), digest(m.trace.end)
	m.Seen, m.Done, m.changed = now, false, true
}

// finish takes note that the file was read to its end.
func (m *Mark) finish() {
	if !m.Done {
		m.Done, m.changed = true, true
	}
}

// of reports whether a file is the one of the mark. If so, the mark can go on from there.
func (m *Mark) of(content io.ReaderAt) bool {
	if m.Offset == 0 {
		return false // all files begin so
	}
	begin, end := make([]byte, min(m.Offset, beginBytes)), make([]byte, min(m.Offset, endBytes))
	if !read(content, begin, 0) || digest(begin) != m.Begin || !read(content, end, m.Offset-int64(len(end))) ||
		digest(end) != m.End {
		return false
	}
	m.trace = trace{begin, end}
	return true
}

// read fills the buffer from a place of a file, and reports whether the file has so many bytes.
func read(content io.ReaderAt, buffer []byte, at int64) bool {
	n, _ := content.ReadAt(buffer, at) // an error comes again when it is read on
	return n == len(buffer)
}

func (m *Mark) text() string {
	text, err := json.Marshal(m)
	if err != nil { // it has plain values
		panic(err)
	}
	return string(text)
}
