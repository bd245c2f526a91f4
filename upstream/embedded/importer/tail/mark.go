// Package tail reads files as they grow, like tail -F, and continues after a restart where it was.
//
// A file is identified by its content instead of its name or inode, which are both reused: by its
// first bytes, and by the last bytes before the position up to which it was read. So a log is read to
// its end after it was renamed, copied and truncated, or compressed, even if that happened while the
// program was not running, and no line is read twice under another name.
//
// The package passes on whole lines. It knows neither their format nor where positions are stored.
package tail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"time"
)

// Mark is the position up to which a file was read, and what identifies the file.
type Mark struct {
	Path   string // the absolute path under which the file was first followed
	Offset int64  // the number of bytes that were read, after decompression
	Lines  int    // the number of lines that were read
	Begin  string // a digest of the first bytes of the file, as far as they were read
	End    string // a digest of the last bytes before Offset
	Seen   int64  // the modification time of the file at the last read, in Unix seconds
	Done   bool   // whether the file was read to its end, and is not expected to grow

	// Format and Clock are for the caller: the format of the lines, and the time of the last one. A new
	// mark has the format of the file that had the path before.
	Format string `json:",omitempty"`
	Clock  int64  `json:",omitempty"`

	key     string
	changed bool
	trace   trace
}

// The maximum number of bytes that the digests cover.
const (
	beginBytes = 4 << 10
	endBytes   = 1 << 10
)

// trace holds the bytes that the digests cover.
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

// digest returns a short digest, which need not resist attacks.
func digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}

// advance moves the mark behind data that was read from a file with a modification time.
func (m *Mark) advance(data []byte, lines int, modified time.Time) {
	m.trace.add(data)
	m.Offset += int64(len(data))
	m.Lines += lines
	m.Begin, m.End = digest(m.trace.begin), digest(m.trace.end)
	m.Seen, m.Done, m.changed = modified.Unix(), false, true
}

// finish notes that the file was read to its end.
func (m *Mark) finish() {
	if !m.Done {
		m.Done, m.changed = true, true
	}
}

// beginning returns the first bytes of a file.
func beginning(content io.ReaderAt) []byte {
	begin := make([]byte, beginBytes)
	n, _ := content.ReadAt(begin, 0) // the error occurs again when the file is read
	return begin[:n]
}

// of reports whether the mark belongs to a file that begins so. If so, reading can continue.
func (m *Mark) of(content io.ReaderAt, begin []byte) bool {
	size := int(min(m.Offset, beginBytes))
	if size == 0 || size > len(begin) || digest(begin[:size]) != m.Begin { // an empty mark identifies nothing
		return false
	}
	end := make([]byte, min(m.Offset, endBytes))
	if n, _ := content.ReadAt(end, m.Offset-int64(len(end))); n < len(end) || digest(end) != m.End {
		return false
	}
	m.trace = trace{bytes.Clone(begin[:size]), end}
	return true
}

// Key identifies the mark among those that are kept: see [Set.Changed].
func (m *Mark) Key() string { return m.key }

func (m *Mark) text() string {
	text, err := json.Marshal(m)
	if err != nil { // it has plain values
		panic(err)
	}
	return string(text)
}
