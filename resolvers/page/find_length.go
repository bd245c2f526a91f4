package page

import (
	"cmp"
	"context"
	"math"
	"slices"

	"deliverygraph/upstream"
)

const (
	// usualWidth is the number of pages that a sizer asks for at once. Once a list is known to have longPages pages,
	// a round may be twice as wide, and then four times, but not after manyCalls calls.
	usualWidth, longPages, manyCalls = 4, 64, 32
	// steadiness is the part by which two expectations of a list's length may differ to be relied upon.
	steadiness = 0.1
	// briefWindow is the length in seconds up to which lists are expected to be brief.
	briefWindow = 86400
	// early is the part of a window up to which the density of rows says little about the rest of it.
	early = 0.1
	// lastPage is the page behind the longest list.
	lastPage = maxOffset / upstream.PageSize
)

// gallop are the pages that are asked for first if nothing is known about a list.
var gallop = [usualWidth]int{0, 10, 80, 640}

// errUnending reports a list that has full pages wherever it is read.
var errUnending = &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API's list does not end"}

// sizer finds the number of rows of a window by looking for the page that is not full. Each round asks for several
// pages side by side: most of them where the times of the rows seen so far put the end of the list, the others so
// that the unknown part shrinks at least by half. A list whose rows are spread evenly takes about three rounds up
// to a million rows.
type sizer[R any] struct {
	list   *Connection[R]
	window upstream.Window
	brief  bool // the first page may well show the end, so it is asked for alone

	full, empty int              // the last page known to be full and the first known to be empty; -1 if there is none
	rows        int              // the result, or -1
	last        *upstreamPage[R] // the page that showed it, if one did
	marks       [2]landmark      // the ends of the last full pages, in order
	expected    float64          // the page at which the end was expected last; 0 if it was not
	rounds      int
	calls       int
}

// landmark says that a number of rows come before a time.
type landmark struct {
	rows int
	at   upstream.Time
}

// sizer returns the sizer of the list's window, or of a part of it.
func (c *Connection[R]) sizer(w upstream.Window) *sizer[R] {
	brief := c.src.Brief || c.src.Memory == nil || w.End-w.Start < briefWindow
	return &sizer[R]{list: c, window: w, brief: brief, full: -1, empty: -1, rows: -1}
}

// size returns the number of rows. For padded pages it is where offsets end.
func (s *sizer[R]) size(ctx context.Context) (int, error) {
	for s.rows < 0 {
		if s.empty >= 0 && s.full+1 >= s.empty {
			return s.empty * upstream.PageSize, nil
		}
		if s.full >= lastPage {
			return 0, errUnending
		}
		pages := s.next()
		fetched, errs := make([]*upstreamPage[R], len(pages)), make([]error, len(pages))
		upstream.Concurrently(len(pages), func(i int) {
			fetched[i], errs[i] = s.list.fetchPart(ctx, s.window, pages[i]*upstream.PageSize)
		})
		for _, p := range fetched {
			if p != nil {
				s.note(p)
			}
		}
		s.rounds++
		s.calls += len(pages)
		if err := cmp.Or(errs...); err != nil && s.rows < 0 {
			return 0, err
		}
	}
	return s.rows, nil
}

// note learns from a page of the window.
func (s *sizer[R]) note(p *upstreamPage[R]) {
	end := p.offset + len(p.answer)
	switch {
	case p.full:
		s.full = max(s.full, end/upstream.PageSize-1)
		if n := len(p.rows); n > 0 && end > s.marks[1].rows {
			s.marks[0], s.marks[1] = s.marks[1], landmark{end, p.keyAt(n - 1).Time}
		}
		if s.empty <= s.full { // that was at an earlier moment
			s.empty = -1
		}
	case len(p.answer) > 0 || p.offset == 0:
		if end > s.rows {
			s.rows, s.last = end, p
		}
	default:
		if page := p.offset / upstream.PageSize; page > s.full && (s.empty < 0 || page < s.empty) {
			s.empty = page
		}
	}
}

// next returns the pages to ask for in the next round.
func (s *sizer[R]) next() []int {
	if s.full < 0 && s.empty < 0 {
		if s.brief {
			return gallop[:1]
		}
		return gallop[:s.width(usualWidth)]
	}
	end := lastPage + 1 // pages from here on are known or out of reach
	if s.empty >= 0 {
		end = s.empty
	}
	gap := end - s.full - 1
	at, known := s.estimate()
	width := s.width(s.wish(at))
	if all := width + width/8*4; gap <= all {
		pages := make([]int, gap)
		for i := range pages {
			pages[i] = s.full + 1 + i
		}
		return pages
	}
	halves := width / 4
	switch {
	case s.empty < 0:
		halves = 0
	case at > float64(end)+float64(gap)/2: // the rows do not come evenly
		halves = width
	case width < 4:
		halves = s.rounds % 2
	}
	at = min(max(at, float64(s.full)+1.5), float64(end)-0.5)
	var pages []int
	n := width - halves
	for i := range n {
		u := 2*(float64(i)+0.5)/float64(n) - 1 // between -1 and 1
		switch ahead := at - float64(s.full); {
		case known:
			pages = append(pages, int(at+ahead*u*math.Abs(u)/2))
		case i == 0 && n > 1: // in case the rest of the window is sparse
			pages = append(pages, s.full+int(math.Sqrt(ahead)))
		default:
			pages = append(pages, s.full+int(ahead*math.Pow(4, u)))
		}
	}
	if s.empty < 0 { // go far enough to pass the end sooner or later
		last := &pages[len(pages)-1]
		if len(pages) > 1 || s.rounds%2 == 0 {
			*last = max(*last, 3*s.full)
		}
		for i := range pages {
			if s.rounds > 4 {
				pages[i] = max(pages[i], s.full) << min(4*(i+1), 20)
			}
		}
	}
	for i := range halves {
		part := float64(i+1) / float64(halves+1)
		if from := float64(s.full + 1); from > 0 && float64(end) > 4*from { // equal ratios
			pages = append(pages, int(from*math.Pow(float64(end)/from, part)))
		} else {
			pages = append(pages, s.full+int(float64(gap)*part))
		}
	}
	return apart(pages, s.full+1, end-1)
}

// apart returns the pages in order, moved so that they are different and lie between low and high. There must be
// room for all.
func apart(pages []int, low, high int) []int {
	slices.Sort(pages)
	for i := range pages {
		pages[i] = max(pages[i], low+i)
		if i > 0 {
			pages[i] = max(pages[i], pages[i-1]+1)
		}
	}
	for i := range pages {
		at := len(pages) - 1 - i
		pages[at] = min(pages[at], high-i)
	}
	return pages
}

// estimate returns where the end of the list is expected, in pages. It reports whether that is based on a fair part
// of the window.
func (s *sizer[R]) estimate() (pages float64, known bool) {
	whole, past := float64(s.window.End-s.window.Start), func(m landmark) float64 {
		return float64(min(max(m.at, s.window.Start), s.window.End-1)-s.window.Start) + 1
	}
	a, b := s.marks[0], s.marks[1]
	rows := float64(b.rows) / past(b) * whole
	if a.rows > 0 { // take the latest density into account
		density := float64(b.rows-a.rows) / max(1, past(b)-past(a))
		rows = (rows + float64(b.rows) + density*(whole-past(b))) / 2
	}
	return min(rows/upstream.PageSize, lastPage), past(b) > early*whole
}

// wish returns how many pages the next round should ask for, given where the end is expected. Many calls are worth it
// only if the expectation is reliable: it was nearly the same before.
func (s *sizer[R]) wish(at float64) int {
	steady := math.Abs(at-s.expected) < at*steadiness
	first := s.expected == 0
	s.expected = at
	switch {
	case s.full < longPages || s.calls >= manyCalls:
		return usualWidth
	case first:
		return 2 * usualWidth
	case steady:
		return 4 * usualWidth
	}
	return usualWidth
}

// width returns how many pages the next round may ask for, of those that it should.
func (s *sizer[R]) width(wish int) int {
	if room := s.list.src.Room; room != nil {
		return min(wish, max(1, room()))
	}
	return wish
}
