package upstream

import "strings"

// DecodeBounces decodes the answer to GET /bounces, with or without an envelope, in the order sent. Keys may come in
// any order, and unknown ones are skipped.
//
// A row must have its ids, email_id and bounce_time, which must not be 0, and no field may have the wrong type. Other
// fields may be missing or null and are then empty; a missing address or part of it is computed from the rest. The
// envelope's data may be null, which means no rows.
//
// Errors have the code [InvalidResponse] and name the row, counted from 0, and the field. The rows' strings are slices
// of body, so keeping a single row keeps its page in memory.
func DecodeBounces(body string) ([]Bounce, error) {
	return decodeRows(body, (*lexer).bounce)
}

// DecodeEmails decodes the answer to GET /emails; see [DecodeBounces]. A row must have process_time and delivered, for
// which there is no sensible default.
func DecodeEmails(body string) ([]Email, error) {
	return decodeRows(body, (*lexer).email)
}

// DecodeBlockedEmails decodes the answer to GET /blocked-emails; see [DecodeBounces]. A row must have process_time.
func DecodeBlockedEmails(body string) ([]BlockedEmail, error) {
	return decodeRows(body, (*lexer).blockedEmail)
}

// DecodeEmail decodes a single row of GET /emails; see [DecodeEmails].
func DecodeEmail(row string) (Email, error) { return decodeRow(row, (*lexer).email) }

// DecodeBlockedEmail decodes a single row of GET /blocked-emails; see [DecodeBlockedEmails].
func DecodeBlockedEmail(row string) (BlockedEmail, error) {
	return decodeRow(row, (*lexer).blockedEmail)
}

// DecodeBounceDetail decodes one bounce in full, the answer to GET
// /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id], with or without an envelope; see [DecodeBounces]. Here, data
// must not be null.
func DecodeBounceDetail(body string) (BounceDetail, error) {
	return decodeRow(body, func(l *lexer, d *BounceDetail) {
		given := false
		l.objectPayload(func() {
			*d = BounceDetail{}
			if given = !l.null(); given {
				l.bounceDetail(d)
			}
		})
		l.need("data", given)
	})
}

func (l *lexer) bounce(b *Bounce) {
	l.odd = false
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		l.bounceField(b, m)
	}
	l.finishBounce(b)
}

func (l *lexer) bounceDetail(d *BounceDetail) {
	l.odd = false
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		switch m.field {
		case diagnosticCode:
			d.DiagnosticCode = l.str(m.name)
		case regexName:
			d.RuleName = l.str(m.name)
		case fullContent:
			d.FullContent = l.str(m.name)
		default:
			l.bounceField(&d.Bounce, m)
		}
	}
	l.finishBounce(&d.Bounce)
}

// bounceField reads the value of a member of a bounce.
func (l *lexer) bounceField(b *Bounce, m *member) {
	switch m.field {
	case domain:
		b.Domain = l.str(m.name)
	case bounceCategory:
		b.Category = l.str(m.name)
	case emailID:
		b.EmailID = l.str(m.name)
	case postbackTime:
		b.PostbackTime = l.time(m.name)
	case bounceTime:
		b.BounceTime = l.time(m.name)
	case senderID:
		b.SenderID = l.id(m.name)
	case bounceType:
		b.Type = BounceType(l.str(m.name))
	case emailAddress:
		b.EmailAddress = l.str(m.name)
	case userID:
		b.UserID = l.id(m.name)
	case xheaders:
		b.XHeaders = l.headers()
	case bounceCode:
		b.Code = l.str(m.name)
	case processTime:
		b.ProcessTime = l.time(m.name)
	case local:
		b.Local = l.str(m.name)
	default:
		l.skip()
	}
}

func (l *lexer) finishBounce(b *Bounce) {
	l.needIDs(b.UserID, b.SenderID, b.EmailID)
	l.need("bounce_time", b.BounceTime != 0)
	completeRecipient(&b.EmailAddress, &b.Local, &b.Domain)
	b.Plain = Plain(!l.odd)
}

func (l *lexer) email(e *Email) {
	l.odd = false
	known := false
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		switch m.field {
		case emailAddress:
			e.EmailAddress = l.str(m.name)
		case domain:
			e.Domain = l.str(m.name)
		case userID:
			e.UserID = l.id(m.name)
		case xheaders:
			e.XHeaders = l.headers()
		case delivered:
			e.Delivered, known = l.flag(m.name)
		case emailID:
			e.EmailID = l.str(m.name)
		case processTime:
			e.ProcessTime = l.time(m.name)
		case senderID:
			e.SenderID = l.id(m.name)
		case local:
			e.Local = l.str(m.name)
		default:
			l.skip()
		}
	}
	l.needIDs(e.UserID, e.SenderID, e.EmailID)
	l.need("process_time", e.ProcessTime != 0)
	l.need("delivered", known)
	completeRecipient(&e.EmailAddress, &e.Local, &e.Domain)
	e.Plain = Plain(!l.odd)
}

func (l *lexer) blockedEmail(e *BlockedEmail) {
	l.odd = false
	for m := l.first(&l.rows, "it"); m != nil; m = l.after(&l.rows) {
		switch m.field {
		case emailAddress:
			e.EmailAddress = l.str(m.name)
		case postbackTime:
			e.PostbackTime = l.time(m.name)
		case userID:
			e.UserID = l.id(m.name)
		case xheaders:
			e.XHeaders = l.headers()
		case domain:
			e.Domain = l.str(m.name)
		case emailID:
			e.EmailID = l.str(m.name)
		case processTime:
			e.ProcessTime = l.time(m.name)
		case senderID:
			e.SenderID = l.id(m.name)
		case blockedReason:
			e.Reason = l.str(m.name)
		case local:
			e.Local = l.str(m.name)
		default:
			l.skip()
		}
	}
	l.needIDs(e.UserID, e.SenderID, e.EmailID)
	l.need("process_time", e.ProcessTime != 0)
	completeRecipient(&e.EmailAddress, &e.Local, &e.Domain)
	e.Plain = Plain(!l.odd)
}

// needIDs fails unless the row has what identifies it.
func (l *lexer) needIDs(user, sender ID, email string) {
	l.need("user_id", user != 0)
	l.need("sender_id", sender != 0)
	l.need("email_id", email != "")
}

// completeRecipient computes a missing address from its parts, or missing parts from the address.
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
