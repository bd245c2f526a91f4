package plan

import (
	"slices"
	"strings"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/upstream"
)

// maxSteps bounds the selections that are looked at. A document as long as may be
// has half of that; more is only found in one whose fragments multiply.
const maxSteps = 20_000

type walker struct {
	op      Operation
	charges map[call]charge
	memo    map[visit]int64
	symbols map[symbol]int32
	steps   int

	fields []field // room for those that are collected
	paths  []path  // likewise
}

func newWalker() *walker {
	return &walker{charges: map[call]charge{}, memo: map[visit]int64{}, symbols: map[symbol]int32{}}
}

// walkers are used again: their memory is what a walk costs most.
var walkers = sync.Pool{New: func() any { return newWalker() }}

// done gives a walker back, unless its maps have grown.
func (w *walker) done() {
	if len(w.charges)+len(w.memo)+len(w.symbols) > 200 || cap(w.fields)+cap(w.paths) > 1000 {
		return
	}
	clear(w.charges)
	clear(w.memo)
	clear(w.symbols)
	clear(w.fields)
	clear(w.paths)
	w.op, w.steps, w.fields, w.paths = Operation{}, 0, w.fields[:0], w.paths[:0]
	walkers.Put(w)
}

// visit is a selection on a kind of object that has been priced.
type visit struct {
	field *ast.Field
	on    object
}

// object is what is selected on: not one object, but all that a field gives.
type object struct {
	typ  string
	n    int64 // how many there are, each distinct one once
	self int32 // who they are

	// The lists that they were found in, and how many: counts with their filters
	// answer for all of their rows.
	user, sender int32
	window       window
	lists        int64

	owner   int32 // of rows and owned senders: the users
	owners  int64
	within  int64           // of users: how many users their stats are limited to; 0 is none
	similar int64           // of senders whose owner is not known: how many a list has
	kind    upstream.Kind   // of rows and of senders: that of the list
	rollup  upstream.Rollup // of stats
	owned   bool            // of senders: whose they are is known
	whole   bool            // of bounces: the detail came with them

	unlisted bool // of bounces: no list of this operation has shown their masked email ids
}

// path is where a field is, from its end.
type path struct {
	up   *path
	name string
}

// path gives the path of a field below another one's.
func (w *walker) path(up *path, name string) *path {
	w.paths = append(w.paths, path{up, name})
	return &w.paths[len(w.paths)-1]
}

// String gives the names with dots.
func (p *path) String() string {
	var names []string
	for ; p != nil; p = p.up {
		names = append(names, p.name)
	}
	slices.Reverse(names)
	return strings.Join(names, ".")
}

// field is what is selected under one name: several selections of a field are one.
type field struct {
	*ast.Field
	more []*ast.Field // selections of it besides the first
}

// collect gives the fields selected on an object type, as the specification's
// CollectFields.
func (w *walker) collect(typ string, from *field) []field {
	c := collector{w: w, typ: typ, fields: w.room(len(from.SelectionSet))}
	c.selections(from.SelectionSet)
	for _, f := range from.more {
		c.selections(f.SelectionSet)
	}
	return c.fields
}

// room is room for up to so many fields; more than many have memory of their own.
func (w *walker) room(n int) []field {
	n = min(n, many)
	if len(w.fields)+n > cap(w.fields) {
		w.fields = make([]field, 0, 8*many) // those that were given out keep theirs
	}
	at := len(w.fields)
	w.fields = w.fields[:at+n]
	return w.fields[at : at : at+n]
}

type collector struct {
	w       *walker
	typ     string
	fields  []field
	index   map[string]int // once there are many
	spreads []*ast.FragmentDefinition
}

// many is from how many fields on they are found by a map.
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
			if s.Definition != nil && applies(s.Definition.TypeCondition, c.typ) && c.w.included(s.Directives) && !c.spread(s.Definition) {
				c.selections(s.Definition.SelectionSet)
			}
		}
	}
}

// spread says whether a fragment has been spread before.
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
	c.fields = append(c.fields, field{Field: f})
}

// applies says whether a fragment on a type holds for objects of another.
func applies(condition, typ string) bool {
	return condition == "" || condition == typ || condition == "Node" && typ != "Query" && typ != "Subscription"
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

// below prices what is selected of objects under a field, and gives how many rows
// each of them has.
func (w *walker) below(on object, f *field, at *path) int64 {
	if f.more != nil { // an unusual document: it is not worth the memory
		return w.object(on, w.collect(on.typ, f), at)
	}
	if plain(f.SelectionSet) {
		return 0
	}
	v := visit{f.Field, on}
	rows, known := w.memo[v]
	if !known {
		w.memo[v] = 0 // nothing nests in itself
		rows = w.object(on, w.collect(on.typ, f), at)
		w.memo[v] = rows
	}
	return rows
}

// plain says whether nothing but leaves is selected of rows: most often so, and they
// cost nothing.
func plain(set ast.SelectionSet) bool {
	for _, s := range set {
		if f, ok := s.(*ast.Field); !ok || f.Name != "__typename" && priceOf(f.ObjectDefinition.Name, f.Name) != nil {
			return false
		}
	}
	return true
}

// root prices an operation; of a subscription, one event.
func (w *walker) root(op *ast.OperationDefinition) int64 {
	typ := "Query"
	if op.Operation == ast.Subscription {
		typ = "Subscription"
	}
	c := collector{w: w, typ: typ, fields: w.room(len(op.SelectionSet))}
	c.selections(op.SelectionSet)
	return w.object(object{typ: typ, n: 1, lists: 1}, c.fields, nil)
}

// object prices the fields selected on objects, and gives how many rows each of them
// has.
func (w *walker) object(on object, fields []field, at *path) (rows int64) {
	for i := range fields {
		if w.steps > maxSteps {
			return 0
		}
		f := &fields[i]
		if price := priceOf(on.typ, f.Name); price != nil {
			rows = add(rows, price(w, on, f, w.path(at, f.Alias)))
		}
	}
	return rows
}
