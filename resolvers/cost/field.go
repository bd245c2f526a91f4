package cost

import (
	"slices"
	"time"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// price prices a field on objects, and returns how many rows each of the objects has there.
type price func(w *walker, on object, f *field, at *path) int64

// priceOf returns how a field of a type is priced, or nil if it costs nothing. A test compares it with the schema.
func priceOf(typ, name string) price {
	switch typ {
	case "Query":
		switch name {
		case "node", "nodes":
			return nodes
		case "users", "senders":
			return accounts
		case "bounce":
			return bounce
		case "message":
			return message
		case "recipient":
			return recipient
		case "stats":
			return allStats
		case "bounceCategories":
			return catalogue(upstream.Bounces)
		case "blockedReasons":
			return catalogue(upstream.BlockedEmails)
		}
		return listPrice(name)
	case "Subscription":
		if name == "bounces" {
			return event
		}
	case "User":
		switch name {
		case "stats":
			return stats
		case "senders":
			return accounts
		}
		return listPrice(name)
	case "Sender":
		switch name {
		case "address":
			return addressPrice
		case "userId":
			return ownerID
		case "user":
			return userOf
		case "stats":
			return stats
		}
		return listPrice(name)
	case "Stats":
		return statsField
	case "MessageRecipient":
		switch name {
		case "outcome", "at", "email", "bounce", "blocked":
			return messageRecipient
		}
	case "Recipient":
		switch name {
		case "events":
			return events
		case "stats":
			return recipientStats
		case "suppression":
			return suppression
		}
	}
	if typ == "Email" && (name == "bounce" || name == "blocked") {
		return outcome
	}
	if rowTypes[typ] || typ == deliveryEvent {
		switch name {
		case "user":
			return userOf
		case "sender":
			return senderOf
		case "detail":
			return detail
		}
	}
	return nil
}

// listPrice returns how a field is priced if it is a list of rows.
func listPrice(name string) price {
	if _, ok := lists[name]; ok {
		return rows
	}
	return nil
}

// userOf prices the users of rows or senders.
func userOf(w *walker, on object, f *field, at *path) int64 {
	if on.typ == "Sender" {
		w.owners(on, at)
	}
	return w.below(object{typ: "User", n: on.owners, self: on.owner, user: on.user, within: on.within}, f, at)
}

// senderOf prices the senders of rows. The counts of the list name them.
func senderOf(w *walker, on object, f *field, at *path) int64 {
	s := on
	s.typ, s.owned, s.whole = "Sender", true, false
	s.self = on.sender
	if on.sender == 0 {
		s.self = w.symbol(symbol{what: sendersOf, of: on.self})
	} else {
		s.n = on.lists
	}
	return w.below(s, f, at)
}

// address prices the addresses of senders. If counts found the sender, they also gave its address. For the
// senders of rows, the counts of the list cost a call.
func addressPrice(w *walker, on object, _ *field, at *path) int64 {
	if on.similar == 0 {
		w.counts(on.kind, on.window, on.user, on.sender, upstream.BySender, "", on.lists, at)
	}
	return 0
}

// counts charges a counts call for each of n filters.
func (w *walker) counts(k upstream.Kind, in window, user, sender int32, r upstream.Rollup, t upstream.BounceType,
	n int64, at *path) {
	n = mul(n, w.counting(user, r))
	w.charge(call{op: opCounts, kind: k, window: in, user: user, sender: sender, rollup: r, bounces: t}, n, n, at)
}

func ownerID(w *walker, on object, _ *field, at *path) int64 {
	w.owners(on, at)
	return 0
}

// owners charges the calls that find the users of senders: either one call for each sender of a list, or one
// call for the users and one for each of them.
func (w *walker) owners(on object, at *path) {
	if on.owned {
		return
	}
	each := w.counting(0, upstream.ByUser) // calls for the users of one sender, or of all senders
	some := on.n
	if w.op.Users != Everyone { // senders are looked up one by one only if there are no more of them than users
		some = min(some, int64(w.op.Users))
	}
	planned, worst := mul(some, each), add(mul(3, each), mul(min(on.n, 3*some), each))
	switch {
	case some < on.n:
		planned = add(each, some)
	case on.similar > 2:
		planned = add(each, planned)
	}
	w.charge(call{op: opOwners, kind: on.kind, window: on.window, user: on.user, sender: on.sender, list: on.self},
		planned, worst, at)
}

// detail prices the details of bounces: one call each if any of their fields is selected.
func detail(w *walker, on object, f *field, at *path) int64 {
	if !on.whole && len(w.collect("BounceDetail", f)) > 0 {
		w.charge(call{op: opDetail, list: on.self}, on.n, on.n, at)
		if on.unlisted {
			w.charge(call{op: opProbe, kind: upstream.Bounces, list: on.self}, 0, mul(on.n, auth.MaxUnmasked), at)
		}
	}
	return 0
}

func catalogue(k upstream.Kind) price {
	return func(w *walker, _ object, _ *field, at *path) int64 {
		w.catalogue(k, at)
		return 0
	}
}

func (w *walker) catalogue(k upstream.Kind, at *path) {
	w.charge(call{op: opCatalogue, kind: k}, 1, 1, at)
}

// allStats prices Query.stats.
func allStats(w *walker, _ object, f *field, at *path) int64 {
	u, ok := key(w.argument(f, "userId"))
	s, ok2 := key(w.argument(f, "senderId"))
	if !ok || !ok2 {
		return 0
	}
	return w.stats(object{user: w.literal(aUser, u), sender: w.literal(aSender, s), lists: 1}, upstream.ByUser, f, at)
}

// literal returns the symbol of the user or sender with a number, or 0 if id is 0.
func (w *walker) literal(what symbolKind, id upstream.ID) int32 {
	if id == 0 {
		return 0
	}
	return w.symbol(symbol{what: what, id: int64(id)})
}

// stats prices the stats of users or senders, which share the calls of their list.
func stats(w *walker, on object, f *field, at *path) int64 {
	if on.typ == "User" {
		return w.stats(object{user: on.user, lists: max(1, on.within)}, upstream.ByUser, f, at)
	}
	return w.stats(object{user: on.user, sender: on.sender, lists: on.lists}, upstream.BySender, f, at)
}

func (w *walker) stats(of object, r upstream.Rollup, f *field, at *path) int64 {
	in, _, ok := w.windowOf(f)
	if !ok {
		return 0
	}
	of.typ, of.window = "Stats", window{Window: in}
	of.rollup = r
	return w.below(of, f, at)
}

// statsField prices a field of stats.
func statsField(w *walker, on object, f *field, at *path) int64 {
	if f.Name == "series" {
		return series(w, on, f, at)
	}
	m := model.MeasureNamed(f.Name)
	for _, k := range upstream.Kinds {
		if m.Needs(k) {
			w.counts(k, on.window, on.user, on.sender, on.rollup, "", on.lists, at)
		}
	}
	return 0
}

// series prices a time series. Its points count as rows.
func series(w *walker, on object, f *field, at *path) int64 {
	interval := upstream.Day
	if w.argument(f, "interval") == "HOUR" {
		interval = upstream.Hour
	}
	zone := time.UTC
	if name := w.argument(f, "timeZone"); name != nil {
		text, _ := name.(string)
		var err error
		if zone, err = model.ParseZone(text); err != nil {
			return 0
		}
	}
	days := interval == upstream.Day && zone != time.UTC
	if days {
		interval = upstream.Hour
	}
	points := int64((on.window.End-interval.Floor(on.window.Start)-1)/interval.Seconds()) + 1
	if points > model.MaxPoints {
		return 0
	}
	var parts []upstream.Window // of hours in which a day begins
	if days {
		starts := model.Days(on.window.Window, zone)
		points = int64(len(starts))
		w.steps += len(starts)
		for _, start := range starts[1:] {
			if hour := interval.Floor(start); hour != start {
				parts = append(parts, upstream.Window{Start: start, End: min(hour+interval.Seconds(), on.window.End)})
			}
		}
	}
	fields := w.collect("StatsPoint", f)
	for _, k := range upstream.Kinds {
		if !slices.ContainsFunc(fields, func(p field) bool { return model.MeasureNamed(p.Name).Needs(k) }) {
			continue
		}
		n := mul(on.lists, w.counting(on.user, on.rollup))
		w.charge(call{
			op: opSeries, kind: k, window: on.window, user: on.user, sender: on.sender, rollup: on.rollup,
			interval: interval,
		}, n, n, at)
		for _, part := range parts {
			w.counts(k, window{Window: part}, on.user, on.sender, on.rollup, "", on.lists, at)
		}
	}
	return points
}

// Prices reports whether a field may cost calls of its own.
func Prices(typ, field string) bool { return priceOf(typ, field) != nil }
