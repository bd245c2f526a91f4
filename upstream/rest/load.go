package rest

// Load is a snapshot of a client's state, for metrics.
type Load struct {
	UnderWay int   // requests sent and not yet answered
	Limit    int   // how many there may be at present: see Options.MinConcurrent
	Waiting  int   // requests waiting for a slot
	Refused  int64 // requests refused so far because the queue was full

	Breaker string // "closed", "open" or "half-open"
	Opened  int64  // how often the breaker has opened so far
}

// Load returns the client's current state.
func (c *Client) Load() Load {
	l := Load{Breaker: c.breaker.state(), Opened: c.breaker.opened.Load()}
	c.gate.mu.Lock()
	defer c.gate.mu.Unlock()
	l.UnderWay, l.Limit, l.Waiting, l.Refused = c.gate.underWay, c.gate.limit.slots(), c.gate.waiting, c.gate.refused
	return l
}
