package upstream

import "strings"

// DecodeBounces reads the answer to GET /bounces, with or without an envelope,
// in the order sent. Keys may come in any order, and unknown ones are skipped.
//
// A row must have its ids, email_id and bounce_time (a time of 0 is none), and no
// field may be of a wrong type. What else is missing or null is empty, but the
// address and its two parts, of which what is missing follows from the rest. The
// envelope's data may be null: no rows.
//
// Errors are of [InvalidResponse] and name the row, counted from 0, and the
// field. The rows' strings share one copy of the body, so to keep a single row
// is to keep its page.
func DecodeBounces(body []byte) ([]Bounce, error) {
	return decodeRows(body, (*lexer).bounce)
}

// DecodeEmails reads the answer to GET /emails: see [DecodeBounces]. A row must
// have its process_time, and delivered, which nobody could guess.
func DecodeEmails(body []byte) ([]Email, error) {
	return decodeRows(body, (*lexer).email)
}

// DecodeBlockedEmails reads the answer to GET /blocked-emails: see
// [DecodeBounces]. A row must have its process_time.
func DecodeBlockedEmails(body []byte) ([]BlockedEmail, error) {
	return decodeRows(body, (*lexer).blockedEmail)
}

// DecodeEmail reads one row of GET /emails by itself: see [DecodeEmails].
func DecodeEmail(row []byte) (Email, error) { return decodeRow(row, (*lexer).email) }

// DecodeBlockedEmail reads one row of GET /blocked-emails by itself: see
// [DecodeBlockedEmails].
func DecodeBlockedEmail(row []byte) (BlockedEmail, error) {
	return decodeRow(row, (*lexer).blockedEmail)
}

// DecodeBounceDetail reads one bounce in full, the answer to
// GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id], with or without an
// envelope: see [DecodeBounces]. Data that is null is an invalid response here.
func DecodeBounceDetail(body []byte) (BounceDetail, error) {
	return decodeRow(body, func(l *lexer) (d BounceDetail) {
		given := false
		l.objectPayload(func() {
			if given = !l.null(); given {
				d = l.bounceDetail()
			}
		})
		l.need("data", given)
		return d
	})
}

func (l *lexer) bounce() Bounce {
	var b Bounce
	for more := l.object("it"); more; more = l.next('}') {
		if key := l.key(); !l.bounceField(&b, key) {
			l.skip()
		}
	}
	l.finishBounce(&b)
	return b
}

func (l *lexer) bounceDetail() BounceDetail {
	var d BounceDetail
	for more := l.object("it"); more; more = l.next('}') {
		switch key := l.key(); key {
		case "diagnostic_code":
			d.DiagnosticCode = l.str(key)
		case "regex_name":
			d.RuleName = l.str(key)
		case "full_content":
			d.FullContent = l.str(key)
		default:
			if !l.bounceField(&d.Bounce, key) {
				l.skip()
			}
		}
	}
	l.finishBounce(&d.Bounce)
	return d
}

// bounceField reads the value of key if that is a field of a bounce's row.
func (l *lexer) bounceField(b *Bounce, key string) bool {
	switch key {
	case "domain":
		b.Domain = l.str(key)
	case "bounce_category":
		b.Category = l.str(key)
	case "email_id":
		b.EmailID = l.str(key)
	case "postback_time":
		b.PostbackTime = l.time(key)
	case "bounce_time":
		b.BounceTime = l.time(key)
	case "sender_id":
		b.SenderID = l.id(key)
	case "bounce_type":
		b.Type = BounceType(l.str(key))
	case "email_address":
		b.EmailAddress = l.str(key)
	case "user_id":
		b.UserID = l.id(key)
	case "xheaders":
		b.XHeaders = l.headers()
	case "bounce_code":
		b.Code = l.str(key)
	case "process_time":
		b.ProcessTime = l.time(key)
	case "local":
		b.Local = l.str(key)
	default:
		return false
	}
	return true
}

func (l *lexer) finishBounce(b *Bounce) {
	l.needIDs(b.UserID, b.SenderID, b.EmailID)
	l.need("bounce_time", b.BounceTime != 0)
	completeRecipient(&b.EmailAddress, &b.Local, &b.Domain)
}

func (l *lexer) email() Email {
	var e Email
	known := false
	for more := l.object("it"); more; more = l.next('}') {
		switch key := l.key(); key {
		case "email_address":
			e.EmailAddress = l.str(key)
		case "domain":
			e.Domain = l.str(key)
		case "user_id":
			e.UserID = l.id(key)
		case "xheaders":
			e.XHeaders = l.headers()
		case "delivered":
			e.Delivered, known = l.flag(key)
		case "email_id":
			e.EmailID = l.str(key)
		case "process_time":
			e.ProcessTime = l.time(key)
		case "sender_id":
			e.SenderID = l.id(key)
		case "local":
			e.Local = l.str(key)
		default:
			l.skip()
		}
	}
	l.needIDs(e.UserID, e.SenderID, e.EmailID)
	l.need("process_time", e.ProcessTime != 0)
	l.need("delivered", known)
	completeRecipient(&e.EmailAddress, &e.Local, &e.Domain)
	return e
}

func (l *lexer) blockedEmail() BlockedEmail {
	var e BlockedEmail
	for more := l.object("it"); more; more = l.next('}') {
		switch key := l.key(); key {
		case "email_address":
			e.EmailAddress = l.str(key)
		case "postback_time":
			e.PostbackTime = l.time(key)
		case "user_id":
			e.UserID = l.id(key)
		case "xheaders":
			e.XHeaders = l.headers()
		case "domain":
			e.Domain = l.str(key)
		case "email_id":
			e.EmailID = l.str(key)
		case "process_time":
			e.ProcessTime = l.time(key)
		case "sender_id":
			e.SenderID = l.id(key)
		case "blocked_reason":
			e.Reason = l.str(key)
		case "local":
			e.Local = l.str(key)
		default:
			l.skip()
		}
	}
	l.needIDs(e.UserID, e.SenderID, e.EmailID)
	l.need("process_time", e.ProcessTime != 0)
	completeRecipient(&e.EmailAddress, &e.Local, &e.Domain)
	return e
}

// needIDs refuses a row that cannot be told from others.
func (l *lexer) needIDs(user, sender ID, email string) {
	l.need("user_id", user != 0)
	l.need("sender_id", sender != 0)
	l.need("email_id", email != "")
}

// completeRecipient makes up for what is missing of an address and its parts.
func completeRecipient(address, local, domain *string) {
	switch {
	case *address == "" && *domain == "":
		*address = *local
	case *address == "":
		*address = *local + "@" + *domain
	case *local == "" && *domain == "":
		*local = *address
		if at := strings.LastIndexByte(*address, '@'); at >= 0 {
			*local, *domain = (*address)[:at], (*address)[at+1:]
		}
	}
}
