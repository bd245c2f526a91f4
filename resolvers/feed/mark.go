package feed

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// mark is what has been told of at a moment: all rows before start, and those with
// these stamps. It is never written to.
type mark struct {
	start upstream.Time
	seen  []stamp // ascending by time; the newest where there were more than maxStamps
}

// stamp is a row as marks have it. Cursors keep no times: 0 is an unknown one.
type stamp struct {
	at    upstream.Time
	short uint32
}

// maxStamps is how many rows a cursor has room for.
const maxStamps = 512

// before is the mark of a window of rows, in order of time.
func markOf(start upstream.Time, rows []row) *mark {
	return (&mark{start: start}).with(rows)
}

// with is the mark when these rows have been told of as well, which are in order of
// time. Where that is too much for a cursor its start moves up: never past the last
// of the rows, since those that follow it have not been told of.
func (m *mark) with(rows []row) *mark {
	if len(rows) == 0 {
		return m
	}
	seen := make([]stamp, 0, len(m.seen)+len(rows))
	seen = append(seen, m.seen...)
	for _, r := range rows {
		seen = append(seen, stamp{r.BounceTime, r.print.short()})
	}
	slices.SortStableFunc(seen, func(a, b stamp) int { return cmp.Compare(a.at, b.at) })
	start := m.start
	if over := len(seen) - maxStamps; over > 0 {
		start = max(start, min(seen[over-1].at+1, rows[len(rows)-1].BounceTime))
		seen = seen[over:]
		for len(seen) > 0 && seen[0].at < start {
			seen = seen[1:]
		}
	}
	return &mark{start, seen}
}

// shorts is the mark's rows for many questions.
func (m *mark) shorts() map[uint32]struct{} {
	all := make(map[uint32]struct{}, len(m.seen))
	for _, s := range m.seen {
		all[s.short] = struct{}{}
	}
	return all
}

// seal makes a cursor of the mark. Its window is that of its start.
func (m *mark) seal(binding string) string {
	contents := make([]byte, 0, 4*len(m.seen))
	for _, s := range m.seen {
		contents = binary.BigEndian.AppendUint32(contents, s.short)
	}
	return page.EncodeCursor(binding, upstream.Window{Start: m.start, End: m.start + 1}, contents)
}

// openMark reads a cursor.
func openMark(binding, text string, oldest upstream.Time, reach time.Duration) (*mark, error) {
	w, contents, err := page.DecodeCursor(binding, "after", text)
	if err != nil {
		return nil, err
	}
	if len(contents)%4 != 0 || len(contents)/4 > maxStamps {
		return nil, &page.ArgumentError{Argument: "after", Message: "after is damaged; leave it out to start anew"}
	}
	if w.Start < oldest {
		return nil, &page.ArgumentError{Argument: "after", Message: fmt.Sprintf("after is a cursor of more than %v ago, the most that can be made up for: read the list bounces for what came since, and leave it out", reach)}
	}
	m := &mark{start: w.Start}
	for ; len(contents) > 0; contents = contents[4:] {
		m.seen = append(m.seen, stamp{short: binary.BigEndian.Uint32(contents)})
	}
	return m, nil
}
