package cost

import (
	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// message prices Query.message.
func message(w *walker, _ object, f *field, at *path) (rows int64) {
	id, _ := w.argument(f, "emailId").(string)
	in, _, ok := w.windowOf(f)
	if !ok || id == "" || len(id) > upstream.MaxFilter {
		return 0
	}
	l := list{kind: upstream.Emails, window: window{Window: in}}
	if processed, known := model.ProcessedAt(id); known {
		if !in.Contains(processed) {
			return 0
		}
		l.window.Window = upstream.Window{Start: processed, End: processed + 1}
	}
	w.readList(l, model.MaxMessagePages, at)
	// What became of it is looked up until the end of this window.
	self := w.symbol(symbol{what: ofIDs, text: id, list: list{window: window{Window: in}}})
	on := w.rowsOf(l, self, model.MaxRecipients)
	fields := w.collect("Message", f)
	for i := range fields {
		if f := &fields[i]; f.Name == "recipients" {
			to := on
			to.typ = "MessageRecipient"
			rows = add(rows, mul(model.MaxRecipients, add(1, w.below(to, f, w.path(at, f.Alias)))))
		}
	}
	return rows
}

// messageRecipient prices the fields of the recipients of a message.
func messageRecipient(w *walker, on object, f *field, at *path) int64 {
	switch on.typ = "Email"; f.Name {
	case "email":
		return w.below(on, f, at)
	case "bounce", "blocked":
		return outcome(w, on, f, at)
	}
	w.outcomes(upstream.Bounces, on, at)
	w.outcomes(upstream.BlockedEmails, on, at)
	return 0
}

// outcome prices Email.bounce and Email.blocked. The emails of a list share a call. If the list of what became of them
// is long, more are needed.
func outcome(w *walker, on object, f *field, at *path) int64 {
	k := upstream.Bounces
	if f.Name == "blocked" {
		k = upstream.BlockedEmails
	}
	w.outcomes(k, on, at)
	of := on // its sender and user are the email's
	of.typ = kind.All[k].Type
	return w.below(of, f, at)
}

// outcomes charges the calls that find what became of emails.
func (w *walker) outcomes(k upstream.Kind, on object, at *path) {
	planned := mul(on.pages, w.times(on.user))
	each := int64(loaders.MaxRecipientPages) // an email names its user
	worst := add(mul(on.pages, mul(loaders.MaxOutcomePages, w.merged(on.user))), mul(on.n, each))
	w.charge(call{op: opOutcome, kind: k, list: on.self}, planned, worst, at)
}
