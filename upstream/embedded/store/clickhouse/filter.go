package clickhouse

import (
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// filter is the condition of a list: see [store.Filters].
type filter struct {
	where  []string
	none   bool // nothing can match
	events bool // it is not one of users and senders alone
}

func (f *filter) add(condition string) { f.where = append(f.where, condition) }

// Flag adds a filter by a column that is true or false.
func (f *filter) Flag(column string) {
	f.events = true
	f.add(column)
}

// OneOf adds a filter by some values of a column.
func (f *filter) OneOf(column string, values ...any) {
	var all []string
	for _, v := range values {
		switch v := v.(type) {
		case int64:
			all = append(all, number(v))
		case string:
			all = append(all, quote(v))
		}
	}
	f.none = f.none || len(all) == 0
	f.events = f.events || column != "user_id" && column != "sender_id"
	f.add(column + " in (" + join(all) + ")")
}

// Local adds a filter by the local part of the recipient.
func (f *filter) Local(local string) { f.OneOf("local", local) }

// Domain adds a filter by the recipient's domain.
func (f *filter) Domain(domain string) { f.OneOf("domain", domain) }

// Header adds a filter by a header.
func (f *filter) Header(h upstream.Header) {
	f.events = true
	f.add("arrayExists((k, v) -> k = " + quote(h.Name) + " and v = " + quote(h.Value) + ", header_keys, header_values)")
}

// Recipient adds a filter by the recipient.
func (f *filter) Recipient(local, domain, address string) {
	f.events = true
	f.add("(isNull(address) and local = " + quote(local) + " and domain = " + quote(domain) +
		" or address = " + quote(address) + ")")
}

// within is the condition that an event happened in a window.
func within(w upstream.Window) string {
	return "time >= " + number(w.Start) + " and time < " + number(w.End)
}

// in returns the condition with that of a window of time.
func (f *filter) in(w upstream.Window) string {
	return within(w) + " and " + strings.Join(append([]string{"removed = 0"}, f.where...), " and ")
}

// filter translates the filters of q.
func (v *view) filter(k *kind, q *upstream.ListQuery) (f filter, err error) {
	f.none = q.Window.Start >= q.Window.End
	store.Filter(&f, k.Kind, q, v.only, func(address string) (ids []any) {
		var senders []int64
		senders, err = values[int64](v.ctx, "select id from sender final where address = "+quote(address))
		for _, id := range senders {
			ids = append(ids, id)
		}
		return ids
	})
	return f, err
}
