package cost

import (
	"maps"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// price prices a field on objects, and returns how many rows each of the objects has there.
type price func(w *walker, on object, f *field, at *path) int64

// prices are the prices of the fields that may cost calls, by type and name. A test compares them with the schema.
// Function init sets them, because some of these functions use them.
var prices map[string]map[string]price

func init() {
	prices = map[string]map[string]price{
		"Query": {
			"node": nodes, "nodes": nodes, "users": accounts, "senders": accounts, "stats": allStats,
			"bounce": bounce, "message": message, "recipient": recipient,
			"bounceCategories": catalogue(upstream.Bounces), "blockedReasons": catalogue(upstream.BlockedEmails),
		},
		"Subscription":     {"bounces": event},
		"User":             {"stats": stats, "senders": accounts},
		"Sender":           {"address": addressPrice, "userId": ownerID, "user": userOf, "stats": stats},
		"Stats":            {"series": series},
		"Email":            {"bounce": outcome, "blocked": outcome},
		"Bounce":           {"detail": detail},
		"MessageRecipient": {"outcome": fate, "at": fate, "email": sentEmail, "bounce": outcome, "blocked": outcome},
		"Recipient":        {"events": events, "stats": recipientStats, "suppression": suppression},
		deliveryEvent:      {"user": userOf, "sender": senderOf},
	}
	for _, m := range model.Measures {
		prices["Stats"][m.Name] = measure(m)
	}
	for name := range lists {
		prices["Query"][name], prices["User"][name], prices["Sender"][name] = rows, rows, rows
	}
	for typ := range rowTypes { // rows also have the fields of DeliveryEvent
		own := prices[typ]
		prices[typ] = maps.Clone(prices[deliveryEvent])
		maps.Copy(prices[typ], own)
	}
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
		s.self = part(on.self, sendersOf)
	} else {
		s.n = on.lists
	}
	return w.below(s, f, at)
}

// addressPrice prices the addresses of senders. If counts found the sender, they also have its address. For the
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
	if !on.whole && len(w.collect(f)) > 0 {
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

// measure prices a number or rate of stats.
func measure(m *model.Measure) price {
	return func(w *walker, on object, _ *field, at *path) int64 {
		for _, k := range upstream.Kinds {
			if m.Needs(k) {
				w.counts(k, on.window, on.user, on.sender, on.rollup, "", on.lists, at)
			}
		}
		return 0
	}
}

// interval returns the interval of a series.
func (w *walker) interval(f *field) upstream.Interval {
	if w.argument(f, "interval") == "HOUR" {
		return upstream.Hour
	}
	return upstream.Day
}

// series prices a time series. Its points count as rows.
func series(w *walker, on object, f *field, at *path) int64 {
	interval := w.interval(f)
	b, err := model.NewBuckets(on.window.Window, interval, w.text(f, "timeZone"))
	if err != nil {
		return 0
	}
	var heads []upstream.Window // of days that begin within an hour
	if b.Asked != interval {
		w.steps += b.Len
		for i := range b.Len {
			if head, ok := b.Head(i); ok {
				heads = append(heads, head)
			}
		}
	}
	fields := w.collect(f)
	for _, k := range upstream.Kinds {
		if !slices.ContainsFunc(fields, func(p field) bool { return model.MeasureNamed(p.Name).Needs(k) }) {
			continue
		}
		n := mul(on.lists, w.counting(on.user, on.rollup))
		w.charge(call{
			op: opSeries, kind: k, window: on.window, user: on.user, sender: on.sender, rollup: on.rollup,
			interval: b.Asked,
		}, n, n, at)
		for _, head := range heads {
			w.counts(k, window{Window: head}, on.user, on.sender, on.rollup, "", on.lists, at)
		}
	}
	return int64(b.Len)
}
