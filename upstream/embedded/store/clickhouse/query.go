package clickhouse

import (
	"context"
	"fmt"
	"strings"

	"deliverygraph/upstream"
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
