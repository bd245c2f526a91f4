package cost

import (
	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// deliveryEvent is the interface of rows of all kinds.
const deliveryEvent = "DeliveryEvent"

// Limits of the resolvers of a recipient's fields.
const (
	// MaxTimelinePages is the number of upstream pages of a connection of events, besides the first of each list.
	MaxTimelinePages = 100
	// MaxUndecided is the number of users whose deliveries are looked up one by one.
	MaxUndecided = 20

	countProbes = 128 // calls that count a list which does not fit on a page
	becauseRows = 2
)

// recipient prices Query.recipient.
func recipient(w *walker, _ object, f *field, at *path) int64 {
	address, _ := w.argument(f, "address").(string)
	if address == "" || len(address) > upstream.MaxFilter {
		return 0
	}
	return w.below(object{typ: "Recipient", n: 1, address: upstream.LowerAddress(address)}, f, at)
}

// recipientList returns a recipient's list of a kind, with a filter q. Lists with the same filter have the same symbol.
func (w *walker) recipientList(on object, k upstream.Kind, in window, q upstream.ListQuery) list {
	q.Recipient = on.address
	return list{kind: k, window: in, filter: q.Encode()}
}

// readList charges the first page of a list, and at most so many other calls.
func (w *walker) readList(l list, worst int64, at *path) (self int32) {
	self = w.symbol(symbol{what: theList, list: l})
	n := w.times(l.user)
	w.charge(call{op: opFirst, kind: l.kind, list: self}, n, n, at)
	w.charge(call{op: opProbe, kind: l.kind, list: self}, 0, mul(worst, w.merged(l.user)), at)
	return self
}

// rowsOf returns n rows of lists with one symbol, of which each user or sender of l may have one.
func (w *walker) rowsOf(l list, self int32, n, lists int64) object {
	of := object{
		typ: kind.All[l.kind].Type, kind: l.kind, n: n, self: self,
		window: l.window, user: l.user, sender: l.sender, lists: lists, pages: lists,
		owner: l.user, owners: lists, within: lists,
	}
	if l.user == 0 {
		of.within, of.owner, of.owners = 0, part(self, usersOf), w.atMostUsers(n)
	}
	return of
}

// anyOf prices the selection of a field on rows of which each may be of any of these kinds. It returns how many rows
// each has.
func (w *walker) anyOf(kinds []object, f *field, at *path) (rows int64) {
	for _, k := range kinds {
		rows = max(rows, w.below(k, f, at))
	}
	return rows
}

// events prices Recipient.events.
func events(w *walker, on object, f *field, at *path) (rows int64) {
	in, now, ok := w.windowOf(f)
	a, ok2 := w.paging(f)
	if !ok || !ok2 {
		return 0
	}
	p := page.PriceOf(a, false, w.selected(f))
	if p.First+p.Pages+p.MaxProbes == 0 {
		return 0
	}
	size := int64(a.Size())
	kinds := make([]object, 0, len(upstream.Kinds))
	for _, k := range upstream.Kinds {
		walk := now && (a.After != nil || a.Before != nil)
		l := w.recipientList(on, k, window{Window: in, walk: walk}, upstream.ListQuery{})
		kinds = append(kinds, w.rowsOf(l, w.readList(l, MaxTimelinePages+int64(p.MaxProbes), at), size, 1))
	}
	return w.elements(f, kinds, size, at)
}

// recipientStats prices Recipient.stats.
func recipientStats(w *walker, on object, f *field, at *path) int64 {
	in, _, ok := w.windowOf(f)
	if !ok {
		return 0
	}
	fields := w.collect(f)
	for i := range fields {
		k := upstream.Emails // of sent and delivered
		if m := model.MeasureNamed(fields[i].Name); m != nil {
			k = m.Kind
		}
		at := w.path(at, fields[i].Alias)
		w.readList(w.recipientList(on, k, window{Window: in}, upstream.ListQuery{}), 3*(1+countProbes), at)
	}
	return 0
}

// suppression prices Recipient.suppression.
func suppression(w *walker, on object, f *field, at *path) (rows int64) {
	u, ok := key(w.argument(f, "userId"))
	in := model.Duration{Days: 400}.UpTo(w.op.Now)
	if given := w.of(f, "window"); given.object != nil || given.value != nil {
		var ok2 bool
		in, _, ok2 = w.windowOf(f)
		ok = ok && ok2
	}
	if !ok {
		return 0
	}
	in.End = min(in.End, max(w.op.Now, in.Start+1))
	kinds := make([]object, 0, len(upstream.Kinds))
	for _, k := range upstream.Kinds {
		q, worst := upstream.ListQuery{}, int64(countProbes)
		switch k {
		case upstream.Bounces:
			q.BounceType = upstream.Hard
		case upstream.Emails: // from the time of the evidence on
			q.Delivered, worst = true, MaxUndecided
		}
		l := w.recipientList(on, k, window{Window: in}, q)
		l.user = w.literal(aUser, u)
		kinds = append(kinds, w.rowsOf(l, w.readList(l, worst, at), becauseRows, 1))
	}
	for f := range w.named("because", f) {
		rows = add(rows, mul(becauseRows, add(1, w.anyOf(kinds, f, w.path(at, f.Alias)))))
	}
	return rows
}
