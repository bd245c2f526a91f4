package sqlite

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// message is what one email to one recipient is known by, whenever it was processed.
type message struct {
	user, sender     upstream.ID
	emailID, address string
}

func messageOf(r *row) message { return message{r.user, r.sender, r.emailID, r.address} }

// find gives the rows of a kind about the message of r.
func (w *writer) find(k *kind, r *row) ([]row, error) {
	domain, err := w.conn.number(w.ctx, "select id from domain where name = ?", r.domain)
	if err != nil || domain == 0 {
		return nil, err
	}
	rows, err := load(w.ctx, w.conn, k, -1, "r.local = ? and r.domain_id = ? and +r.email_id = ? and +r.user_id = ? and +r.sender_id = ?",
		r.local, domain, r.emailID, int64(r.user), int64(r.sender))
	n := 0
	for _, x := range rows {
		if x.address == r.address {
			rows[n] = x
			n++
		}
	}
	return rows[:n], err
}

// merge gives the rows of a batch as they are to be written: one for each message, merged with
// what the batch and the store have about it.
func (w *writer) merge(k *kind, rows []row) ([]row, error) {
	merged := make([]row, 0, len(rows))
	at := map[message]int{}
	for i := range rows {
		r := &rows[i]
		if n, ok := at[messageOf(r)]; ok {
			w.written.Unchanged++ // as one that says nothing new
			merged[n].merge(k, r)
			continue
		}
		at[messageOf(r)] = len(merged)
		merged = append(merged, *r)
	}
	for i := range merged {
		r := &merged[i]
		old, err := w.find(k, r)
		if err != nil {
			return nil, err
		}
		for n := range old {
			r.merge(k, &old[n])
		}
		stays := slices.ContainsFunc(old, func(o row) bool { return o.time == r.time })
		for n := range old {
			if old[n].time == r.time {
				continue
			}
			if err := w.drop(k, &old[n]); err != nil {
				return nil, err
			}
		}
		if len(old) > 0 && !stays { // it moves to another time
			w.written.Replaced++
			w.written.New--
		}
		if k.Kind == upstream.Emails {
			if err := w.mergeOutcome(r); err != nil {
				return nil, err
			}
		}
	}
	sortRows(merged)
	return merged, nil
}

// mergeOutcome takes an email that has a bounce or a blocked email as not delivered.
func (w *writer) mergeOutcome(r *row) error {
	for _, other := range []upstream.Kind{upstream.Bounces, upstream.BlockedEmails} {
		if !r.delivered {
			break
		}
		failures, err := w.find(kinds[other], r)
		if err != nil {
			return err
		}
		r.delivered = len(failures) == 0
	}
	return nil
}

// merge takes over what another row of the same kind says of the same message. An email has the
// earlier time, and is delivered if one of them is. Of bounces and blocked emails the one that
// says more stays. A row gets the other's headers if it has more of them. Of as many, the text
// decides, so that the order in which rows come does not matter.
func (r *row) merge(k *kind, o *row) {
	headers, process := r.headers, min(r.process, o.process)
	if headers == nil || cmp.Or(len(headers)-len(o.headers),
		strings.Compare(encodeHeaders(headers), encodeHeaders(o.headers))) < 0 {
		headers = o.headers
	}
	switch {
	case k.Kind == upstream.Emails:
		r.time = min(r.time, o.time)
		r.delivered = r.delivered || o.delivered
	case o.saysMore(r):
		*r = *o
		r.id = 0
	}
	r.headers, r.process = headers, process
}

// saysMore reports whether of two failures of a message r is the one to keep: the one with the
// whole message, or the earlier one. What follows only makes the choice the same in any order.
func (r *row) saysMore(o *row) bool {
	if whole := r.content != ""; whole != (o.content != "") {
		return whole
	}
	return cmp.Or(cmp.Compare(r.time, o.time), cmp.Compare(r.code, o.code), cmp.Compare(r.diag, o.diag),
		cmp.Compare(r.content, o.content), cmp.Compare(r.reason, o.reason)) < 0
}

// mergeFailures takes the emails of bounces and blocked emails as not delivered.
func (w *writer) mergeFailures(failures []row) error {
	k := kinds[upstream.Emails]
	for i := range failures {
		emails, err := w.find(k, &failures[i])
		if err != nil {
			return err
		}
		for n := range emails {
			r := &emails[n]
			if !r.delivered {
				continue
			}
			w.counts.add(k, r, -1)
			r.delivered = false
			w.counts.add(k, r, 1)
			w.touch(r.time)
			if err := w.conn.exec("update email set delivered = 0 where id = ?", r.id); err != nil {
				return err
			}
		}
	}
	return nil
}
