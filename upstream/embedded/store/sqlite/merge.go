package sqlite

import (
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// sameMessage is the condition that rows are about a message, with the arguments of [row.messageArgs].
const sameMessage = "r.local = ? and r.domain_id = (select id from domain where name = ?) and +r.email_id = ?" +
	" and +r.user_id = ? and +r.sender_id = ? and r.address is ?"

func (r *row) messageArgs() []any {
	return []any{r.Local, r.Domain, r.EmailID, int64(r.UserID), int64(r.SenderID), r.oddAddress()}
}

// merge returns the rows of a batch as they are to be written: see [store.Merge].
func (w *writer) merge(k *kind, rows []row) []row {
	event := func(r *row) *store.Event { return &r.Event }
	old := func(r *row) []row { return w.load(k, -1, sameMessage, r.messageArgs()...) }
	merged := store.Merge(k.Kind, rows, event, old, func(r row) { w.drop(k, &r) }, &w.written)
	for i := range merged {
		r := &merged[i]
		r.Delivered = r.Delivered && !w.failed(r)
	}
	return merged
}

// failed reports whether the store has a bounce or a blocked email of an email.
func (w *writer) failed(r *row) bool {
	args := r.messageArgs()
	return w.Number("select exists (select 1 from bounce r where "+sameMessage+")"+
		" or exists (select 1 from blocked_email r where "+sameMessage+")", append(args, args...)...) != 0
}

// mergeFailures marks the emails of bounces and blocked emails as not delivered.
func (w *writer) mergeFailures(failures []row) {
	k := kinds[upstream.Emails]
	for i := range failures {
		for v := range w.Rows("update email as r set delivered = 0 where r.delivered and "+sameMessage+" returning id",
			failures[i].messageArgs()...) {
			r := row{Event: failures[i].Event}
			r.Time = timeOf(integer(v[0]))
			w.counts.add(k, &r, 1)
			r.Delivered = true
			w.counts.add(k, &r, -1)
			w.touch(r.Time)
		}
	}
}
