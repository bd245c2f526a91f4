package sqlite

import (
	"cmp"
	"strings"

	"deliverygraph/upstream"
)

// sameMessage is the condition that rows are about a message, with the arguments of [row.messageArgs].
const sameMessage = "r.local = ? and r.domain_id = (select id from domain where name = ?) and +r.email_id = ?" +
	" and +r.user_id = ? and +r.sender_id = ? and r.address is ?"

func (r *row) messageArgs() []any {
	return []any{r.local, r.domain, r.emailID, int64(r.user), int64(r.sender), r.oddAddress()}
}

// merge returns the rows of a batch as they are to be written: one for each message, merged with those of the batch and
// of the store.
func (w *writer) merge(k *kind, rows []row) []row {
	merged := make([]row, 0, len(rows))
	at := map[upstream.Identity]int{} // without the time
	for i := range rows {
		r := &rows[i]
		m := upstream.Identity{EmailID: r.emailID, Recipient: r.address, UserID: r.user, SenderID: r.sender}
		if n, ok := at[m]; ok {
			w.written.Unchanged++ // counts as if it says nothing new
			merged[n].merge(k, r)
			continue
		}
		at[m] = len(merged)
		merged = append(merged, *r)
	}
	for i := range merged {
		r := &merged[i]
		old := w.load(k, -1, sameMessage, r.messageArgs()...)
		for n := range old {
			r.merge(k, &old[n])
		}
		moved := len(old) > 0 // to another time
		for n := range old {
			if old[n].time == r.time {
				moved = false
			} else {
				w.drop(k, &old[n])
			}
		}
		if moved {
			w.written.Replaced++
			w.written.New--
		}
		r.Delivered = r.Delivered && !w.failed(r)
	}
	return merged
}

// failed reports whether the store has a bounce or a blocked email of an email.
func (w *writer) failed(r *row) bool {
	args := r.messageArgs()
	return w.number("select exists (select 1 from bounce r where "+sameMessage+")"+
		" or exists (select 1 from blocked_email r where "+sameMessage+")", append(args, args...)...) != 0
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
func (w *writer) mergeFailures(failures []row) {
	k := kinds[upstream.Emails]
	for i := range failures {
		for v := range w.rows("update email as r set delivered = 0 where r.delivered and "+sameMessage+" returning id",
			failures[i].messageArgs()...) {
			r := row{time: timeOf(integer(v[0])), user: failures[i].user, sender: failures[i].sender}
			w.counts.add(k, &r, 1)
			r.Delivered = true
			w.counts.add(k, &r, -1)
			w.touch(r.time)
		}
	}
}
