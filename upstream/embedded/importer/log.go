package importer

import (
	"bytes"
	"io"

	"deliverygraph/upstream/embedded/importer/format"
	table "deliverygraph/upstream/embedded/importer/format/formats"
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
		for _, of := range table.All {
			if of.Begins != nil && of.Recognise(piece) {
				return of, true
			}
		}
		text = text[len(piece):]
	}
	return format.Format{}, false
}

// searchBytes is how far a log is searched for lines of a mail program.
const searchBytes = 16 << 20

// search detects the format of a log whose head has other programs' lines only. It reads from src.
func (in *input) search(src *source, o Options) {
	if head, _ := src.Peek(headBytes); !isLog(head) { // the error occurs again when the file is read
		return
	}
	in.begins = syslog.Begins(in.file(src), o.format())
	text, rest := make([]byte, 4*headBytes), 0 // the end of a line that begins in the piece before
	for read := 0; read < searchBytes; {
		n, err := io.ReadFull(src, text[rest:])
		read += n
		piece := text[:rest+n]
		if end := bytes.LastIndexByte(piece, '\n') + 1; end > 0 && err == nil {
			piece = piece[:end]
		}
		if of, ok := searchLog(piece); ok {
			in.format = &of
			return
		}
		if err != nil {
			return
		}
		rest = copy(text, text[len(piece):])
	}
}
