package resolvers

import (
	"context"

	"deliverygraph/graph/columns"
	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

// Columns returns the extension that answers lists column by column. Each table repeats, for many rows at once,
// what the generated code and the resolvers do for its type. Tests compare the two.
func Columns() columns.Extension {
	return columns.New(append(rowTables(),
		columns.Of(senderTable), columns.Of(edgeTable("SenderEdge", senderTable)),
		columns.Of(userTable), columns.Of(edgeTable("UserEdge", userTable)),
		columns.Of(statsPointTable), columns.Of(groupTable), columns.Of(groupKeyTable), columns.Of(groupPointTable),
	)...)
}

var node, deliveryEvent = []string{"Node"}, []string{"Node", "DeliveryEvent"}

// leaf returns a column that writes the value of a getter.
func leaf[T, V any](get func(*T) V, write func([]byte, V) []byte) columns.Field[T] {
	return columns.Leaf(func(dst []byte, row *T) []byte { return write(dst, get(row)) })
}

// moment is like leaf for times, and fast if rows are in order of time.
func moment[T any](get func(*T) upstream.Time) columns.Field[T] {
	return columns.LeafBehind(func() func([]byte, *T) []byte {
		var times model.DateTimes
		return func(dst []byte, row *T) []byte { return times.Append(dst, get(row)) }
	})
}

// optional is like leaf for values that may be null.
func optional[T, V any](get func(*T) *V, write func([]byte, V) []byte) columns.Field[T] {
	return columns.Leaf(func(dst []byte, row *T) []byte {
		if v := get(row); v != nil {
			return write(dst, *v)
		}
		return append(dst, "null"...)
	})
}

func edgeTable[T any](name string, t *columns.Type[T]) *columns.Type[model.Edge[T]] {
	return &columns.Type[model.Edge[T]]{Name: name, Fields: map[string]columns.Field[model.Edge[T]]{
		"cursor": leaf(func(e *model.Edge[T]) string { return e.Cursor }, model.AppendString),
		"node":   columns.Object(t, func(e *model.Edge[T]) *T { return e.Node }),
	}}
}

// headersOf returns a column of a row's headers. They are plain if the row is.
func headersOf[T any](get func(*T) ([]upstream.Header, upstream.Plain)) columns.Field[T] {
	table := func(plain upstream.Plain) *columns.Type[upstream.Header] {
		write := func(dst []byte, s string) []byte { return model.AppendRowString(dst, s, plain) }
		return &columns.Type[upstream.Header]{Name: "XHeader", Fields: map[string]columns.Field[upstream.Header]{
			"name":  leaf(func(h *upstream.Header) string { return h.Name }, write),
			"value": leaf(func(h *upstream.Header) string { return h.Value }, write),
		}}
	}
	return columns.List(func(row *T) ([]upstream.Header, int) {
		list, plain := get(row)
		if plain {
			return list, 1
		}
		return list, 0
	}, table(false), table(true))
}

var detailTable = &columns.Type[model.BounceDetail]{Name: "BounceDetail",
	Fields: map[string]columns.Field[model.BounceDetail]{
		"diagnosticCode": readable(func(d *model.BounceDetail) model.Text { return d.Diagnostic }),
		"ruleName":       leaf(func(d *model.BounceDetail) string { return d.RuleName }, model.AppendString),
		"rule":           columns.Object(ruleTable, func(d *model.BounceDetail) *model.BounceRule { return &d.Rule }),
		"fullContent":    readable(func(d *model.BounceDetail) model.Text { return d.Content }),
	}}

var ruleTable = &columns.Type[model.BounceRule]{Name: "BounceRule", Fields: map[string]columns.Field[model.BounceRule]{
	"name":        leaf(func(r *model.BounceRule) string { return r.Name }, model.AppendString),
	"category":    optional(func(r *model.BounceRule) *string { return r.Category }, model.AppendString),
	"type":        optional(func(r *model.BounceRule) *upstream.BounceType { return r.Type }, model.AppendBounceType),
	"description": optional(func(r *model.BounceRule) *string { return r.Description }, model.AppendString),
}}

// readable returns a column that some callers may not read.
func readable[T any](get func(*T) model.Text) columns.Field[T] {
	return columns.LeafIf(func(row *T) bool { return get(row).Withheld == nil },
		func(dst []byte, row *T) []byte { return model.AppendString(dst, get(row).Text) })
}

var userTable = &columns.Type[model.User]{Name: "User", Interfaces: node, Fields: map[string]columns.Field[model.User]{
	"id":     leaf((*model.User).ID, model.AppendNodeID),
	"userId": leaf((*model.User).UserID, model.AppendKey),
	"stats": columns.Join(statsTable, func(ctx context.Context, args map[string]any, fields []string,
		rows []*model.User) ([]*statsRow, []error) {
		return statsOfAll(ctx, args, fields, rows, (*model.User).Subject)
	}),
}}

var senderTable = &columns.Type[model.Sender]{Name: "Sender", Interfaces: node,
	Fields: map[string]columns.Field[model.Sender]{
		"id":       leaf((*model.Sender).ID, model.AppendNodeID),
		"senderId": leaf((*model.Sender).SenderID, model.AppendKey),
		"address":  columns.ForSome(func(s *model.Sender) bool { return s.Known == nil }, columns.Value(addresses)),
		"userId": columns.ForSome(ownerless,
			columns.Value(func(ctx context.Context, rows []*model.Sender) (func([]byte, int) []byte, []error) {
				owners, errs := ownersOf(ctx, rows)
				return func(dst []byte, i int) []byte {
					if owners[i] == 0 {
						return append(dst, "null"...)
					}
					return model.AppendKey(dst, owners[i])
				}, errs
			})),
		"user": columns.Join(userTable, func(ctx context.Context, _ map[string]any, _ []string,
			rows []*model.Sender) ([]*model.User, []error) {
			owners, errs := ownersOf(ctx, rows)
			out := make([]*model.User, len(rows))
			for i, u := range owners {
				if u != 0 && errs[i] == nil {
					out[i] = &model.User{Key: u, Within: rows[i].Origin.UserID}
				}
			}
			return out, errs
		}),
		"stats": columns.Join(statsTable, func(ctx context.Context, args map[string]any, fields []string,
			rows []*model.Sender) ([]*statsRow, []error) {
			return statsOfAll(ctx, args, fields, rows, (*model.Sender).Subject)
		}),
	}}

var statsTable, statsPointTable = func() (*columns.Type[statsRow], *columns.Type[model.StatsPoint]) {
	rows, points := map[string]columns.Field[statsRow]{}, map[string]columns.Field[model.StatsPoint]{
		"start": leaf(func(p *model.StatsPoint) upstream.Time { return p.Start }, model.AppendDateTime),
	}
	for _, m := range model.Measures {
		rows[m.Name] = columns.LeafOrError(func(s *statsRow) error { return s.err(m) },
			func(dst []byte, s *statsRow) []byte {
				if n := m.Of(s.tally(m.Kind)); !m.Rate {
					return model.AppendLong(dst, n)
				} else if sent := s.tally(upstream.Emails).Total; sent != 0 {
					return model.AppendFloat(dst, float64(n)/float64(sent))
				}
				return append(dst, "null"...)
			})
		if m.Rate {
			points[m.Name] = optional(func(p *model.StatsPoint) *float64 { return p.Share(m) }, model.AppendFloat)
		} else {
			points[m.Name] = leaf(func(p *model.StatsPoint) int64 { return p.Count(m) }, model.AppendLong)
		}
	}
	return &columns.Type[statsRow]{Name: "Stats", Fields: rows},
		&columns.Type[model.StatsPoint]{Name: "StatsPoint", Fields: points}
}()

// groupTable lacks the series: the points of all groups together may be too many to write before they are counted.
var groupTable = &columns.Type[model.BreakdownGroup]{Name: "BreakdownGroup",
	Fields: map[string]columns.Field[model.BreakdownGroup]{
		"keys":  columns.MadeList(groupKeyTable, (*model.BreakdownGroup).Keys),
		"count": leaf((*model.BreakdownGroup).Count, model.AppendLong),
		"share": leaf((*model.BreakdownGroup).Share, model.AppendFloat),
		"rate":  optional((*model.BreakdownGroup).Rate, model.AppendFloat),
	}}

var groupKeyTable = &columns.Type[model.BreakdownKey]{Name: "BreakdownKey",
	Fields: map[string]columns.Field[model.BreakdownKey]{
		"dimension": leaf(func(k *model.BreakdownKey) string { return model.DimensionName(k.Dimension) },
			model.AppendString),
		"value": optional(func(k *model.BreakdownKey) *string { return k.Value }, model.AppendString),
		"label": optional(func(k *model.BreakdownKey) *string { return k.Label }, model.AppendString),
	}}

var groupPointTable = &columns.Type[upstream.GroupPoint]{Name: "BreakdownPoint",
	Fields: map[string]columns.Field[upstream.GroupPoint]{
		"start": leaf(func(p *upstream.GroupPoint) upstream.Time { return p.Start }, model.AppendDateTime),
		"count": leaf(func(p *upstream.GroupPoint) int64 { return p.Count }, model.AppendLong),
	}}

// distinct returns the distinct keys of the rows of a list, and the index of each row's key among them. A row may
// have no key.
func distinct[T any, K comparable](rows []*T, key func(*T) (K, bool)) (keys []K, at []int) {
	at = make([]int, len(rows))
	var met map[K]int // nil while there is at most one key, as in most lists
	last := -1        // most rows have the same key as the row before
	for i, r := range rows {
		k, ok := key(r)
		if !ok {
			continue
		}
		if last < 0 || k != keys[last] {
			known := false
			if len(keys) == 1 {
				met = map[K]int{keys[0]: 0}
			}
			if last, known = met[k]; !known {
				last = len(keys)
				keys = append(keys, k)
				if met != nil {
					met[k] = last
				}
			}
		}
		at[i] = last
	}
	return keys, at
}
