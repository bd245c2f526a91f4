package cost

import (
	"iter"
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/upstream"
)

// maxSteps limits the number of selections visited, and of days of series in a time zone. The longest allowed document
// has half as many selections.
const maxSteps = 20_000

type walker struct {
	op      Operation
	charges []charge
	charged map[call]int // indexes of charges
	memo    map[visit]int64
	symbols map[symbol]int32
	steps   int
	groups  []upstream.Question // of lists that belong to no object

	fields []field // arena for collected fields
	paths  []path  // arena for paths
}

func newWalker() *walker {
	return &walker{charged: map[call]int{}, memo: map[visit]int64{}, symbols: map[symbol]int32{}}
}

// walkers recycles walkers: allocating their maps is the main cost of a walk.
var walkers = sync.Pool{New: func() any { return newWalker() }}

// done releases a walker for reuse, unless it has grown large.
func (w *walker) done() {
	if len(w.charges)+len(w.memo)+len(w.symbols) > 200 || cap(w.fields)+cap(w.paths) > 1000 {
		return
	}
	clear(w.charges)
	clear(w.charged)
	clear(w.memo)
	clear(w.symbols)
	clear(w.fields)
	clear(w.paths)
	w.op, w.steps, w.groups = Operation{}, 0, nil
	w.charges, w.fields, w.paths = w.charges[:0], w.fields[:0], w.paths[:0]
	walkers.Put(w)
}

// visit identifies a selection of a fragment, on a kind of object, that has been priced.
type visit struct {
	field *ast.Field
	on    object
}

// object stands for all the objects that a field returns, not for a single one.
type object struct {
	typ  string
	n    int64 // number of distinct objects
	self int32 // symbol of the objects

	// The filter, window and number of the lists that contain the objects. One counts call with such a filter
	// answers for all rows of a list.
	user, sender int32
	window       window
	lists        int64

	owner   int32 // of rows and owned senders: symbol of their users
	owners  int64
	within  int64           // of users: how many users their stats are limited to; 0 means no limit
	similar int64           // of senders with unknown user: how many a list has
	kind    upstream.Kind   // of rows and senders: kind of their list
	rollup  upstream.Rollup // of stats
	owned   bool            // of senders: their user is known
	whole   bool            // of bounces: the detail came with them

	// Of users and senders on a page: the size of the page, the window of the counts that found them, and the user
	// that these were limited to. The size is 0 for those that were found otherwise.
	page      int64
	found     window
	foundUser int32

	address string // of recipients
	pages   int64  // of emails: how many pages they are on; those of a page share the calls for their outcomes

	unlisted bool // of bounces: no list of this operation has returned their masked email ids
}

// path is the path of a field, linked from its last name to its first.
type path struct {
	up   *path
	name string
}

// path returns the path of a field below another.
func (w *walker) path(up *path, name string) *path {
	w.paths = append(w.paths, path{up, name})
	return &w.paths[len(w.paths)-1]
}

// String returns the names joined by dots.
func (p *path) String() string {
	var names []string
	for ; p != nil; p = p.up {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// field is the set of selections with one response name, which are merged.
type field struct {
	*ast.Field
	more []*ast.Field // all selections but the first
	// shared says that the field is part of a named fragment, so that it may be selected in several places.
	shared bool
}

// collect returns the fields selected on the objects of a field whose type is not abstract.
func (w *walker) collect(from *field) []field { return w.collectOn(from.Definition.Type.Name(), from) }

// collectOn returns the fields selected on an object type, as CollectFields in the GraphQL specification.
func (w *walker) collectOn(typ string, from *field) []field {
	c := collector{w: w, typ: typ, shared: from.shared, fields: w.room(len(from.SelectionSet))}
	c.selections(from.SelectionSet)
	for _, f := range from.more {
		c.selections(f.SelectionSet)
	}
	return c.fields
}

// named returns the fields of collect that have a name, one for each alias.
func (w *walker) named(name string, from *field) iter.Seq[*field] {
	return func(yield func(*field) bool) {
		fields := w.collect(from)
		for i := range fields {
			if f := &fields[i]; f.Name == name && !yield(f) {
				return
			}
		}
	}
}

// room returns space for n fields, up to many. A longer slice is allocated by append.
func (w *walker) room(n int) []field {
	n = min(n, many)
	if len(w.fields)+n > cap(w.fields) {
		w.fields = make([]field, 0, 8*many) // earlier slices keep the old array
	}
	at := len(w.fields)
	w.fields = w.fields[:at+n]
	return w.fields[at : at : at+n]
}

type collector struct {
	w       *walker
	typ     string
	shared  bool // of the fields that are added
	fields  []field
	index   map[string]int // by alias, once there are many fields
	spreads []*ast.FragmentDefinition
}

// many is the number of fields from which on a map is used to find them.
const many = 12

func (c *collector) selections(set ast.SelectionSet) {
	for _, s := range set {
		if c.w.steps++; c.w.steps > maxSteps {
			return
		}
		switch s := s.(type) {
		case *ast.Field:
			if s.Name != "__typename" && c.w.included(s.Directives) {
				c.add(s)
			}
		case *ast.InlineFragment:
			if applies(s.TypeCondition, c.typ) && c.w.included(s.Directives) {
				c.selections(s.SelectionSet)
			}
		case *ast.FragmentSpread:
			if s.Definition != nil && applies(s.Definition.TypeCondition, c.typ) && c.w.included(s.Directives) &&
				!c.spread(s.Definition) {
				outside := c.shared
				c.shared = true
				c.selections(s.Definition.SelectionSet)
				c.shared = outside
			}
		}
	}
}

// spread reports whether a fragment has been spread before, and records it.
func (c *collector) spread(d *ast.FragmentDefinition) bool {
	for _, seen := range c.spreads {
		if c.w.steps++; seen == d {
			return true
		}
	}
	c.spreads = append(c.spreads, d)
	return false
}

func (c *collector) add(f *ast.Field) {
	i := -1
	if c.index != nil {
		if at, known := c.index[f.Alias]; known {
			i = at
		}
	} else {
		for j := range c.fields {
			if c.fields[j].Alias == f.Alias {
				i = j
			}
		}
	}
	if i >= 0 {
		c.fields[i].more = append(c.fields[i].more, f)
		c.fields[i].shared = c.fields[i].shared || c.shared
		return
	}
	if c.index == nil && len(c.fields) >= many {
		c.index = make(map[string]int, 2*many)
		for j := range c.fields {
			c.index[c.fields[j].Alias] = j
		}
	}
	if c.index != nil {
		c.index[f.Alias] = len(c.fields)
	}
	c.fields = append(c.fields, field{Field: f, shared: c.shared})
}

// applies reports whether a fragment with a type condition applies to objects of type typ.
func applies(condition, typ string) bool {
	switch condition {
	case "", typ:
		return true
	case "Node":
		return typ != "Query" && typ != "Subscription"
	}
	return condition == deliveryEvent && rowTypes[typ]
}

// included evaluates @skip and @include.
func (w *walker) included(ds ast.DirectiveList) bool {
	for _, d := range ds {
		if d.Name != "skip" && d.Name != "include" {
			continue
		}
		if a := d.Arguments.ForName("if"); a != nil {
			if on, _ := a.Value.Value(w.op.Variables); (on == true) == (d.Name == "skip") {
				return false
			}
		}
	}
	return true
}

// below prices the selection of a field on objects, and returns how many rows each object has.
func (w *walker) below(on object, f *field, at *path) int64 {
	if f.more == nil && plain(on.typ, f.SelectionSet) {
		return 0
	}
	if f.more != nil || !f.shared { // not visited often enough to be worth remembering
		return w.object(on, w.collectOn(on.typ, f), at)
	}
	v := visit{f.Field, on}
	rows, known := w.memo[v]
	if !known {
		w.memo[v] = 0 // a selection cannot contain itself
		rows = w.object(on, w.collectOn(on.typ, f), at)
		w.memo[v] = rows
	}
	return rows
}

// plain reports whether a selection on an object type has only fields that cost nothing, the common case.
func plain(typ string, set ast.SelectionSet) bool {
	of := prices[typ]
	for _, s := range set {
		if f, ok := s.(*ast.Field); !ok || of[f.Name] != nil {
			return false
		}
	}
	return true
}

// root prices an operation. For a subscription it prices one event.
func (w *walker) root(op *ast.OperationDefinition) int64 {
	typ := "Query"
	if op.Operation == ast.Subscription {
		typ = "Subscription"
	}
	c := collector{w: w, typ: typ, fields: w.room(len(op.SelectionSet))}
	c.selections(op.SelectionSet)
	return w.object(object{typ: typ, n: 1, lists: 1}, c.fields, nil)
}

// object prices the fields selected on objects, and returns how many rows each object has.
func (w *walker) object(on object, fields []field, at *path) (rows int64) {
	of := prices[on.typ]
	for i := range fields {
		if w.steps > maxSteps {
			return 0
		}
		f := &fields[i]
		if price := of[f.Name]; price != nil {
			rows = add(rows, price(w, on, f, w.path(at, f.Alias)))
		}
	}
	return rows
}
