package page

import (
	"context"
	"math"

	"deliverygraph/upstream"
)

const (
	// tailPart is the part of a window that is assumed to hold a page's worth of rows if nothing is known.
	tailPart = 16
	// minTail is the shortest such part, in seconds.
	minTail = 300
	// maxTailRows is the largest client page for which a tail is tried if nothing is known. A page of up to
	// maxKnownTailRows leaves room for a tail to be a little off.
	maxTailRows, maxKnownTailRows = 100, upstream.PageSize / 2
	// maxMisses is the number of tails in a row that may be wrong before no more are tried.
	maxMisses = 3
)

// tail is what is known about the end of a list. It is updated only when a tail was wrong, so that equal
// operations make equal calls.
type tail struct {
	rate   float64       // rows per second
	end    upstream.Time // of the window in which the last tail was wrong
	misses int           // number of tails in a row that were wrong
}

// tailCall returns the call for the last part of the window, which is expected to have more rows than the
// client's page, and fewer than an upstream page. The page is then the end of the list, without knowing how many
// rows precede it. It reports false if there is nothing to base this on.
func (c *Connection[R]) tailCall() (call, bool) {
	n, w := c.extent.size, c.src.Window
	if c.src.Memory == nil || c.src.Count == nil || n > maxKnownTailRows {
		return call{}, false
	}
	if o, padded := c.seen(); o == unsorted || padded {
		return call{}, false
	}
	length := max(minTail, (w.End-w.Start)/tailPart)
	if known := c.recalled().tail; known != (tail{}) {
		if known.misses >= maxMisses || known.end == w.End {
			return call{}, false
		}
		length = tailLength(n, known.rate)
	} else if n > maxTailRows {
		return call{}, false
	}
	return call{max(w.Start, w.End-length), 0}, true
}

// tailLength returns how many seconds have the best number of rows: as many times n as fit into a page.
func tailLength(n int, rate float64) upstream.Time {
	rows := math.Sqrt(float64(n+1) * upstream.PageSize)
	return upstream.Time(min(math.Ceil(rows/rate), maxOffset))
}

// endInTail counts the list and fetches its tail side by side. It reports false if the tail turns out not to be
// the end of the list.
func (c *Connection[R]) endInTail(ctx context.Context, at call) (end spot[R], found bool, counted int64, err error) {
	var p *upstreamPage[R]
	var failed error
	upstream.Concurrently(2, func(i int) {
		if i == 0 {
			counted, err = c.total(ctx)
		} else {
			p, failed = c.fetch(ctx, at)
		}
	})
	if err != nil || failed != nil { // without the tail, the count still finds the end
		return spot[R]{}, false, counted, err
	}
	o, padded := c.seen()
	whole := at.start == c.src.Window.Start
	if o != unsorted && !padded && !p.full && (whole || len(p.rows) > c.extent.size) {
		if known := c.recalled(); known.tail.misses > 0 {
			known.tail.misses = 0
			c.record(known)
		}
		older := 0
		if !whole {
			older = max(0, int(counted)-len(p.rows))
		}
		return spot[R]{p, older, len(p.rows)}, true, counted, nil
	}
	c.missed(p, counted)
	return spot[R]{}, false, counted, nil
}

// missed learns from a tail that was not the end of the list.
func (c *Connection[R]) missed(p *upstreamPage[R], counted int64) {
	known, w := c.recalled(), c.src.Window
	learned := tail{end: w.End, misses: known.tail.misses + 1}
	switch n := len(p.rows); {
	case n == 0 || !p.full: // try a tail that is much longer
		rows := math.Sqrt(float64(c.extent.size+1) * upstream.PageSize)
		learned.rate = min(float64(max(1, counted))/float64(w.End-w.Start), rows/float64(4*(w.End-p.start)))
	default:
		learned.rate = float64(n) / float64(1+p.keyAt(n-1).Time-p.start)
	}
	known.tail = learned
	c.record(known)
}
