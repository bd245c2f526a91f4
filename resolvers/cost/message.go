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
	to := w.rowsOf(l, self, model.MaxRecipients, 1)
	to.typ = "MessageRecipient"
	for f := range w.named("recipients", f) {
		rows = add(rows, mul(model.MaxRecipients, add(1, w.below(to, f, w.path(at, f.Alias)))))
	}
	return rows
}

// sentEmail prices MessageRecipient.email.
func sentEmail(w *walker, on object, f *field, at *path) int64 {
	on.typ = kind.Email.Type
	return w.below(on, f, at)
}

// fate prices MessageRecipient.outcome and at, which need both the bounces and the blocked emails.
func fate(w *walker, on object, _ *field, at *path) int64 {
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
