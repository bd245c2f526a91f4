package model

import "deliverygraph/upstream"

// User is an account.
type User struct {
	Key    upstream.ID
	Within upstream.ID // the user filter of the calls that answer its stats; 0: calls for all users serve its siblings too
}

func (*User) IsNode() {}

func (u *User) ID() NodeID          { return NodeID{Type: UserNode, UserID: u.Key} }
func (u *User) UserID() upstream.ID { return u.Key }

// Sender is an approved From address.
type Sender struct {
	Key    upstream.ID
	Owner  upstream.ID // the user whose sender it is; 0: not known yet
	Known  *string     // the address, where it is known
	Origin Origin      // where it was found
	// Siblings is how many senders of the same origin its list shows, with this one.
	Siblings int
}

func (*Sender) IsNode() {}

func (s *Sender) ID() NodeID            { return NodeID{Type: SenderNode, SenderID: s.Key} }
func (s *Sender) SenderID() upstream.ID { return s.Key }

// Subject is the user's, for stats.
func (u *User) Subject() Subject {
	return Subject{UserID: u.Within, Rollup: upstream.ByUser, Row: u.Key}
}

// Subject is the sender's, for stats: with the filter of the list that it was found
// in, so that all senders of the list share the same calls.
func (s *Sender) Subject() Subject {
	return Subject{UserID: s.Origin.UserID, SenderID: s.Origin.SenderID, Row: s.Key}
}

// Stats are the counts of a window, each loaded when selected.
type Stats struct {
	Window  upstream.Window
	Subject Subject
}

// Subject is whom stats are of: the calls that answer them, and the row to pick.
type Subject struct {
	UserID   upstream.ID // filter of the calls; 0 is none
	SenderID upstream.ID // filter of the calls; 0 is none
	Rollup   upstream.Rollup
	Row      upstream.ID // the row to pick; 0 adds up all rows
}

// MaxPoints bounds a series: ten thousand hours are more than a year.
const MaxPoints = 10_000

// StatsPoint is one bucket of a series.
type StatsPoint struct {
	Start       upstream.Time
	Sent        int64
	Bounced     int64
	HardBounced int64
	SoftBounced int64
	Blocked     int64
}

// Origin is the list that a row, a user or a sender was found in. Its counts name
// every sender of the list, so one call with its filter answers for all of them.
type Origin struct {
	Kind     upstream.Kind
	Window   upstream.Window
	UserID   upstream.ID // the user that the list was limited to; 0 is none
	SenderID upstream.ID // the sender that it was limited to; 0 is none
}

// Add counts a tally of a kind into the point.
func (p *StatsPoint) Add(k upstream.Kind, t upstream.Tally) {
	switch k {
	case upstream.Emails:
		p.Sent += t.Total
	case upstream.Bounces:
		p.Bounced += t.Total
		p.HardBounced += t.Hard
		p.SoftBounced += t.Soft
	case upstream.BlockedEmails:
		p.Blocked += t.Total
	}
}
