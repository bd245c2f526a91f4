package upstream

import "strings"

// DecodeBounces reads the answer to GET /bounces, with or without an envelope,
// in the order sent. Keys may come in any order, and unknown ones are skipped.
// A row without its ids, email_id or bounce_time makes the answer invalid, as do
// fields of a wrong type; of the address and its two parts, what is missing
// follows from the rest, and other fields that are missing or null are empty.
// data may be null: no rows.
//
// Errors are of [InvalidResponse] and name the row, counted from 0, and the
// field. The rows' strings share one copy of the body: to keep a single row is
// to keep the page.
func DecodeBounces(body []byte) ([]Bounce, error) {
	return decodeRows(body, (*lexer).bounce)
}

// DecodeEmails reads the answer to GET /emails: see [DecodeBounces]. A row must
// have its process_time and its delivered.
func DecodeEmails(body []byte) ([]Email, error) {
	return decodeRows(body, (*lexer).email)
}

// DecodeBlockedEmails reads the answer to GET /blocked-emails: see
// [DecodeBounces]. A row must have its process_time.
func DecodeBlockedEmails(body []byte) ([]BlockedEmail, error) {
	return decodeRows(body, (*lexer).blockedEmail)
}

// DecodeBounceDetail reads one bounce in full, the answer to
// GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id], with or without an
// envelope: see [DecodeBounces].
func DecodeBounceDetail(body []byte) (BounceDetail, error) {
	var d BounceDetail
	l := newLexer(body)
	found := false
	l.objectPayload(func() {
		found = true
		d = BounceDetail{}
		l.detail(&d)
	})
	if l.err == nil && !found {
		l.fail("data", "is null")
	}
	return d, l.end()
}

// DecodeEmail reads one row of GET /emails by itself: see [DecodeEmails].
func DecodeEmail(row []byte) (Email, error) { return decodeRow(row, (*lexer).email) }

// DecodeBlockedEmail reads one row of GET /blocked-emails by itself: see
// [DecodeBlockedEmails].
func DecodeBlockedEmail(row []byte) (BlockedEmail, error) {
	return decodeRow(row, (*lexer).blockedEmail)
}

func decodeRow[T any](body []byte, read func(*lexer, *T, *headerArena)) (T, error) {
	var row T
	l := newLexer(body)
	read(l, &row, &headerArena{})
	return row, l.end()
}

func decodeRows[T any](body []byte, read func(*lexer, *T, *headerArena)) ([]T, error) {
	var rows []T
	var arena headerArena
	l := newLexer(body)
	l.payload(func() {
		rows = rows[:0]
		if l.peek() != '[' {
			l.mistyped("data", "an array")
			return
		}
		for more := l.begin('['); more; more = l.next(']') {
			l.row = len(rows)
			start := l.i
			var zero T
			rows = append(rows, zero)
			read(l, &rows[len(rows)-1], &arena)
			if len(rows) == 1 {
				rows, arena = makeRoom(rows, arena, l.i-start, len(l.b)-l.i)
			}
		}
		l.row = -1
	})
	if err := l.end(); err != nil {
		return nil, err
	}
	return rows, nil
}

// makeRoom gives rows and headers the capacity for a page, going by how much of
// the text the first row took. It is no more than a page: a body that makes more
// rows of itself pays for them as they come.
func makeRoom[T any](rows []T, arena headerArena, used, left int) ([]T, headerArena) {
	n := min(PageSize, 1+left/max(1, used)*9/8)
	perRow := len(arena.free)
	return append(make([]T, 0, n), rows...), headerArena{make([]Header, 0, n*perRow)}
}

// recipient completes an address and its parts from one another.
func recipient(address, local, domain *string) {
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

// object opens the object that a row is.
func (l *lexer) object() bool {
	if l.peek() != '{' {
		l.mistyped("it", "an object")
		return false
	}
	return l.begin('{')
}

// need refuses a row without one of its fields.
func (l *lexer) need(field string, given bool) {
	if !given {
		l.fail(field, "is missing")
	}
}

func (l *lexer) bounce(b *Bounce, a *headerArena) {
	for more := l.object(); more; more = l.next('}') {
		if key := l.key(); !l.bounceField(b, a, key) {
			l.skip()
		}
	}
	l.checkBounce(b)
}

func (l *lexer) detail(d *BounceDetail) {
	var a headerArena
	for more := l.object(); more; more = l.next('}') {
		switch key := l.key(); key {
		case "diagnostic_code":
			d.DiagnosticCode = l.str(key)
		case "regex_name":
			d.RuleName = l.str(key)
		case "full_content":
			d.FullContent = l.str(key)
		default:
			if !l.bounceField(&d.Bounce, &a, key) {
				l.skip()
			}
		}
	}
	l.checkBounce(&d.Bounce)
}

// bounceField reads the value of key if it is a field of a bounce's row.
func (l *lexer) bounceField(b *Bounce, a *headerArena, key string) bool {
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
		b.XHeaders = l.headers(a)
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

func (l *lexer) checkBounce(b *Bounce) {
	l.need("user_id", b.UserID != 0)
	l.need("sender_id", b.SenderID != 0)
	l.need("email_id", b.EmailID != "")
	l.need("bounce_time", b.BounceTime != 0)
	recipient(&b.EmailAddress, &b.Local, &b.Domain)
}

func (l *lexer) email(e *Email, a *headerArena) {
	delivered := false
	for more := l.object(); more; more = l.next('}') {
		switch key := l.key(); key {
		case "email_address":
			e.EmailAddress = l.str(key)
		case "domain":
			e.Domain = l.str(key)
		case "user_id":
			e.UserID = l.id(key)
		case "xheaders":
			e.XHeaders = l.headers(a)
		case "delivered":
			e.Delivered, delivered = l.flag(key)
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
	l.need("user_id", e.UserID != 0)
	l.need("sender_id", e.SenderID != 0)
	l.need("email_id", e.EmailID != "")
	l.need("process_time", e.ProcessTime != 0)
	l.need("delivered", delivered)
	recipient(&e.EmailAddress, &e.Local, &e.Domain)
}

func (l *lexer) blockedEmail(e *BlockedEmail, a *headerArena) {
	for more := l.object(); more; more = l.next('}') {
		switch key := l.key(); key {
		case "email_address":
			e.EmailAddress = l.str(key)
		case "postback_time":
			e.PostbackTime = l.time(key)
		case "user_id":
			e.UserID = l.id(key)
		case "xheaders":
			e.XHeaders = l.headers(a)
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
	l.need("user_id", e.UserID != 0)
	l.need("sender_id", e.SenderID != 0)
	l.need("email_id", e.EmailID != "")
	l.need("process_time", e.ProcessTime != 0)
	recipient(&e.EmailAddress, &e.Local, &e.Domain)
}
