package upstream

import "strings"

// memberCache remembers the text of an object's members, up to their values. The rows of a page usually have the same
// keys in the same order, spaced and escaped alike. So before a member is parsed, its text is compared with that of the
// member at the same place in an earlier row: if the bytes up to the value are equal, so is their meaning. Other
// members are parsed, and remembered for the following rows.
type memberCache struct {
	members []member
	at      int    // index of the expected member
	other   member // the last member that was not learnt
}

// member describes the text before a value in an object.
type member struct {
	text  string // from the end of the previous value or the opening brace up to the value
	name  string // the key
	odd   bool   // the key is not [Plain]
	field field  // meaning of the key in a row
	first bool   // the first member of its object
}

// maxMembers limits how many members are learnt. Rows have at most 13 fields that are read.
const maxMembers = 32

// first opens an object and reads up to its first value. It returns nil if the object is empty or not an object.
//
//	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) { … }
func (l *lexer) first(o *memberCache, what string) *member {
	if !l.object(what) {
		return nil
	}
	o.at = 0
	return l.member(o, true)
}

// after reads up to the object's next value, or returns nil at its end.
func (l *lexer) after(o *memberCache) *member { return l.member(o, false) }

func (l *lexer) member(o *memberCache, first bool) *member {
	if o.at < len(o.members) {
		// The text of the first member has no comma, that of all others has one.
		if m := &o.members[o.at]; m.first == first && strings.HasPrefix(l.s[l.i:], m.text) && l.err == nil {
			l.i += len(m.text)
			o.at++
			return m
		}
	}
	start := l.i
	if !first && !l.next('}') {
		return nil
	}
	name := l.key()
	l.peek()
	if l.err != nil {
		return nil
	}
	return l.learn(o, l.s[start:l.i], name, first)
}

// learn records a parsed member, and expects the one after it to follow it again.
func (l *lexer) learn(o *memberCache, text, name string, first bool) *member {
	for i := range o.members {
		if m := &o.members[i]; m.text == text && m.first == first {
			o.at = i + 1
			return m
		}
	}
	m := member{text: text, name: name, odd: !isPlain(name), field: fieldOf(name), first: first}
	if l.row < 1 || len(o.members) == maxMembers { // an answer of one row needs no prediction
		o.other = m
		return &o.other
	}
	if o.members == nil {
		o.members = make([]member, 0, 8)
	}
	o.members = append(o.members, m)
	o.at = len(o.members)
	return &o.members[o.at-1]
}

// field is the meaning of a key in a row.
type field uint8

// The fields of counts and time series, besides those of rows.
const (
	senderKey field = rowFields + iota
	timestampKey
	bounceCountKey
	softBounceCountKey
	hardBounceCountKey
	countKey // of another kind than bounces
)

// fieldOf returns the field that a key stands for.
func fieldOf(name string) field {
	switch name {
	case "sender":
		return senderKey
	case "timestamp":
		return timestampKey
	case "bounce_count":
		return bounceCountKey
	case "soft_bounce_count":
		return softBounceCountKey
	case "hard_bounce_count":
		return hardBounceCountKey
	case "sent_count", "blocked_email_count":
		return countKey
	}
	return rowField(name)
}
