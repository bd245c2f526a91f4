package clickhouse

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

// Ask answers a question: see [store.Reader].
func (s *Store) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (answer any, err error) {
	err = s.read(ctx, store.Describe(q), func(ctx context.Context) error {
		answer, err = store.Answer(&view{s, ctx, only}, only != nil, q, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// view is what a caller may see of the store during a call: see [store.View].
type view struct {
	*Store
	ctx  context.Context
	only []upstream.ID // the users; nil is all
}

var _ store.View = (*view)(nil)

// Addresses returns the addresses of senders: see [store.View].
func (v *view) Addresses(senders []upstream.ID) (map[upstream.ID]string, error) {
	addresses := map[upstream.ID]string{}
	if len(senders) == 0 {
		return addresses, nil
	}
	var ids []string
	for _, id := range senders {
		ids = append(ids, number(id))
	}
	var id upstream.ID
	var address string
	err := each(v.ctx, "select id, address from sender final where id in ("+join(ids)+")", []any{&id, &address},
		func() { addresses[id] = address })
	return addresses, err
}

// Codes returns the codes that events of a kind have: see [store.View]. Codes that events have in any version, and that
// are not documented, are looked for in the last versions.
func (v *view) Codes(of upstream.Kind) (codes []string, err error) {
	k := kinds[of]
	documented := []string{quote("")}
	for _, code := range *store.Documented.Of(of) {
		documented = append(documented, quote(code))
	}
	for _, from := range []string{k.table, v.from(k)} {
		codes, err = values[string](v.ctx, "select distinct "+k.codes+" from "+from+" where removed = 0 and "+k.codes+
			" not in ("+join(documented)+")")
		if err != nil || len(codes) == 0 {
			break
		}
	}
	return codes, err
}
