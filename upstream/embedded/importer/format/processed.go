package format

import "deliverygraph/upstream"

// maxProcessed is how many times [Processed] remembers at least.
const maxProcessed = 100_000

// Processed remembers when messages were taken for delivery, for formats whose later events do
// not say it. It keeps the last 100,000 messages at least, and twice as many at most. Its zero
// value is empty.
type Processed struct{ young, old map[string]upstream.Time }

// Note takes note of when a message was taken.
func (p *Processed) Note(id string, at upstream.Time) {
	if len(p.young) >= maxProcessed {
		p.young, p.old = nil, p.young
	}
	if p.young == nil {
		p.young = map[string]upstream.Time{}
	}
	p.young[id] = at
}

// Of returns when a message was taken, or the time of its event if that is not known.
func (p *Processed) Of(id string, event upstream.Time) upstream.Time {
	if at, ok := p.young[id]; ok {
		return at
	}
	if at, ok := p.old[id]; ok {
		return at
	}
	return event
}
