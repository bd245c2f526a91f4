package cost

import (
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

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
