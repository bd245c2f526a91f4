package model

import "deliverygraph/upstream"

// User is an account.
type User struct {
	Key    upstream.ID
	Within upstream.ID // the user filter for the calls that load its stats; 0 if one call covers all users of a list
	Page   *Page       // that it was listed on; nil if it was found otherwise
}

func (*User) IsNode() {}

func (u *User) ID() NodeID          { return NodeID{Type: UserNode, UserID: u.Key} }
func (u *User) UserID() upstream.ID { return u.Key }

// Sender is an approved From address.
type Sender struct {
	Key    upstream.ID
	Owner  upstream.ID // the user who owns the sender; 0 if not yet known
	Known  *string     // the address, if known
	Origin Origin      // the list it was found in
	// Siblings is the number of senders from the same origin that its list shows, including this one.
	Siblings int
	Page     *Page // that it was listed on; nil if it was found otherwise
}

// Page is a page of users or senders, which the counts of a window found.
type Page struct {
	Size   int // number of users or senders
	Window upstream.Window
	UserID upstream.ID // the user that the senders were limited to; 0 means none
}

func (*Sender) IsNode() {}

func (s *Sender) ID() NodeID            { return NodeID{Type: SenderNode, SenderID: s.Key} }
func (s *Sender) SenderID() upstream.ID { return s.Key }

// Subject returns the subject of the user's stats.
func (u *User) Subject() Subject {
	return Subject{UserID: u.Within, Rollup: upstream.ByUser, Row: u.Key}
}

// Subject returns the subject of the sender's stats. It has the filter of the list in which the sender was found, so
// that all senders of that list share calls.
func (s *Sender) Subject() Subject {
	return Subject{UserID: s.Origin.UserID, SenderID: s.Origin.SenderID, Row: s.Key}
}

// Stats are the counts of a window. Each is loaded when selected.
type Stats struct {
	Window  upstream.Window
	Subject Subject
}

// Subject says whose stats are wanted: the calls that load them, and the row to pick from the answer.
type Subject struct {
	UserID   upstream.ID // filter of the calls; 0 means none
	SenderID upstream.ID // filter of the calls; 0 means none
	Rollup   upstream.Rollup
	Row      upstream.ID // the row to pick; 0 adds up all rows
}

// Origin identifies the list in which a row, user or sender was found. The counts with the same filter contain every
// sender of the list, so one call serves all of them.
type Origin struct {
	Kind     upstream.Kind
	Window   upstream.Window
	UserID   upstream.ID // the user that the list was limited to; 0 means none
	SenderID upstream.ID // the sender that it was limited to; 0 means none
}
