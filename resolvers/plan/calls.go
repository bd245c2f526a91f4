package plan

import (
	"deliverygraph/resolvers/auth"
	"deliverygraph/upstream"
)

// call names the upstream calls that one field makes for all objects it is selected
// on. Fields with equal names make the same calls, and the operation makes those
// once.
type call struct {
	op       op
	kind     upstream.Kind
	window   window
	user     int32 // whose: a symbol, 0 for everyone's
	sender   int32
	list     int32 // of a list's pages, or of the rows that are asked for
	rollup   upstream.Rollup
	interval upstream.Interval
	bounces  upstream.BounceType
}

type op uint8

const (
	opFirst     op = iota // the first page of a list
	opPages               // its other pages
	opProbe               // the search for its end
	opDetail              // of bounces
	opCounts              // by sender or user
	opSeries              // by hour or day
	opOwners              // the counts that tell whose the senders of a list are
	opCatalogue           // of categories or of reasons
)

func (c call) endpoint() string {
	switch c.op {
	case opDetail:
		return upstream.DetailEndpoint
	case opCounts, opSeries, opOwners:
		return c.kind.CountsPath()
	case opCatalogue:
		if c.kind == upstream.Bounces {
			return upstream.BounceCategoriesPath
		}
		return upstream.BlockedReasonsPath
	}
	return c.kind.ListPath()
}

// charge is what calls of one name cost.
type charge struct {
	planned, worst int64
	order          int // in which they were met
	at             *path
}

// charge notes calls. Those of the same name are the same, and of two numbers the
// higher counts: 40 details are among 60 of the same list.
func (w *walker) charge(c call, planned, worst int64, at *path) {
	if worst == 0 {
		return
	}
	known, met := w.charges[c]
	if !met {
		known = charge{order: len(w.charges), at: at}
	}
	if planned > known.planned {
		known.planned, known.at = planned, at
	}
	known.worst = max(known.worst, worst)
	w.charges[c] = known
}

// window is a window of time as calls have it.
type window struct {
	upstream.Window
	walk bool  // the one in which a walk began, which its cursors know
	each int32 // not one, but the second of each of some rows: a symbol
}

// symbol is what stands for users, senders or lists that may be many: equal ones are
// the same.
type symbol struct {
	list list
	text string // of ids, all of them
	id   int64  // of a literal
	of   int32  // of a list's, the list
	what symbolKind
}

type symbolKind uint8

const (
	aUser symbolKind = iota
	aSender
	usersOf   // of the rows of a list
	sendersOf // likewise
	ownersOf  // the users of the senders of a list
	ofIDs     // the objects of some ids
	theList
)

// list is a list that connections are pages of.
type list struct {
	kind          upstream.Kind
	rollup        upstream.Rollup
	counted       bool // users or senders, which counts name
	backward      bool
	user, sender  int32
	window        window
	filter        string
	after, before string
}

func (w *walker) symbol(s symbol) int32 {
	n, known := w.symbols[s]
	if !known {
		n = int32(len(w.symbols) + 1)
		w.symbols[s] = n
	}
	return n
}

// Limits that package auth has where a list of several users is put together of the
// lists of each: pages that are used up on the way, and how it jumps.
const (
	mergedPages = 200
	mergedJumps = 16 // counts and series of each user
)

// times is how many calls become of one for a user, or for everyone.
func (w *walker) times(user int32) int64 {
	if user != 0 || w.op.Users == Everyone {
		return 1
	}
	return int64(w.op.Users)
}

// counting is likewise for counts and series: by user one call tells of all users, and
// callers with many get their own of it.
func (w *walker) counting(user int32, r upstream.Rollup) int64 {
	n := w.times(user)
	if r == upstream.ByUser && n > auth.FewUsers {
		return 1
	}
	return n
}

// merged is times for pages of a list that lie behind its first.
func (w *walker) merged(user int32) (worst int64) {
	n := w.times(user)
	if n > 1 {
		n = mergedPages + mergedJumps*n
	}
	return n
}
