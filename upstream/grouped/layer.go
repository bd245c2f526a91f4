package grouped

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// Layer groups the events of servers that cannot do so themselves, from their counts or, if these do not suffice, from
// their lists. It belongs above the cache, which then keeps the pages.
type Layer struct {
	// Providers are those of mailboxes to group by. A server that groups by itself has its own.
	Providers *Providers
	// Left returns how many calls the operation of ctx may still make.
	Left func(ctx context.Context) int

	having  atomic.Bool  // the server has answered
	lacking atomic.Int64 // until this time, in Unix seconds, the server is known not to have the extension
}

// How long a server is not asked again for an extension that it lacked, in seconds. One that had it before is probably
// being restarted or upgraded.
const (
	retry       = 3600
	retryHaving = 60
)

// Lacking reports whether the server is known not to have the extension.
func (l *Layer) Lacking() bool { return time.Now().Unix() < l.lacking.Load() }

// Ask is an [upstream.Middleware].
func (l *Layer) Ask(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	if q.Shape != upstream.ShapeGroups {
		return next.Ask(ctx, q)
	}
	if !l.Lacking() {
		answer, err := next.Ask(ctx, q)
		if !unknown(err) {
			if err == nil {
				l.having.Store(true)
			}
			return answer, err
		}
		pause := int64(retry)
		if l.having.Load() {
			pause = retryHaving
		}
		l.lacking.Store(time.Now().Unix() + pause)
	}
	return l.group(ctx, upstream.API{Asker: next}, q)
}

// unknown reports whether an error means that the server does not know the endpoint.
func unknown(err error) bool {
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed, http.StatusGone, http.StatusNotImplemented:
		return true
	}
	return false
}

// group groups events.
func (l *Layer) group(ctx context.Context, api upstream.API, q *upstream.Question) (groups upstream.Groups, err error) {
	parts := l.parts(api, q)
	if err := l.affordable(ctx, parts); err != nil {
		return groups, err
	}
	for _, p := range parts {
		if err := p.count(ctx); err != nil {
			return groups, l.explained(err, parts)
		}
	}
	for _, g := range parts[0].groups {
		groups.Groups = append(groups.Groups, *g)
		groups.Total += g.Count
	}
	groups = upstream.MergeGroups(q.Top, groups)
	for i := range groups.Groups {
		if g := &groups.Groups[i]; q.Sent && parts[1].groups[g.Keys] != nil {
			g.Sent = parts[1].groups[g.Keys].Count
		}
	}
	return groups, senders(ctx, api, q, &groups)
}

// senders sets the addresses of groups by sender, which counts contain.
func senders(ctx context.Context, api upstream.API, q *upstream.Question, groups *upstream.Groups) error {
	at := slices.Index(q.By[:], upstream.DimensionSender)
	if at < 0 || len(groups.Groups) == 0 {
		return nil
	}
	query := upstream.CountQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID}
	counts, err := api.Counts(ctx, q.Kind, query)
	if err != nil {
		return err
	}
	addresses := map[string]string{}
	for _, c := range counts {
		addresses[strconv.FormatInt(int64(c.ID), 10)] = c.Sender
	}
	for i := range groups.Groups {
		groups.Groups[i].Sender = addresses[groups.Groups[i].Keys[at]]
	}
	return nil
}
