package importer

import (
	"bytes"
	"encoding/json"
	"time"

	"deliverygraph/upstream/embedded/importer/tail"
)

// ignored is the format of files that cannot be followed.
const ignored = "-"

// recognise returns the format of a file. It returns "" for a piece of a log in which no mail program has
// written yet, and false if it needs more lines. A new file at a path keeps the format of the log that had
// the path before, since other programs' lines may come first.
func (f *follower) recognise(c tail.Chunk) (name string, ok bool) {
	if c.Mark.Offset > 0 {
		of, _ := searchLog(c.Data)
		return of.Name, true
	}
	head := c.Data[:min(len(c.Data), headBytes)]
	of, ok := byHead(head)
	kept, known := byName(c.Mark.Format)
	first, _, _ := bytes.Cut(bytes.TrimLeftFunc(head, blank), []byte("\n"))
	problem := "none of its first lines is of a known format; " + formats
	switch {
	case kept.Begins != nil && isLog(head):
		return kept.Name, true
	case ok && !of.Whole:
		return of.Name, true
	case isRow(first):
		return Rows, true
	case packed(head) != "":
		problem = packed(head)
	case known:
		return c.Mark.Format, true
	case ok:
		problem = mailFile
	case len(c.Data) < headBytes && !c.Whole:
		return "", false
	case isLog(head):
		of, ok := searchLog(c.Data)
		if !ok {
			f.note(c.Name + " has only lines of other programs so far: waiting for those of a mail program")
		}
		return of.Name, true
	}
	f.meter.bad(BadLine{File: c.Name, Reason: problem})
	return ignored, true
}

// retry forgets the marks of files whose lines were not read because their format was unknown, so that they
// are read from their beginning: a newer release may know it, or Options.Format names it.
func (f *follower) retry(marks map[string]string) {
	for key, text := range marks {
		var m tail.Mark
		if json.Unmarshal([]byte(text), &m) == nil &&
			(m.Format == ignored || m.Format == "" && f.options.Format != "") {
			delete(marks, key)
			f.batcher.keep(filePrefix+key, "")
			f.read = true
		}
	}
}

// begins returns the time of a log's first line for a [tail.Set].
func (f *follower) begins(path string) time.Time {
	in := input{name: path, again: true}
	if in.look(f.options) != nil { // the error occurs again when the file is read
		return time.Time{}
	}
	return in.begins
}
