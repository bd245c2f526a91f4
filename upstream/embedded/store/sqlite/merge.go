package sqlite

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// message identifies an email to one recipient, whenever it was processed.
type message struct {
	user, sender     upstream.ID
	emailID, address string
}

func messageOf(r *row) message { return message{r.user, r.sender, r.emailID, r.address} }

// sameMessage is the condition that rows are about a message, with the arguments of messageArgs.
const sameMessage = "r.local = ? and r.domain_id = ? and +r.email_id = ? and +r.user_id = ? and +r.sender_id = ?" +
	" and r.address is ?"

// messageArgs returns the arguments of sameMessage for the message of r, or nil if no row has its domain.
func (w *writer) messageArgs(r *row) ([]any, error) {
	domain, cached := w.domains[r.domain]
	if !cached {
		var err error
		domain, err = w.conn.number(w.ctx, "select id from domain where name = ?", r.domain)
		if err != nil || domain == 0 {
			return nil, err
		}
		w.domains[r.domain] = domain
	}
	return []any{r.local, domain, r.emailID, int64(r.user), int64(r.sender), r.oddAddress()}, nil
}

// find returns the rows of a kind about the message of r.
func (w *writer) find(k *kind, r *row) ([]row, error) {
	args, err := w.messageArgs(r)
	if args == nil {
		return nil, err
	}
	return load(w.ctx, w.conn, k, -1, sameMessage, args...)
}

// merge returns the rows of a batch as they are to be written: one for each message, merged with those of the batch and
// of the store.
func (w *writer) merge(k *kind, rows []row) ([]row, error) {
	merged := make([]row, 0, len(rows))
	at := map[message]int{}
	for i := range rows {
		r := &rows[i]
		if n, ok := at[messageOf(r)]; ok {
			w.written.Unchanged++ // counts as if it says nothing new
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
		if k.Kind == upstream.Emails && r.Delivered {
			failed, err := w.failed(r)
			if err != nil {
				return nil, err
			}
			r.Delivered = !failed
		}
	}
	sortRows(merged)
	return merged, nil
}

// failed reports whether the store has a bounce or a blocked email of an email.
func (w *writer) failed(r *row) (bool, error) {
	args, err := w.messageArgs(r)
	if args == nil {
		return false, err
	}
	n, err := w.conn.number(w.ctx, "select exists (select 1 from bounce r where "+sameMessage+")"+
		" or exists (select 1 from blocked_email r where "+sameMessage+")", append(args, args...)...)
	return n != 0, err
}

// merge combines r with another row of the same kind and message. An email gets the earlier time, and is delivered if
// one of them is. Of bounces and blocked emails, the one that says more stays. The row gets the other's headers if
// there are more of them. If there are as many, the text decides, so that the order of rows does not matter.
func (r *row) merge(k *kind, o *row) {
	headers, process := r.headers, min(r.ProcessTime, o.ProcessTime)
	if headers == nil || cmp.Or(len(headers)-len(o.headers),
		strings.Compare(encodeHeaders(headers), encodeHeaders(o.headers))) < 0 {
		headers = o.headers
	}
	switch {
	case k.Kind == upstream.Emails:
		r.time = min(r.time, o.time)
		r.Delivered = r.Delivered || o.Delivered
	case o.saysMore(r):
		*r = *o
		r.id = 0
	}
	r.headers, r.ProcessTime = headers, process
}

// saysMore reports whether of two failures of a message r is the one to keep: the one with the whole message, or the
// earlier one. The other comparisons only make the choice independent of the order.
func (r *row) saysMore(o *row) bool {
	if whole := r.FullContent != ""; whole != (o.FullContent != "") {
		return whole
	}
	return cmp.Or(cmp.Compare(r.time, o.time), cmp.Compare(r.Code, o.Code),
		cmp.Compare(r.DiagnosticCode, o.DiagnosticCode), cmp.Compare(r.FullContent, o.FullContent),
		cmp.Compare(r.Reason, o.Reason)) < 0
}

// mergeFailures marks the emails of bounces and blocked emails as not delivered.
func (w *writer) mergeFailures(failures []row) error {
	k := kinds[upstream.Emails]
	for i := range failures {
		emails, err := w.find(k, &failures[i])
		if err != nil {
			return err
		}
		for n := range emails {
			r := &emails[n]
			if !r.Delivered {
				continue
			}
			w.counts.add(k, r, -1)
			r.Delivered = false
			w.counts.add(k, r, 1)
			w.touch(r.time)
			if err := w.conn.exec("update email set delivered = 0 where id = ?", r.id); err != nil {
				return err
			}
		}
	}
	return nil
}

// indexMessages creates the indexes that find messages. An empty store has none.
func (w *writer) indexMessages() error {
	for _, q := range indexes {
		if strings.Contains(q, "_recipient ") {
			if err := w.conn.execContext(w.ctx, q); err != nil {
				return err
			}
		}
	}
	return nil
}
