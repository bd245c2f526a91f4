package importer

import (
	"bufio"
	"bytes"
	"io"
	"slices"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/syslog"
)

// isLog reports whether most lines of a text are those of a system log or a journal, of any programs.
func isLog(text []byte) bool {
	entries := 0
	for range syslog.Entries(text) {
		entries++
	}
	return entries > 0 && 2*entries >= bytes.Count(text, []byte("\n"))
}

// searchLog returns the format of the first known mail program that has written to a log.
func searchLog(text []byte) (of format.Format, ok bool) {
	for len(text) > 0 {
		piece := text[:min(len(text), headBytes)]
		if end := bytes.LastIndexByte(piece, '\n') + 1; end > 0 {
			piece = piece[:end]
		}
		if of, ok := find(func(f format.Format) bool { return f.Begins != nil && f.Recognise(piece) }); ok {
			return of, true
		}
		text = text[len(piece):]
	}
	return format.Format{}, false
}

// searchBytes is how far a log is searched for lines of a mail program.
const searchBytes = 16 << 20

// search detects the format of a log whose head has other programs' lines only. What it reads from src is read
// again.
func (in *input) search(src *source, o Options) {
	in.begins = syslog.Begins(in.file(src), o.format())
	var text []byte
	for from := 0; len(text) < searchBytes; {
		text = slices.Grow(text, headBytes)
		n, err := src.Read(text[len(text) : len(text)+headBytes])
		text = text[:len(text)+n]
		lines := text[from:]
		if err == nil {
			lines = lines[:bytes.LastIndexByte(lines, '\n')+1]
		}
		if of, ok := searchLog(lines); ok {
			in.format = &of
			break
		}
		if err != nil { // it occurs again when the file is read
			break
		}
		from += len(lines)
	}
	src.Reader = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(text), src.Reader), format.BufferSize)
}
