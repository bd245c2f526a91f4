package upstream

import (
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Key returns the key that identifies the bounce to API.Bounce.
func (b Bounce) Key() BounceKey {
	return BounceKey{UserID: b.UserID, SenderID: b.SenderID, BounceTime: b.BounceTime, EmailID: b.EmailID}
}

// BounceKey identifies a bounce: the parts of GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id], in this
// order.
type BounceKey struct {
	UserID     ID
	SenderID   ID
	BounceTime Time
	EmailID    string
}

// BounceType is "hard" or "soft". Other values from a remote server are passed through.
type BounceType string

// The documented bounce types.
const (
	Hard BounceType = "hard"
	Soft BounceType = "soft"
)

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

// AppendBounceDetail appends the answer to GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id] to dst.
func AppendBounceDetail(dst []byte, d BounceDetail, e Envelope) []byte {
	dst = appendSeconds(dst, `{"processing_time":`, e.ProcessingTime)
	dst = appendSeconds(dst, `,"resp_time":`, e.RespTime)
	dst = AppendBounceDetailRow(append(dst, `,"data":`...), d)
	dst = appendText(dst, `,"api_host":`, e.APIHost)
	dst = appendSeconds(dst, `,"recv_time":`, e.RecvTime)
	return append(dst, '}')
}

// Path returns the URL path of the bounce's detail: [BouncePath] and the four parts, escaped. In an email id, @ is kept
// and a slash becomes %2F.
func (k BounceKey) Path() string {
	b := append(make([]byte, 0, 96), BouncePath...)
	b = append(strconv.AppendInt(b, int64(k.UserID), 10), '/')
	b = append(strconv.AppendInt(b, int64(k.SenderID), 10), '/')
	b = append(strconv.AppendInt(b, int64(k.BounceTime), 10), '/')
	return string(append(b, url.PathEscape(k.EmailID)...))
}

// ParseBounceKey parses the path of a bounce's detail, in the escaped form of [url.URL.EscapedPath], with or without
// [BouncePath]. Errors have the code [InvalidArgument] and name the wrong part.
func ParseBounceKey(path string) (BounceKey, error) {
	parts := strings.Split(strings.TrimPrefix(path, BouncePath), "/")
	names := [...]string{"user_id", "sender_id", "bounce_time", "email_id"}
	p := &parameters{}
	for i, name := range names {
		if i >= len(parts) || parts[i] == "" {
			p.fail(name, "%s is missing: the path is /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id]", name)
			return BounceKey{}, p.err
		}
	}
	if len(parts) > len(names) {
		p.fail("email_id", "the path has too many parts: write a / within the email_id as %%2F")
		return BounceKey{}, p.err
	}
	k := BounceKey{
		UserID:   p.positive("user_id", parts[0]),
		SenderID: p.positive("sender_id", parts[1]),
	}
	t, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || !isDigits(strings.TrimPrefix(parts[2], "-")) || Time(t) < minTime || Time(t) > maxTime {
		p.fail("bounce_time", "bounce_time must be the bounce's time in Unix seconds, such as 1479772800")
	}
	k.BounceTime = Time(t)
	k.EmailID, err = url.PathUnescape(parts[3])
	if err != nil || !utf8.ValidString(k.EmailID) {
		p.fail("email_id", "email_id is not proper percent-encoding of UTF-8: write a percent sign as %%25")
	}
	if p.err != nil {
		return BounceKey{}, p.err
	}
	return k, nil
}
