package cost

import (
	"strings"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// selected returns the parts of a connection that are selected.
func (w *walker) selected(typ string, f *field) (c page.Selected) {
	fields := w.collect(typ, f)
	for i := range fields {
		switch fields[i].Name {
		case "nodes", "edges":
			c.Rows, c.RowsFirst = true, true
		case "pageInfo":
			c.RowsFirst = true
			for _, p := range w.collect("PageInfo", &fields[i]) {
				switch p.Name {
				case "hasNextPage":
					c.Next = true
				case "hasPreviousPage":
					c.Previous = true
				default:
					c.Rows = true
				}
			}
		case "totalCount":
			c.Total = true
		}
	}
	return c
}

// elements prices the selections on the rows of connections with size rows each, as nodes and as edges. It
// returns how many rows each connection has.
func (w *walker) elements(typ string, f *field, on object, size int64, at *path) (rows int64) {
	fields := w.collect(typ, f)
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case "nodes":
			rows = add(rows, mul(size, add(1, w.below(on, f, w.path(at, f.Alias)))))
		case "edges":
			edges := w.collect(on.typ+"Edge", f)
			each := int64(1)
			for j := range edges {
				if e := &edges[j]; e.Name == "node" {
					each = add(each, w.below(on, e, w.path(w.path(at, f.Alias), e.Alias)))
				}
			}
			rows = add(rows, mul(size, each))
		}
	}
	return rows
}

// lists are the fields that are lists of rows, and their kinds; rowTypes are the types of the rows.
var lists, rowTypes = func() (map[string]upstream.Kind, map[string]bool) {
	lists, types := map[string]upstream.Kind{}, map[string]bool{}
	for _, k := range upstream.Kinds {
		typ := kind.All[k].Type
		types[typ] = true
		lists[strings.ToLower(typ[:1])+typ[1:]+"s"] = k
	}
	return lists, types
}()

// rows prices a list of rows: of everyone, or of certain users or senders.
func rows(w *walker, on object, f *field, at *path) int64 {
	k := lists[f.Name]
	typ := kind.All[k].Type
	in, now, ok := w.windowOf(f)
	q, ok2 := w.filterOf(k, f)
	a, ok3 := w.paging(f)
	if !ok || !ok2 || !ok3 {
		return 0
	}
	for _, own := range kind.Own[k] {
		if code := q.Filter(own.Filter); own.Catalogue && code != "" {
			if _, documented := k.Descriptions()[code]; !documented { // validated against the upstream's own catalogue
				w.catalogue(k, at)
			}
		}
	}
	l := list{kind: k, window: window{Window: in}, user: w.literal(aUser, q.UserID), sender: w.literal(aSender, q.SenderID)}
	n := int64(1)
	switch on.typ {
	case "User":
		l.user, n = on.self, on.n
	case "Sender":
		l.sender, n = on.self, on.n
	}
	l.walks(a, now)
	q.UserID, q.SenderID = 0, 0
	_, counted := q.Counted()
	if l.filter = string(q.BounceType); !counted {
		l.filter = q.Encode(k)
	}

	c := w.selected(typ+"Connection", f)
	p := page.PriceOf(a, counted, c)
	times, merged := w.times(l.user), w.merged(l.user)
	first := l
	first.backward, first.after, first.before = false, "", ""
	everyPage := w.symbol(symbol{what: theList, list: first})
	self := w.symbol(symbol{what: theList, list: l})
	calls := func(o op, of int32, planned, worst int, each, most int64) {
		w.charge(call{op: o, kind: k, list: of}, mul(n, mul(int64(planned), each)), mul(n, mul(int64(worst), most)), at)
	}
	calls(opFirst, everyPage, p.First, p.First, times, times)
	calls(opPages, self, p.Pages, p.MaxPages, times, merged)
	calls(opProbe, everyPage, 0, p.MaxProbes, times, merged)
	if p.Counts > 0 {
		w.counts(k, l.window, l.user, l.sender, upstream.ByUser, q.BounceType, n, w.path(at, "totalCount"))
	}

	size := int64(a.Size())
	row := object{typ: typ, kind: k, n: mul(n, size), self: self, window: l.window, user: l.user, sender: l.sender, lists: n}
	row.owner, row.owners = l.user, n
	if l.user != 0 {
		row.within = n
	} else {
		row.owner, row.owners = w.symbol(symbol{what: usersOf, of: self}), w.atMostUsers(row.n)
	}
	return w.elements(typ+"Connection", f, row, size, at)
}

// atMostUsers limits a number of users to those the caller may see.
func (w *walker) atMostUsers(n int64) int64 {
	if w.op.Users == Everyone {
		return n
	}
	return min(n, int64(w.op.Users))
}

// walks records the cursors of a page. Pages with cursors stay in the window of their walk, even if it was to
// end now.
func (l *list) walks(a page.Args, now bool) {
	l.backward = a.Backward()
	if a.After != nil {
		l.after = *a.After
	}
	if a.Before != nil {
		l.before = *a.Before
	}
	l.window.walk = now && (a.After != nil || a.Before != nil)
}

// accounts prices lists of users and of senders. The three counts of the window find them, whatever the page.
func accounts(w *walker, on object, f *field, at *path) int64 {
	in, now, ok := w.windowOf(f)
	u, ok2 := key(w.argument(f, "userId"))
	a, ok3 := w.paging(f)
	if !ok || !ok2 || !ok3 {
		return 0
	}
	l := list{counted: true, window: window{Window: in}, rollup: upstream.BySender, user: w.literal(aUser, u)}
	n, typ, size := int64(1), "Sender", int64(a.Size())
	switch {
	case f.Name == "users":
		l.rollup, typ, size = upstream.ByUser, "User", w.atMostUsers(size)
	case on.typ == "User":
		l.user, n = on.self, on.n
	}
	l.walks(a, now)
	c := w.selected(typ+"Connection", f)
	if c.Rows && size > 0 || c.Total || c.Next && (!l.backward || a.Before != nil) || c.Previous && (l.backward || a.After != nil) {
		for _, k := range upstream.Kinds {
			w.counts(k, l.window, l.user, 0, l.rollup, "", n, at)
		}
	}
	self := w.symbol(symbol{what: theList, list: l})
	of := object{typ: typ, n: mul(n, size), self: self, window: l.window, user: l.user, lists: n, similar: size}
	if typ == "User" {
		of = object{typ: typ, n: size, self: w.symbol(symbol{what: usersOf, of: self})}
	} else if of.self = w.symbol(symbol{what: sendersOf, of: self}); l.user != 0 {
		of.owned, of.owner, of.owners, of.within = true, l.user, n, n
	} else {
		of.owner, of.owners = w.symbol(symbol{what: ownersOf, of: self}), w.atMostUsers(of.n)
	}
	return w.elements(typ+"Connection", f, of, size, at)
}
