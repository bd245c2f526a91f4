package upstream

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
