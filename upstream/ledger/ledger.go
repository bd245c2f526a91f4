// Package ledger notes what one operation asks of the metrics API, and holds it to a
// budget.
//
// A [Ledger] is carried by the operation's context. The client and the cache tell it
// of every call and every question ([Call] and [Lookup] are the functions for their
// Observe options), [Budget] counts the calls on their way. What a ledger always
// knows is how much was called, how fresh the answers are, and whether any was stale;
// the single calls it notes only where it is to explain them, so that it costs nothing
// else. A context without a ledger is noted nowhere and has no budget.
//
// Start reading at [Ledger].
package ledger

import (
	"context"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// Options say what a ledger is for.
type Options struct {
	// Operation names the operation in logs; it may be empty.
	Operation string
	// MaxCalls is how many calls the operation may make; 0 is any number.
	MaxCalls int
	// Explain has every call noted.
	Explain bool
	// Sees says of a call, by its path and its query as sent, whether the operation's caller
	// may be told how it went: whether it sees all that is in the answer. Of other calls
	// neither notes nor sums have more than that there was one. Nil is of all.
	Sees func(path, query string) bool
}

// Ledger is what one operation has asked of the API. It is safe for concurrent use.
type Ledger struct {
	o Options

	mu      sync.Mutex
	calls   int // begun, as Budget sees them
	sum     Summary
	notes   []Note
	batches []Batch
}

// Summary is what a ledger knows of all answers together.
type Summary struct {
	Sent, Joined, Cached, Stale int           // answers, by where they came from
	Unsent                      int           // calls that the client did not send
	Failed                      int           // calls that failed, of those sent, joined and unsent; this and the next three as Options.Sees allows
	Tries                       int           // requests
	Bytes                       int64         // of the bodies of calls sent
	Rows                        int           // of all answers
	Age                         time.Duration // of the oldest stale answer
	Asked                       int           // questions of fields, the same ones too
	Distinct                    int           // questions that were not the same
	Moves                       bool          // some were asked of a window up to now: asked again, they are others

	left time.Duration
	held bool
}

// Left is how much longer the least fresh of the answers may be shown, and false
// where there were none, or one did not come through a cache.
func (s Summary) Left() (time.Duration, bool) { return s.left, s.held }

// Source is where an answer came from.
type Source string

// The sources.
const (
	Sent   Source = "sent"   // by this operation
	Joined Source = "joined" // that of an equal call which was under way
	Cached Source = "cached"
	Stale  Source = "stale"  // past its freshness, as the API had failed
	Unsent Source = "unsent" // none: the API failed too often of late, too many calls waited, or the operation ended
)

// Note is one answer: what was asked, where the answer came from, and what the call
// was like.
type Note struct {
	Source Source
	Path   string // of the API, escaped
	Query  string // in which addresses are left out
	Unseen bool   // the caller may not be told more
	Age    time.Duration
	Call   rest.Call // of Cached and Stale only Rows
}

// maxNotes bounds what an explanation holds: more are counted, but not told apart.
const maxNotes = 1000

// Batch is keys that a loader gathered from fields side by side.
type Batch struct {
	Loader string
	Keys   int
}

// New makes the ledger of an operation.
func New(o Options) *Ledger {
	l := &Ledger{}
	l.Init(o)
	return l
}

// Init makes a zero Ledger, such as one that is a part of something else, what New gives.
func (l *Ledger) Init(o Options) { l.o = o }

type contextKey struct{}

// With gives a context that carries the ledger.
func With(ctx context.Context, l *Ledger) context.Context {
	return context.WithValue(ctx, contextKey{}, l)
}

// From gives the ledger that ctx carries, or nil, which notes nothing.
func From(ctx context.Context) *Ledger {
	l, _ := ctx.Value(contextKey{}).(*Ledger)
	return l
}

// Call notes a call of the client's: it is for [rest.Options].
func Call(ctx context.Context, c rest.Call) {
	l := From(ctx)
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	source := Sent
	switch {
	case c.Joined:
		source = Joined
		l.sum.Joined++
	case c.Tries == 0:
		source = Unsent
		l.sum.Unsent++
	default:
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

// Lookup notes a question of the cache: it is for [cached.Options].
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
	n := Note{Path: q.Path, Unseen: l.unseen(q.Path, q.Query)}
	if !n.Unseen {
		n.Age, n.Call = q.Age, rest.Call{Endpoint: q.Endpoint, Rows: q.Rows}
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
		return // the client tells of it
	}
	l.sum.Rows += n.Call.Rows
	if l.o.Explain {
		n.Query = q.RedactedQuery()
		l.note(n)
	}
}

// unseen says whether the caller may not be told how a call went. What is not explained is
// told to no one.
func (l *Ledger) unseen(path, query string) bool {
	return l.o.Explain && l.o.Sees != nil && !l.o.Sees(path, query)
}

func (l *Ledger) note(n Note) {
	if len(l.notes) < maxNotes {
		l.notes = append(l.notes, n)
	}
}

// Ask notes that a field asked something, and whether another had before.
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

// Batch notes that a loader has gathered keys.
func (l *Ledger) Batch(loader string, keys int) {
	if l == nil || !l.o.Explain {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches = append(l.batches, Batch{loader, keys})
}

// Move notes that what was asked moves with the clock, as windows up to now do.
func (l *Ledger) Move() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.Moves = true
}

// Pass notes that a part of the answer is of this moment alone, such as what its caller
// may still ask for.
func (l *Ledger) Pass() {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum.left, l.sum.held = 0, true
}

// Summary is what is known up to now.
func (l *Ledger) Summary() Summary {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sum
}

// Notes are the answers that were noted, in the order in which they came, and the
// batches of the loaders.
func (l *Ledger) Notes() ([]Note, []Batch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.notes), slices.Clone(l.batches)
}
