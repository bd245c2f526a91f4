package graph

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// room is the memory for requests that are being read, and for answers that are being made or
// wait until their callers have taken them. An answer counts from before it is made, by what
// its rows may need, so that many large ones cannot be begun together.
//
// It is shared so that callers who do not read what they ask for leave room for others. A
// caller with a name may have as much as is then left for all others: one has half of it
// at most, two have a third each. Where there are no names, an answer may take an eighth of what is
// left, so that small ones find room among large ones that nobody reads.
type room struct {
	most int64
	used atomic.Int64 // bytes of requests and answers

	mu      sync.Mutex
	answers int64            // of used
	callers map[string]int64 // of answers, those of callers with a name
	freed   chan struct{}    // closed when there is more room; nil while nothing waits for that
}

const (
	// rowBytes is about what a row takes in an answer.
	rowBytes = 512
	// smallAnswer is the size of answers that find room as long as there is any.
	smallAnswer = 64 << 10
	// mostReserved is the part of all room that an answer takes before it is made, at most:
	// most answers have far fewer rows than they may have.
	mostReserved = 16
	// mostNameless is the part of what is left that an answer may take for a caller without a name.
	mostNameless = 8
)

func newRoom(most int64) *room { return &room{most: most, callers: map[string]int64{}} }

// full says whether there is no room for more.
func (r *room) full() bool { return r.used.Load() > r.most }

// held is the room that an answer has. It is for one goroutine at a time, but for shrink.
type held struct {
	room   *room
	caller string
	bytes  int64
}

// reserve takes room for an answer of a caller, which may have no name.
func (r *room) reserve(caller string, bytes int64) (held, bool) {
	h := held{room: r, caller: caller}
	ok := h.grow(min(bytes, r.most/mostReserved))
	return h, ok
}

// wait takes room as reserve does, as soon as there is some before patience ends.
func (r *room) wait(ctx context.Context, caller string, bytes int64) (held, bool) {
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
			return held{}, false
		case <-ctx.Done():
			return held{}, false
		}
	}
}

// fits says whether an answer may take so much more than it has. The caller holds mu.
func (r *room) fits(h *held, more int64) bool {
	left := r.most - r.used.Load()
	switch {
	case more <= 0, r.answers == h.bytes: // alone it always may, or the largest would never be sent
		return true
	case more <= smallAnswer:
		return more <= left
	case h.caller == "":
		return more <= left/mostNameless
	}
	return r.callers[h.caller]+more <= left
}

// grow takes more room, if there is some.
func (h *held) grow(more int64) bool {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	if !h.room.fits(h, more) {
		return false
	}
	h.change(more)
	return true
}

// resize has the answer take so much room in all, if there is that much.
func (h *held) resize(bytes int64) bool {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	if !h.room.fits(h, bytes-h.bytes) {
		return false
	}
	h.change(bytes - h.bytes)
	return true
}

// shrink gives room back.
func (h *held) shrink(bytes int64) {
	h.room.mu.Lock()
	defer h.room.mu.Unlock()
	h.change(-bytes)
}

// release gives all of it back. The zero held has none.
func (h *held) release() {
	if h.room != nil {
		h.shrink(h.bytes)
	}
}

// change changes what an answer has. The caller holds mu.
func (h *held) change(by int64) {
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

// errOverloaded is a body that there is no room for.
var errOverloaded = errors.New("no room for the body")

// body counts what is read of a request's body, as it comes: one that is announced to be long
// and does not come takes no room.
type body struct {
	io.ReadCloser
	room *room
	read int64
}

// Read reads, as long as there is room.
func (b *body) Read(p []byte) (int, error) {
	if b.room.full() {
		return 0, errOverloaded
	}
	n, err := b.ReadCloser.Read(p)
	b.read += int64(n)
	b.room.used.Add(int64(n))
	return n, err
}

// counted makes a request's body count, until its release.
func (r *room) counted(req *http.Request) *body {
	b := &body{ReadCloser: req.Body, room: r}
	req.Body = b
	return b
}

func (b *body) release() { b.room.used.Add(-b.read) }
