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

// mark records what had been delivered at a moment: all rows before start, and the rows in seen. It is
// immutable.
type mark struct {
	start upstream.Time
	seen  []stamp // ascending by time; only the newest maxStamps
}

// stamp identifies a row in a mark. Its time is 0 (unknown) if it was read from a cursor, which keeps no times.
type stamp struct {
	at    upstream.Time
	short uint32
}

// maxStamps is the number of rows that fit into a cursor.
const maxStamps = 512

// markOf returns the mark after the rows of a window, which are in order of time.
func markOf(start upstream.Time, rows []row) *mark {
	return (&mark{start: start}).with(rows)
}

// with returns the mark after these rows have been delivered too. The rows are in order of time. If they do not
// all fit into a cursor, the start moves forward, but never past the last of the rows: rows that follow it have
// not been delivered.
func (m *mark) with(rows []row) *mark {
	if len(rows) == 0 {
		return m
	}
	seen := make([]stamp, 0, len(m.seen)+len(rows))
	seen = append(seen, m.seen...)
	for _, r := range rows {
		seen = append(seen, stamp{r.BounceTime, r.short})
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

// shorts returns the rows of the mark as a set.
func (m *mark) shorts() map[uint32]struct{} {
	all := make(map[uint32]struct{}, len(m.seen))
	for _, s := range m.seen {
		all[s.short] = struct{}{}
	}
	return all
}

// seal returns a cursor for the mark. The cursor's window begins at the mark's start.
func (m *mark) seal(binding string) string {
	contents := make([]byte, 0, 4*len(m.seen))
	for _, s := range m.seen {
		contents = binary.BigEndian.AppendUint32(contents, s.short)
	}
	return page.EncodeCursor(binding, upstream.Window{Start: m.start, End: m.start + 1}, contents)
}

// reach is the maximum age of a cursor.
const reach = 24 * time.Hour

// openMark decodes a cursor, which must not be from before oldest.
func openMark(binding, text string, oldest upstream.Time) (*mark, error) {
	w, contents, err := page.DecodeCursor(binding, "after", text)
	if err != nil {
		return nil, err
	}
	if len(contents)%4 != 0 || len(contents)/4 > maxStamps {
		return nil, &page.ArgumentError{
			Argument: "after", Message: "after is damaged; omit it to receive new bounces only",
		}
	}
	if w.Start < oldest {
		return nil, &page.ArgumentError{Argument: "after", Message: fmt.Sprintf(
			"after is a cursor from more than %v ago, the longest that a subscription can resume: "+
				"omit it, and read what you missed from the list bounces", reach)}
	}
	m := &mark{start: w.Start}
	for ; len(contents) > 0; contents = contents[4:] {
		m.seen = append(m.seen, stamp{short: binary.BigEndian.Uint32(contents)})
	}
	return m, nil
}
