package graph

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
)

// memoryLimit limits the memory for requests being read, and for responses being made or waiting until their callers
// have read them. A response counts from before it is made, by the estimated size of its rows, so that many large ones
// cannot start together.
//
// Callers that do not read their responses must leave room for others. A named caller may hold as much as is left for
// all others: a single one gets at most half, two get a third each. Where callers have no names, a response may take an
// eighth of what is left, so that small ones find room beside large ones that are not being read.
type memoryLimit struct {
	most int64
	used atomic.Int64 // of requests and responses, in bytes

	mu      sync.Mutex
	answers int64            // the responses' part of used
	callers map[string]int64 // the same by caller, for callers with a name
	freed   chan struct{}    // closed when room becomes free; nil while nothing waits for it
}

const (
	// rowBytes is the approximate size of a row in a response.
	rowBytes = 512
	// smallAnswer is the size up to which a response gets room as long as there is any.
	smallAnswer = 64 << 10
	// mostReserved is the fraction of all room (1/16) that a response may reserve before it is made: most responses
	// have far fewer rows than they could have.
	mostReserved = 16
	// mostNameless is the fraction of the free room (1/8) that a response to an unnamed caller may take.
	mostNameless = 8
)

func newMemoryLimit(most int64) *memoryLimit {
	return &memoryLimit{most: most, callers: map[string]int64{}}
}

// full reports whether there is no room for more.
func (r *memoryLimit) full() bool { return r.used.Load() > r.most }

// reservation is the room that a response holds. Its methods are safe for concurrent use, except release.
type reservation struct {
	room    *memoryLimit
	caller  string
	bytes   int64
	settled int64 // bytes, without what [reservation.cover] has added
	counted int64 // bytes that cover need not add, of those that it is called for: settled has, or had, them
}

// reserve takes room for a response to a caller, whose name may be empty, and reports whether there was enough.
func (r *memoryLimit) reserve(caller string, bytes int64) (reservation, bool) {
	h := reservation{room: r, caller: caller}
	ok := h.grow(min(bytes, r.most/mostReserved))
	h.counted = h.bytes
	return h, ok
}

// wait is like reserve but waits up to patience for room.
func (r *memoryLimit) wait(ctx context.Context, caller string, bytes int64) (reservation, bool) {
	over := time.NewTimer(patience)
	defer over.Stop()
	for {
		r.mu.Lock()
		if r.freed == nil {
			r.freed = make(chan struct{})
		}
		freed := r.freed
		r.mu.Unlock()
		if h, ok := r.reserve(caller, bytes); ok {
			return h, true
		}
		select {
		case <-freed:
		case <-over.C:
			return reservation{}, false
		case <-ctx.Done():
			return reservation{}, false
		}
	}
}

// fits reports whether a response may take more bytes than it has. The caller must hold mu.
func (r *memoryLimit) fits(h *reservation, more int64) bool {
	grown := h.bytes - h.settled // piecemeal, but it is judged as if it had been taken at once
	more += grown
	left := r.most - r.used.Load() + grown
	switch {
	case more <= 0, r.answers == h.bytes: // a response that is alone always fits, or the largest could never be sent
		return true
	case more <= smallAnswer:
		return more <= left
	case h.caller == "":
		return more <= left/mostNameless
	}
	return r.callers[h.caller]-grown+more <= left
}

// grow makes room for more bytes, such as those of a finished part of the response, and reports whether there was
// enough. What cover has added becomes the part's.
func (h *reservation) grow(more int64) bool {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	covered := min(more, h.bytes-h.settled)
	h.settled += covered
	h.counted += covered
	return more == covered || h.take(more-covered)
}

// take takes more room, and reports whether there was enough. The caller must hold mu.
func (h *reservation) take(more int64) bool {
	if !h.room.fits(h, more) {
		return false
	}
	h.change(more)
	h.settled += more
	return true
}

// cover makes room for the bytes of a response that have been made so far, and reports whether there was enough.
func (h *reservation) cover(made int64) bool {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	more := made - h.counted - (h.bytes - h.settled)
	if more > 0 && !h.room.fits(h, more) {
		return false
	}
	h.change(max(0, more))
	return true
}

// resize sets the total size of a response, and reports whether there was room for it. From then on, cover adds only
// what is made beyond the given bytes.
func (h *reservation) resize(bytes, made int64) bool {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	if !h.take(bytes - h.bytes) {
		return false
	}
	h.settled, h.counted = h.bytes, made
	return true
}

// shrink gives back some room.
func (h *reservation) shrink(bytes int64) {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	h.change(-bytes)
	h.settled -= bytes
}

// release gives back all room. The zero reservation has none.
func (h *reservation) release() {
	if h.room != nil {
		h.shrink(h.bytes)
	}
}

// change changes the size of a response. The caller must hold mu.
func (h *reservation) change(by int64) {
	r := h.room
	h.bytes += by
	r.answers += by
	r.used.Add(by)
	if h.caller != "" {
		if r.callers[h.caller] += by; r.callers[h.caller] == 0 {
			delete(r.callers, h.caller)
		}
	}
	if by < 0 && r.freed != nil {
		close(r.freed)
		r.freed = nil
	}
}

// Take implements [columns.Meter]. It takes room for a response as it grows, and limits it to a quarter of MaxInFlight:
// until it is sent, it may be in memory several times.
func (x *execution) Take(bytes int) error {
	made, most := x.made.Add(int64(bytes)), x.h.o.MaxInFlight/4
	switch {
	case made > most:
		return requestError(codeTooExpensive, fmt.Sprintf("this is missing because the response would take "+
			"more than %d bytes of memory, a quarter of --max-in-flight: select fewer rows, or fewer fields of them, "+
			"at once", most))
	case (made > x.reserved || x.deferred) && !x.room.cover(made):
		x.full.Store(true) // whatever this returns, the response is an error
		return requestError(codeRateLimited, "the server is overloaded")
	}
	return nil
}

// MaxRows returns how many elements the lists of a response may have together, given [Options].MaxInFlight. Aliases can
// repeat rows many times, without further calls.
func MaxRows(maxInFlight int64) int64 { return maxInFlight / rowBytes }

// limitLists wraps all fields of a response and fails its lists once they have too many elements together.
func (x *execution) limitLists(ctx context.Context, next graphql.Resolver) (any, error) {
	if graphql.GetFieldContext(ctx).Field.Definition.Type.Elem == nil {
		return next(ctx)
	}
	most := MaxRows(x.h.o.MaxInFlight)
	if x.elements.Load() <= most {
		v, err := next(ctx)
		list := reflect.ValueOf(v)
		if err != nil || list.Kind() != reflect.Slice || x.elements.Add(int64(list.Len())) <= most {
			return v, err
		}
	}
	return nil, requestError(codeTooExpensive, fmt.Sprintf("this is missing because the lists of the operation have "+
		"more than %d elements, the limit (--max-in-flight): select fewer rows, or fewer lists of them, at once", most))
}

// errOverloaded reports that there was no room for a body.
var errOverloaded = errors.New("no room for the body")

// body counts the bytes read of a request's body as they arrive, so that an announced but unsent body takes no room.
type body struct {
	io.ReadCloser
	room *memoryLimit
	read int64
}

// Read implements [io.Reader]. It fails when there is no room.
func (b *body) Read(p []byte) (int, error) {
	if b.room.full() {
		return 0, errOverloaded
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.room.used.Add(int64(n))
	return n, err
}

// counted makes a request's body count until release is called.
func (r *memoryLimit) counted(req *http.Request) *body {
	b := &body{ReadCloser: req.Body, room: r}
	req.Body = b
	return b
}

func (b *body) release() { b.room.used.Add(-b.read) }
