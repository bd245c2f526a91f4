package clickhouse

import (
	"context"
	"slices"

	"github.com/go-faster/city"

	"deliverygraph/upstream"
)

// recipient is the expression for the recipient's address.
const recipient = "ifNull(address, concat(local, '@', domain))"

// recipientHash is what the index of recipients contains of an address: cityHash64 of ClickHouse.
func recipientHash(address string) uint64 { return city.CH64([]byte(address)) }

// maxTimes is the number of times by which one query finds rows. Each costs a granule of 8,192 rows.
const maxTimes = upstream.PageSize

// times returns the times in a window when a recipient may have events, in order. All is false if there are more than
// a limit, or if there is no recipient.
func (s *Store) times(
	ctx context.Context, k *kind, address string, w upstream.Window, limit int,
) (times []upstream.Time, all bool, err error) {
	if address == "" {
		return nil, false, nil
	}
	hash := recipientHash(upstream.LowerAddress(address))
	times, err = values[upstream.Time](ctx, "select distinct time from recipient where recipient = "+number(hash)+
		" and kind = "+number(k.Kind)+" and "+within(w)+" limit "+number(limit+1))
	slices.Sort(times)
	return times, len(times) <= limit, err
}

// at adds the condition that events happened at some times.
func (f *filter) at(times []upstream.Time) {
	var all []string
	for _, t := range times {
		all = append(all, number(t))
	}
	f.add("time in (" + join(all) + ")")
}

// ofRecipient returns the keys of the page of a recipient's list. Found is false if the index does not help: there is
// no recipient, or its events have so many times that it is faster to look for them hour by hour.
func (l *listing) ofRecipient(address string) (keys []version, found bool, err error) {
	times, found, err := l.times(l.ctx, l.kind, address, l.window, 100*maxTimes)
	if err != nil || !found {
		return nil, false, err
	}
	for some := range slices.Chunk(times, maxTimes) {
		if len(keys) >= l.skip+upstream.PageSize {
			break
		}
		f := filter{where: slices.Clone(l.where)}
		f.at(some)
		more, err := l.versions(l.ctx, l.from(l.kind)+" where "+
			f.in(upstream.Window{Start: some[0], End: some[len(some)-1] + 1})+listOrder)
		if err != nil {
			return nil, false, err
		}
		keys = append(keys, more...)
	}
	begin := min(l.skip, len(keys))
	return keys[begin:min(begin+upstream.PageSize, len(keys))], true, nil
}
