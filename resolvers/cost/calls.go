package cost

import (
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// call identifies the upstream calls that one field makes for all the objects it is selected on. Fields with
// equal calls share them: the operation makes them once.
type call struct {
	op       op
	kind     upstream.Kind
	window   window
	user     int32 // symbol of the users; 0 means all users
	sender   int32
	list     int32 // symbol of the list, for its pages and for calls about its rows
	rollup   upstream.Rollup
	interval upstream.Interval
	bounces  upstream.BounceType
}

type op uint8

const (
	opFirst     op = iota // the first page of a list
	opPages               // the other pages of the list
	opProbe               // the search for the end of a list
	opTogether            // the pages of a list that has the rows of several others
	opDetail              // the details of bounces
	opCounts              // counts by sender or user
	opSeries              // series by hour or day
	opOwners              // counts that find the users of the senders of a list
	opGroups              // the groups of a list
	opOutcome             // the rows that say what became of emails
	opCatalogue           // the catalogue of categories or of reasons
)

func (c call) endpoint() string {
	switch c.op {
	case opDetail:
		return upstream.DetailEndpoint
	case opCounts, opSeries, opOwners:
		return c.kind.CountsPath()
	case opCatalogue:
		return kind.All[c.kind].Catalogue
	case opGroups:
		return c.kind.GroupsPath()
	}
	return c.kind.ListPath()
}

// charge is the cost of the calls that share a key.
type charge struct {
	call
	planned, worst int64
	at             *path
}

// charge records calls. Equal calls are shared, so the higher number counts: 40 details of a list are among the
// 60 of another field on the same list.
func (w *walker) charge(c call, planned, worst int64, at *path) {
	if worst == 0 {
		return
	}
	i, met := w.charged[c]
	if !met {
		i = len(w.charges)
		w.charged[c] = i
		w.charges = append(w.charges, charge{call: c, at: at})
	}
	known := &w.charges[i]
	if planned > known.planned {
		known.planned, known.at = planned, at
	}
	known.worst = max(known.worst, worst)
}

// window is the time window of a call.
type window struct {
	upstream.Window
	walk bool  // paged with cursors, which keep the window in which the walk began
	each int32 // if not 0, the symbol of rows: one window for the second of each
}

// symbol stands for a set of users or senders, or for a list. Equal symbols stand for the same set.
type symbol struct {
	list list
	text string // all ids of ofIDs
	id   int64  // the number of one user or sender
	of   int32  // the symbol of the list whose rows are grouped
	what symbolKind
}

type symbolKind uint8

const (
	aUser symbolKind = iota
	aSender
	ofIDs // the objects with given ids
	theList
	groupsOf // a way to group the rows of a list
)

// The symbols of sets that belong to a list, or to objects, follow the symbol of the list or the objects.
const (
	usersOf   = 1 + iota // the users of its rows
	sendersOf            // the senders of its rows
	ownersOf             // the users of its senders
	symbolStep
)

// list is a list that connections page through.
type list struct {
	kind          upstream.Kind
	rollup        upstream.Rollup
	counted       bool // a list of users or senders, found by counts
	backward      bool
	user, sender  int32
	window        window
	filter        string
	after, before string
}

// part returns the symbol of a set that belongs to the list or objects with the symbol of. It panics if that is itself
// such a set: the sum would be the symbol of something else.
func part(of, what int32) int32 {
	if of%symbolStep != 0 {
		panic("cost: a set belongs to a list or to objects, not to another set")
	}
	return of + what
}

func (w *walker) symbol(s symbol) int32 {
	n, known := w.symbols[s]
	if !known {
		n = symbolStep * int32(len(w.symbols)+1)
		w.symbols[s] = n
	}
	return n
}

// mergedJumps is the maximum number of counts and series of each user for a list that package auth merges.
const mergedJumps = 16

// times returns how many upstream calls one call for a user, or for all users, turns into.
func (w *walker) times(user int32) int64 {
	if user != 0 || w.op.Users == Everyone {
		return 1
	}
	return int64(w.op.Users)
}

// counting is like times, for counts and series. One call with counts by user covers all users, so callers who
// may see many users make that call.
func (w *walker) counting(user int32, r upstream.Rollup) int64 {
	n := w.times(user)
	if r == upstream.ByUser && n > auth.FewUsers {
		return 1
	}
	return n
}

// merged is like times, for the pages of a list after its first.
func (w *walker) merged(user int32) (worst int64) {
	n := w.times(user)
	if n > 1 {
		n = auth.MaxMergedPages + mergedJumps*n
	}
	return n
}
