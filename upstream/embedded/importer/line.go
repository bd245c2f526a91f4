package importer

import (
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
)

// Line is how an import reads a line of rows of the API, for programs that write such lines. The zero Line is ready for
// use, by one goroutine at a time.
type Line struct{ parser parser }

// Event returns the event that an import makes of a row, or says why it refuses the row.
func (l *Line) Event(row []byte) (e store.Event, problem string) {
	if len(row) > format.MaxLine {
		return e, fmt.Sprintf("its line is longer than %d bytes", format.MaxLine)
	}
	var b store.Batch
	problem = l.parser.parse(row, &b)
	b.Events(func(_ upstream.Kind, of store.Event) { e = of })
	return e, problem
}
