package cost

import (
	"strings"

	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// selected returns the parts of a connection that are selected.
func (w *walker) selected(f *field) (c page.Selected) {
	fields := w.collect(f)
	for i := range fields {
		switch fields[i].Name {
		case "nodes", "edges":
			c.Rows, c.RowsFirst = true, true
		case "pageInfo":
			c.RowsFirst = true
			for _, p := range w.collect(&fields[i]) {
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

// elements prices the selections on the rows of connections with size rows each, as nodes and as edges. Each row may be
// of any of some kinds. It returns how many rows each connection has.
func (w *walker) elements(f *field, on []object, size int64, at *path) (rows int64) {
	fields := w.collect(f)
	for i := range fields {
		switch f := &fields[i]; f.Name {
		case "nodes":
			rows = add(rows, mul(size, add(1, w.anyOf(on, f, w.path(at, f.Alias)))))
		case "edges":
			each := int64(1)
			for e := range w.named("node", f) {
				each = add(each, w.anyOf(on, e, w.path(w.path(at, f.Alias), e.Alias)))
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
	l := list{
		kind: k, window: window{Window: in},
		user: w.literal(aUser, q.UserID), sender: w.literal(aSender, q.SenderID),
	}
	n := int64(1)
	whole := q
	whole.Window = in
	ofQuery := &whole
	switch on.typ {
	case "User":
		l.user, n, ofQuery = on.self, on.n, nil
	case "Sender":
		l.sender, n, ofQuery = on.self, on.n, nil
	}
	l.walks(a.OldestFirst(), now)
	s := siblings{object: on, user: on.foundUser, by: upstream.BySender, apart: q.SenderID != 0}
	if on.typ == "User" {
		s.user, s.sender, s.by, s.apart = 0, l.sender, upstream.ByUser, q.UserID != 0
	} else if q.UserID != 0 {
		s.user = l.user
	}
	s.apart = s.apart || on.page < 2 || a.After != nil || a.Before != nil
	q.UserID, q.SenderID = 0, 0
	_, counted := q.Counted()
	if l.filter = string(q.BounceType); !counted {
		l.filter = q.Encode()
	}

	c := w.selected(f)
	p := page.PriceOf(a, counted, c)
	times, merged := w.times(l.user), w.merged(l.user)
	first := l
	first.backward, first.after, first.before = false, "", ""
	everyPage := w.symbol(symbol{what: theList, list: first})
	self := everyPage
	if l != first {
		self = w.symbol(symbol{what: theList, list: l})
	}
	calls := func(o op, of int32, planned, worst int, each, most int64) {
		w.charge(call{op: o, kind: k, list: of}, mul(n, mul(int64(planned), each)), mul(n, mul(int64(worst), most)), at)
	}
	size := int64(a.Size())
	most, countsShared := p, false
	if !s.apart {
		countsShared = w.together(s, l, size, &p, at)
	}
	calls(opFirst, everyPage, p.First, most.First, times, times)
	calls(opPages, self, p.Pages, most.MaxPages, times, merged)
	calls(opProbe, everyPage, 0, most.MaxProbes, times, merged)
	if p.Counts > 0 && !countsShared {
		w.counts(k, l.window, l.user, l.sender, upstream.ByUser, q.BounceType, n, w.path(at, "totalCount"))
	}

	points := w.breakdowns(k, f, everyPage, l, ofQuery, mul(n, times), at)

	row := w.rowsOf(l, self, mul(n, size), n)
	if !s.apart && (s.by == upstream.BySender || w.op.Users <= 1) { // the lists share the calls about their rows
		if row.user, row.sender, row.lists, row.within = s.user, s.sender, max(1, on.lists), 0; s.user != 0 {
			row.within = row.lists
		}
	}
	return add(points, w.elements(f, []object{row}, size, at))
}

// siblings are the users or senders of a page that each have a list with the same filter.
type siblings struct {
	object
	user, sender int32 // that the list over all is limited to
	by           upstream.Rollup
	apart        bool // there are none, or the filter or a cursor belongs to one of them
}

// together prices the lists of siblings, which are read as one list over all if that is cheaper, and takes what
// they share from the price of a list. It reports whether they share their counts. The plan assumes that each list
// has as many rows as its page.
func (w *walker) together(s siblings, l list, size int64, p *page.Price, at *path) (countsShared bool) {
	lists := max(1, s.lists)
	// The counts that found the siblings are also those of the lists.
	known := l.window == s.found && s.user == s.foundUser && s.sender == 0
	within := s.found.Start <= l.window.Start && l.window.End <= s.found.End && !s.found.walk
	most := int64(loaders.MaxPages(int(s.page), w.op.Users, s.user != 0, s.by))
	pages := int64(loaders.PagesFor(mul(s.page, max(1, size))))
	countsShared = p.Counts > 0 && (known || w.op.Users <= 1)
	counts := int64(0) // planned
	if countsShared {
		counts = 1
	}
	if p.First+p.MaxPages > 0 && most > 0 {
		planned := int64(0)
		switch {
		case pages > most: // each list is read by itself
			if !known && s.page >= loaders.ManyLists {
				counts = 1
			}
		case known || within || s.page >= loaders.ManyLists:
			planned, p.First, p.Pages = pages, 0, 0
			if counts = 1; within && !known {
				counts = 0 // the counts of the longer window are enough, and the rows show the totals
			}
		}
		all := w.symbol(symbol{what: theList, list: list{
			kind: l.kind, rollup: s.by, user: s.user, sender: s.sender, window: l.window, filter: l.filter,
		}})
		w.charge(call{op: opTogether, kind: l.kind, list: all},
			mul(lists, mul(planned, w.times(s.user))), mul(lists, mul(most, w.merged(s.user))), at)
	}
	n := mul(lists, w.counting(s.user, s.by))
	w.charge(call{op: opCounts, kind: l.kind, window: l.window, user: s.user, sender: s.sender, rollup: s.by},
		mul(n, counts), n, at)
	return countsShared
}

// atMostUsers limits a number of users to those the caller may see.
func (w *walker) atMostUsers(n int64) int64 {
	if w.op.Users == Everyone {
		return n
	}
	return min(n, int64(w.op.Users))
}

// walks records the cursors of a page. Pages with cursors stay in the window of their walk, even if it was to end now.
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
	c := w.selected(f)
	if c.Rows && size > 0 || c.Total || c.Next && (!l.backward || a.Before != nil) ||
		c.Previous && (l.backward || a.After != nil) {
		for _, k := range upstream.Kinds {
			w.counts(k, l.window, l.user, 0, l.rollup, "", n, at)
		}
	}
	self := w.symbol(symbol{what: theList, list: l})
	of := object{typ: typ, n: mul(n, size), self: self, window: l.window, user: l.user, lists: n, similar: size}
	if typ == "User" {
		of = object{typ: typ, n: size, self: part(self, usersOf)}
	} else if of.self = part(self, sendersOf); l.user != 0 {
		of.owned, of.owner, of.owners, of.within = true, l.user, n, n
	} else {
		of.owner, of.owners = part(self, ownersOf), w.atMostUsers(of.n)
	}
	of.page, of.found, of.foundUser = size, l.window, l.user
	return w.elements(f, []object{of}, size, at)
}
