package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Ask answers a question in one transaction: see [store.Reader].
func (s *Store) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (answer any, err error) {
	read := s.readIndexed
	switch q.Shape {
	case upstream.ShapeDetail, upstream.ShapeCounts, upstream.ShapeSeries: // which need no indexes
		read = s.read
	}
	err = read(ctx, store.Describe(q), func(r *reader) {
		answer, err = store.Answer(&view{r, only}, only != nil, q, p)
		r.Fail(err)
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// view is what a caller may see of the store in a transaction: see [store.View].
type view struct {
	*reader
	only []upstream.ID // the users; nil is all
}

var _ store.View = (*view)(nil)

// Addresses returns the addresses of senders: see [store.View].
func (v *view) Addresses(senders []upstream.ID) (map[upstream.ID]string, error) {
	addresses := map[upstream.ID]string{}
	for _, id := range senders {
		for row := range v.Rows("select address from sender where id = ?", int64(id)) {
			addresses[id] = text(row[0])
		}
	}
	return addresses, v.Err
}

// Codes returns the codes that events of a kind have: see [store.View].
func (v *view) Codes(k upstream.Kind) (codes []string, err error) {
	for _, code := range v.distinct(kinds[k].codes, kinds[k].table+" where "+kinds[k].codes+" > ''", -1) {
		codes = append(codes, text(code))
	}
	return codes, v.Err
}
