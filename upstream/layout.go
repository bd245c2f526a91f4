package upstream

import "strings"

// layout is how a server writes the members of its objects. The rows of a page mostly
// have the same keys in the same order, spaced and escaped alike. So before a member is
// read as any JSON is, it is held against what stood in its place in a row before: where
// the bytes up to the value are the same, so is what they mean. What differs is read,
// and learnt for the rows that follow.
type layout struct {
	members []member
	at      int    // the member that should come next
	other   member // one that is not among them
}

// member is what comes before a value in an object.
type member struct {
	text  string // from the end of the value before, or of the object's brace, up to the value
	name  string // the key
	odd   bool   // which is not [Plain]
	field field  // that it is of a row
	first bool   // of its object
}

// maxMembers bounds what is learnt of an answer. Rows have 13 fields at the most that
// we read.
const maxMembers = 32

// first opens the object that what should be, and reads up to its first value; nil
// where there is none.
//
//	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) { … }
func (l *lexer) first(o *layout, what string) *member {
	if !l.object(what) {
		return nil
	}
	o.at = 0
	return l.member(o, true)
}

// after reads on after a value, up to the object's next one or its end.
func (l *lexer) after(o *layout) *member { return l.member(o, false) }

func (l *lexer) member(o *layout, first bool) *member {
	if o.at < len(o.members) {
		// A member's text has no comma where it is the first, and else it has one.
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

// learn notes a member that was read. The one after it is expected to come after it
// again.
func (l *lexer) learn(o *layout, text, name string, first bool) *member {
	for i := range o.members {
		if m := &o.members[i]; m.text == text && m.first == first {
			o.at = i + 1
			return m
		}
	}
	m := member{text: text, name: name, odd: !isPlain(name), field: fieldOf[name], first: first}
	if l.row < 1 || len(o.members) == maxMembers { // nothing is learnt for an answer of one row
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

// field is what a key of a row means.
type field uint8

// The fields. The zero one is none that we know.
const (
	unknownField field = iota
	userID
	senderID
	emailID
	emailAddress
	local
	domain
	bounceType
	bounceCategory
	bounceCode
	bounceTime
	processTime
	postbackTime
	xheaders
	diagnosticCode
	regexName
	fullContent
	delivered
	blockedReason
	sender
	timestamp
	sentCount
	bounceCount
	softBounceCount
	hardBounceCount
	blockedEmailCount
)

var fieldOf = map[string]field{
	"user_id": userID, "sender_id": senderID, "email_id": emailID,
	"email_address": emailAddress, "local": local, "domain": domain,
	"bounce_type": bounceType, "bounce_category": bounceCategory, "bounce_code": bounceCode,
	"bounce_time": bounceTime, "process_time": processTime, "postback_time": postbackTime,
	"xheaders": xheaders, "diagnostic_code": diagnosticCode, "regex_name": regexName, "full_content": fullContent,
	"delivered": delivered, "blocked_reason": blockedReason, "sender": sender, "timestamp": timestamp,
	"sent_count": sentCount, "bounce_count": bounceCount, "soft_bounce_count": softBounceCount,
	"hard_bounce_count": hardBounceCount, "blocked_email_count": blockedEmailCount,
}
