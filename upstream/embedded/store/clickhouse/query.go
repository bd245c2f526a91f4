package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// quote returns a text as a literal of ClickHouse. It may contain any bytes.
func quote(s string) string {
	b := make([]byte, 0, len(s)+2)
	b = append(b, '\'')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\'' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c > '~':
			b = fmt.Appendf(b, `\x%02X`, c)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '\''))
}

// number returns a number as a literal.
func number[N ~int | ~int64 | ~uint8 | ~uint64](n N) string { return fmt.Sprintf("%d", n) }

func join(list []string) string { return strings.Join(list, ", ") }

// each calls f for each row of a query's answer, whose columns are scanned to the targets.
func each(ctx context.Context, query string, targets []any, f func()) error {
	for i, t := range targets {
		switch t := t.(type) { // which the driver does not know
		case *upstream.ID:
			targets[i] = (*int64)(t)
		case *upstream.Time:
			targets[i] = (*int64)(t)
		}
	}
	rows, err := on(ctx).Query(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		f()
	}
	return rows.Err()
}

// collect returns the rows of a query's answer. Its columns are scanned to the targets, which are parts of row.
func collect[R any](ctx context.Context, query string, row *R, targets ...any) (rows []R, err error) {
	err = each(ctx, query, targets, func() { rows = append(rows, *row) })
	return rows, err
}

// values returns the first column of a query's answer.
func values[V any](ctx context.Context, query string) ([]V, error) {
	var v V
	return collect(ctx, query, &v, &v)
}

// first returns the first column of the only row of a query's answer.
func first[V any](ctx context.Context, query string) (v V, err error) {
	err = on(ctx).QueryRow(ctx, query).Scan(&v)
	return v, err
}

// insert writes rows to a table as one block.
func insert[R any](ctx context.Context, into string, rows []R, values func(*R) []any) error {
	if len(rows) == 0 {
		return nil
	}
	b, err := on(ctx).PrepareBatch(ctx, "insert into "+into)
	if err != nil {
		return err
	}
	for i := range rows {
		if err := b.Append(values(&rows[i])...); err != nil {
			return fmt.Errorf("%w: %w", err, b.Abort())
		}
	}
	return b.Send()
}

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
