package importer

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Line is how an import reads a line of rows of the API, for programs that write such lines. The zero Line is ready for
// use, by one goroutine at a time.
type Line struct {
	parser parser
	batch  store.Batch
}

// Event returns the event that an import makes of a row, or says why it refuses the row.
func (l *Line) Event(row []byte) (e store.Event, problem string) {
	for _, k := range upstream.Kinds {
		l.batch.Truncate(k, 0)
	}
	l.batch.Senders = l.batch.Senders[:0]
	problem = l.parser.parse(row, &l.batch)
	l.batch.Events(func(_ upstream.Kind, of store.Event) { e = of })
	return e, problem
}
