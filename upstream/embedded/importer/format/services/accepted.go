package services

import "deliverygraph/upstream"

// maxAccepted is the minimum number of messages that accepted remembers.
const maxAccepted = 100_000

// accepted remembers when messages were accepted for delivery, for services whose later events do not say so. It keeps
// between 100,000 and 200,000 messages. The zero value is empty.
type accepted struct{ young, old map[string]upstream.Time }

// note records when a message was accepted.
func (a *accepted) note(id string, at upstream.Time) {
	if len(a.young) >= maxAccepted {
		a.young, a.old = nil, a.young
	}
	if a.young == nil {
		a.young = map[string]upstream.Time{}
	}
	a.young[id] = at
}

// of returns when a message was accepted, or the time of its event if that is unknown.
func (a *accepted) of(id string, event upstream.Time) upstream.Time {
	if at, ok := a.young[id]; ok {
		return at
	}
	if at, ok := a.old[id]; ok {
		return at
	}
	return event
}
