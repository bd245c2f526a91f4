package operation

import (
	"context"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// Summary sums up all answers.
type Summary struct {
	Sent, Joined, Cached, Stale int           // answers, by source
	Unsent                      int           // calls that were not sent
	Failed                      int           // failed calls; this and the next three only as Options.Sees allows
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
	Source   Source
	Question *upstream.Question
	Unseen   bool // the caller may not see more
	Age      time.Duration
	Call     rest.Call // for Cached and Stale only Rows
}

// maxNotes limits the notes of an explanation. Further answers are only counted.
const maxNotes = 1000

// Batch is a set of keys that a loader collected from concurrent fields.
type Batch struct {
	Loader string `json:"loader"`
	Keys   int    `json:"keys"`
}

// Call records a call of the client. Use it as [rest.Options].Observe.
func Call(ctx context.Context, c rest.Call) {
	op := From(ctx)
	if op == nil {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	source := Sent
	if c.Tries == 0 {
		source = Unsent
		op.sum.Unsent++
	} else {
		op.sum.Sent++
	}
	if op.unseen(c.Question) {
		op.note(Note{Source: source, Unseen: true}, c.Question)
		return
	}
	if source == Sent {
		op.sum.Tries += c.Tries
		op.sum.Bytes += c.Bytes
	}
	if c.Code != "" {
		op.sum.Failed++
	}
	op.sum.Rows += c.Rows
	if op.o.Explain {
		op.note(Note{Source: source, Call: c}, c.Question)
	}
}

// Lookup records a lookup in the cache. Use it as [cached.Options].Observe.
func Lookup(ctx context.Context, q cached.Lookup) {
	op := From(ctx)
	if op == nil || q.Err != nil && !q.Stale {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if !op.sum.held || q.Left < op.sum.left {
		op.sum.left, op.sum.held = q.Left, true
	}
	n := Note{Unseen: op.unseen(q.Question)}
	if !n.Unseen {
		n.Age, n.Call = q.Age, rest.Call{Rows: q.Rows}
	}
	switch {
	case q.Stale:
		n.Source = Stale
		op.sum.Stale++
		op.sum.Age = max(op.sum.Age, q.Age)
	case q.Hit:
		n.Source = Cached
		op.sum.Cached++
	case q.Joined:
		n.Source = Joined
		op.sum.Joined++
	default:
		return // the client reports it through Call
	}
	op.sum.Rows += n.Call.Rows
	if op.o.Explain {
		op.note(n, q.Question)
	}
}

// unseen reports whether details of a call must be hidden from the caller. Without Explain, none are shown.
func (op *Operation) unseen(q *upstream.Question) bool {
	return op.o.Explain && op.o.Sees != nil && !op.o.Sees(q)
}

// note adds a note about an answer to a question.
func (op *Operation) note(n Note, q *upstream.Question) {
	if len(op.notes) < maxNotes {
		n.Question = new(*q) // a copy, as askers may reuse theirs
		op.notes = append(op.notes, n)
	}
}

// Again records that a field asked something that the operation knows already.
func (op *Operation) Again() {
	op.mu.Lock()
	defer op.mu.Unlock()
	op.ask(true)
}

// ask records a question of a field. again says that it was asked before.
func (op *Operation) ask(again bool) {
	if !op.o.Explain {
		return
	}
	op.sum.Asked++
	if !again {
		op.sum.Distinct++
	}
}

// Batch records a batch of keys that a loader collected.
func (op *Operation) Batch(loader string, keys int) {
	if op == nil || !op.o.Explain {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	op.batches = append(op.batches, Batch{loader, keys})
}

// Move records that an answer depends on the current time, such as one about a window up to now, and until when
// other operations get the same one.
func (op *Operation) Move(until time.Time) {
	if op == nil {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.sum.Until.IsZero() || until.Before(op.sum.Until) {
		op.sum.Until = until
	}
}

// Pass records that a part of the answer is valid only at this moment, such as the caller's remaining budget.
func (op *Operation) Pass() {
	if op == nil {
		return
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	op.sum.left, op.sum.held = 0, true
}

// Summary returns the sums so far.
func (op *Operation) Summary() Summary {
	op.mu.Lock()
	defer op.mu.Unlock()
	return op.sum
}

// Notes returns the recorded answers in the order of their arrival, and the loaders' batches.
func (op *Operation) Notes() ([]Note, []Batch) {
	op.mu.Lock()
	defer op.mu.Unlock()
	return slices.Clone(op.notes), slices.Clone(op.batches)
}
