// Package ledger records what an operation asks of the metrics API, and limits how many calls it makes.
//
// The operation's context carries its [Ledger]. The client and the cache report to it: [Call] and [Lookup] are the
// functions for their Observe options. [Budget] counts calls as they are made. A ledger always knows how much was
// called, how fresh the answers are, and whether any was stale. It records single calls only if Options.Explain is set,
// because that costs memory. Without a ledger in the context, nothing is recorded or limited.
//
// Start reading at [Ledger].
package ledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// Options configure a ledger.
type Options struct {
	// Operation names the operation in logs. It may be empty.
	Operation string
	// MaxCalls limits the calls that the operation may make; 0 means no limit.
	MaxCalls int
	// Explain makes the ledger record every call.
	Explain bool
	// Sees reports whether the operation's caller may see everything in the answer to a call, given its path and query
	// as sent. Of other calls, notes and sums show only that they were made. Nil allows all.
	Sees func(path, query string) bool
}

// Ledger records what one operation has asked of the API. It is safe for concurrent use.
type Ledger struct {
	o Options

	mu      sync.Mutex
	calls   int // made, as counted by Budget
	sum     Summary
	notes   []Note
	batches []Batch
}

// Summary sums up all answers.
type Summary struct {
	Sent, Joined, Cached, Stale int           // answers, by source
	Unsent                      int           // calls that were not sent
	Failed                      int           // failed calls, among those sent, joined and unsent; this and the next three only as Options.Sees allows
	Tries                       int           // requests
	Bytes                       int64         // size of the bodies of calls sent
	Rows                        int           // of all answers
	Age                         time.Duration // of the oldest stale answer
	Asked                       int           // questions that fields asked, including repeated ones
	Distinct                    int           // distinct questions
	Until                       time.Time     // when a later operation gets another answer; zero if no window ends now

	left time.Duration
	held bool
}

// Left returns how much longer the least fresh answer stays fresh. It returns false if there are no answers, or one did
// not come through a cache.
func (s Summary) Left() (time.Duration, bool) { return s.left, s.held }

// Source says where an answer came from.
type Source string

// The sources of answers.
const (
	Sent   Source = "sent"   // requested by this operation
	Joined Source = "joined" // shared with an equal call under way
	Cached Source = "cached"
	Stale  Source = "stale"  // no longer fresh, used because the API failed
	Unsent Source = "unsent" // no answer: the breaker was open, the queue was full, or the operation ended
)

// Note describes one answer.
type Note struct {
	Source Source
	Path   string // of the API, escaped
	Query  string // without addresses
	Unseen bool   // the caller may not see more
	Age    time.Duration
	Call   rest.Call // for Cached and Stale only Rows
}

// maxNotes limits the notes of an explanation. Further answers are only counted.
const maxNotes = 1000

// Batch is a set of keys that a loader collected from concurrent fields.
type Batch struct {
	Loader string
	Keys   int
}

// New returns the ledger of an operation.
func New(o Options) *Ledger {
	l := &Ledger{}
	l.Init(o)
	return l
}

// Init initializes a zero Ledger, such as one embedded in another struct.
func (l *Ledger) Init(o Options) { l.o = o }

type contextKey struct{}

// With returns a context that carries l.
func With(ctx context.Context, l *Ledger) context.Context {
	return context.WithValue(ctx, contextKey{}, l)
}

// From returns the ledger that ctx carries, or nil.
func From(ctx context.Context) *Ledger {
	l, _ := ctx.Value(contextKey{}).(*Ledger)
	return l
}

// Call records a call of the client. Use it as [rest.Options].Observe.
func Call(ctx context.Context, c rest.Call) {
	l := From(ctx)
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	source := Sent
	if c.Tries == 0 {
		source = Unsent
		l.sum.Unsent++
	} else {
		l.sum.Sent++
	}
	if l.unseen(c.Path, c.Query) {
		l.note(Note{Source: source, Path: c.Path, Query: c.RedactedQuery(), Unseen: true})
		return
	}
	if source == Sent {
		l.sum.Tries += c.Tries
		l.sum.Bytes += c.Bytes
	}
	if c.Code != "" {
		l.sum.Failed++
	}
	l.sum.Rows += c.Rows
	if l.o.Explain {
		l.note(Note{Source: source, Path: c.Path, Query: c.RedactedQuery(), Call: c})
	}
}

// Lookup records a lookup in the cache. Use it as [cached.Options].Observe.
func Lookup(ctx context.Context, q cached.Lookup) {
	l := From(ctx)
	if l == nil || q.Err != nil && !q.Stale {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.sum.held || q.Left < l.sum.left {
		l.sum.left, l.sum.held = q.Left, true
	}
	n := Note{}
	if l.o.Explain {
		query := q.Question.Query()
		n.Path, n.Query = q.Question.Path(), upstream.RedactQuery(query)
		n.Unseen = l.unseen(n.Path, query)
	}
	if !n.Unseen {
		n.Age, n.Call = q.Age, rest.Call{Endpoint: q.Question.Endpoint(), Rows: q.Rows}
	}
	switch {
	case q.Stale:
		n.Source = Stale
		l.sum.Stale++
		l.sum.Age = max(l.sum.Age, q.Age)
	case q.Hit:
		n.Source = Cached
		l.sum.Cached++
	case q.Joined:
		n.Source = Joined
		l.sum.Joined++
	default:
		return // the client reports it through Call
	}
	l.sum.Rows += n.Call.Rows
	if l.o.Explain {
		l.note(n)
	}
}

// unseen reports whether details of a call must be hidden from the caller. Without Explain, none are shown.
func (l *Ledger) unseen(path, query string) bool {
	return l.o.Explain && l.o.Sees != nil && !l.o.Sees(path, query)
}

func (l *Ledger) note(n Note) {
	if len(l.notes) < maxNotes {
		l.notes = append(l.notes, n)
	}
}

// Ask records a question that a field asked. again says that it was asked before.
func (l *Ledger) Ask(again bool) {
	if l == nil || !l.o.Explain {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Asked++
	if !again {
		l.sum.Distinct++
	}
}

// Batch records a batch of keys that a loader collected.
func (l *Ledger) Batch(loader string, keys int) {
	if l == nil || !l.o.Explain {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches = append(l.batches, Batch{loader, keys})
}

// Move records that an answer depends on the current time, such as one about a window up to now, and until when
// other operations get the same one.
func (l *Ledger) Move(until time.Time) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sum.Until.IsZero() || until.Before(l.sum.Until) {
		l.sum.Until = until
	}
}

// Pass records that a part of the answer is valid only at this moment, such as the caller's remaining budget.
func (l *Ledger) Pass() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.left, l.sum.held = 0, true
}

// Summary returns the sums so far.
func (l *Ledger) Summary() Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// Notes returns the recorded answers in the order of their arrival, and the loaders' batches.
func (l *Ledger) Notes() ([]Note, []Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notes), slices.Clone(l.batches)
}
