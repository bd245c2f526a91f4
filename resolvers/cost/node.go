package cost

import (
	"strings"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// MaxRowPages is the maximum number of pages of one second that are searched for a row.
const MaxRowPages = 20

// nodes prices Query.node and Query.nodes. Objects of one type are priced together.
func nodes(w *walker, _ object, f *field, at *path) (rows int64) {
	values := []any{w.argument(f, "id")}
	if f.Name == "nodes" {
		values = elements(w.argument(f, "ids"))
		if len(values) > upstream.PageSize {
			return 0
		}
		rows = int64(len(values))
		w.steps += len(values)
	}
	ids := map[model.NodeType][]model.NodeID{} // distinct ids
	texts := map[model.NodeType][]string{}
	times := map[model.NodeType]int64{}
	seen := map[string]bool{}
	for _, v := range values {
		text, _ := v.(string)
		id, err := model.ParseNodeID(text)
		if err != nil {
			continue
		}
		if times[id.Type]++; !seen[text] {
			seen[text] = true
			ids[id.Type], texts[id.Type] = append(ids[id.Type], id), append(texts[id.Type], text)
		}
	}
	for _, t := range append([]model.NodeType{model.UserNode, model.SenderNode}, model.RowNodes...) {
		if len(ids[t]) > 0 {
			on := w.found(t, ids[t], strings.Join(texts[t], " "), at)
			rows = add(rows, mul(times[t], w.below(on, f, at)))
		}
	}
	return rows
}

// found charges the calls that find objects of one type by id, and returns the objects.
func (w *walker) found(t model.NodeType, ids []model.NodeID, text string, at *path) object {
	n := int64(len(ids))
	self := w.symbol(symbol{what: ofIDs, text: text})
	switch t {
	case model.UserNode:
		if n == 1 {
			self = w.literal(aUser, ids[0].UserID)
		}
		w.anyCounts(self, 0, upstream.ByUser, n, at)
		return object{typ: "User", n: n, self: self, user: self, within: n}
	case model.SenderNode:
		if n == 1 {
			self = w.literal(aSender, ids[0].SenderID)
		}
		w.anyCounts(0, self, upstream.BySender, n, at)
		return object{typ: "Sender", n: n, self: self, window: w.allTime(), sender: self, lists: n, similar: n,
			owner: part(self, ownersOf), owners: w.atMostUsers(n)}
	case model.BounceNode:
		masked := int64(0) // number of masked email ids
		for _, id := range ids {
			if auth.IsMaskedEmailID(id.EmailID) {
				masked++
			}
		}
		w.charge(call{op: opDetail, list: self}, n, n, at)
		w.charge(call{op: opProbe, kind: upstream.Bounces, list: self}, masked,
			add(mul(n, MaxRowPages), mul(masked, auth.MaxUnmasked)), at)
		return w.foundRows(upstream.Bounces, self, n)
	}
	k, _ := t.RowKind()
	w.charge(call{op: opFirst, kind: k, list: self}, n, mul(n, MaxRowPages), at)
	return w.foundRows(k, self, n)
}

// foundRows returns rows whose user, sender and second are known from their ids.
func (w *walker) foundRows(k upstream.Kind, self int32, n int64) object {
	return object{typ: kind.All[k].Type, kind: k, n: n, self: self, window: window{each: self},
		user: part(self, usersOf), sender: part(self, sendersOf), lists: n, pages: n,
		owner: part(self, usersOf), owners: n, within: n, whole: k == upstream.Bounces}
}

// event prices a bounce of a subscription. The bounce itself costs nothing; fields that refer to other data do.
func event(w *walker, _ object, f *field, at *path) (rows int64) {
	on := w.foundRows(upstream.Bounces, w.symbol(symbol{what: theList}), 1)
	on.whole, on.unlisted = false, w.op.Masked
	if q, ok := w.filterOf(upstream.Bounces, f); ok { // the counts that name the sender use the same filter
		on.user, on.sender, on.within = w.literal(aUser, q.UserID), w.literal(aSender, q.SenderID),
			min(1, int64(q.UserID))
	}
	for f := range w.named("node", f) {
		rows = add(rows, w.below(on, f, w.path(at, f.Alias)))
	}
	return rows
}

// allTime returns the window of all events up to the end of the current day.
func (w *walker) allTime() window {
	return window{Window: upstream.Window{End: upstream.Day.Floor(w.op.Now) + upstream.Day.Seconds()}}
}

// anyCounts charges the search for users or senders in one kind of counts after another. The first kind finds
// those that have sent.
func (w *walker) anyCounts(user, sender int32, r upstream.Rollup, n int64, at *path) {
	n = mul(n, w.counting(user, r))
	for _, k := range upstream.Kinds {
		planned := int64(0)
		if k == upstream.Emails {
			planned = n
		}
		w.charge(call{op: opCounts, kind: k, window: w.allTime(), user: user, sender: sender, rollup: r}, planned, n,
			at)
	}
}

// bounce prices Query.bounce, which is answered from the bounce's detail.
func bounce(w *walker, _ object, f *field, at *path) int64 {
	u, ok := key(w.argument(f, "userId"))
	s, ok2 := key(w.argument(f, "senderId"))
	t, err := model.UnmarshalDateTime(w.argument(f, "bouncedAt"))
	id, _ := w.argument(f, "emailId").(string)
	if !ok || !ok2 || err != nil || id == "" || len(id) > maxText {
		return 0
	}
	self := w.symbol(symbol{
		what: ofIDs, text: upstream.BounceKey{UserID: u, SenderID: s, BounceTime: t, EmailID: id}.Path(),
	})
	w.charge(call{op: opDetail, list: self}, 1, 1, at)
	if auth.IsMaskedEmailID(id) {
		w.charge(call{op: opProbe, kind: upstream.Bounces, list: self}, 1, auth.MaxUnmasked, at)
	}
	on := w.foundRows(upstream.Bounces, self, 1)
	on.user, on.sender = w.literal(aUser, u), w.literal(aSender, s)
	on.owner = on.user
	return w.below(on, f, at)
}
