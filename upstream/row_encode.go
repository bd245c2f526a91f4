package upstream

import "strconv"

// AppendBounces appends the answer to GET /bounces to dst.
func AppendBounces(dst []byte, rows []Bounce) []byte {
	return appendData(dst, rows, AppendBounceRow)
}

// AppendEmails appends the answer to GET /emails to dst.
func AppendEmails(dst []byte, rows []Email) []byte {
	return appendData(dst, rows, AppendEmailRow)
}

// AppendBlockedEmails appends the answer to GET /blocked-emails to dst.
func AppendBlockedEmails(dst []byte, rows []BlockedEmail) []byte {
	return appendData(dst, rows, AppendBlockedEmailRow)
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

// AppendBounceRow appends one row of GET /bounces to dst. Here and in the other rows, fields have the order of the
// document's example.
func AppendBounceRow(dst []byte, b Bounce) []byte {
	dst = appendText(dst, `{"domain":`, b.Domain)
	dst = appendText(dst, `,"bounce_category":`, b.Category)
	dst = appendText(dst, `,"email_id":`, b.EmailID)
	dst = appendInt(dst, `,"postback_time":`, b.PostbackTime)
	dst = appendInt(dst, `,"bounce_time":`, b.BounceTime)
	dst = appendInt(dst, `,"sender_id":`, b.SenderID)
	dst = appendText(dst, `,"bounce_type":`, b.Type)
	dst = appendText(dst, `,"email_address":`, b.EmailAddress)
	dst = appendInt(dst, `,"user_id":`, b.UserID)
	dst = appendHeaders(append(dst, `,"xheaders":`...), b.XHeaders)
	dst = appendText(dst, `,"bounce_code":`, b.Code)
	dst = appendInt(dst, `,"process_time":`, b.ProcessTime)
	dst = appendText(dst, `,"local":`, b.Local)
	return append(dst, '}')
}

// AppendBounceDetailRow appends the data of one bounce in full to dst.
func AppendBounceDetailRow(dst []byte, d BounceDetail) []byte {
	dst = appendText(dst, `{"domain":`, d.Domain)
	dst = appendText(dst, `,"bounce_category":`, d.Category)
	dst = appendHeaders(append(dst, `,"xheaders":`...), d.XHeaders)
	dst = appendText(dst, `,"bounce_code":`, d.Code)
	dst = appendText(dst, `,"email_id":`, d.EmailID)
	dst = appendInt(dst, `,"process_time":`, d.ProcessTime)
	dst = appendInt(dst, `,"sender_id":`, d.SenderID)
	dst = appendText(dst, `,"local":`, d.Local)
	dst = appendText(dst, `,"bounce_type":`, d.Type)
	dst = appendText(dst, `,"full_content":`, d.FullContent)
	dst = appendInt(dst, `,"bounce_time":`, d.BounceTime)
	dst = appendText(dst, `,"diagnostic_code":`, d.DiagnosticCode)
	dst = appendInt(dst, `,"user_id":`, d.UserID)
	dst = appendText(dst, `,"regex_name":`, d.RuleName)
	dst = appendText(dst, `,"email_address":`, d.EmailAddress)
	dst = appendInt(dst, `,"postback_time":`, d.PostbackTime)
	return append(dst, '}')
}

// AppendEmailRow appends one row of GET /emails to dst.
func AppendEmailRow(dst []byte, e Email) []byte {
	dst = appendText(dst, `{"email_address":`, e.EmailAddress)
	dst = appendText(dst, `,"domain":`, e.Domain)
	dst = appendInt(dst, `,"user_id":`, e.UserID)
	dst = appendHeaders(append(dst, `,"xheaders":`...), e.XHeaders)
	dst = strconv.AppendBool(append(dst, `,"delivered":`...), e.Delivered)
	dst = appendText(dst, `,"email_id":`, e.EmailID)
	dst = appendInt(dst, `,"process_time":`, e.ProcessTime)
	dst = appendInt(dst, `,"sender_id":`, e.SenderID)
	dst = appendText(dst, `,"local":`, e.Local)
	return append(dst, '}')
}

// AppendBlockedEmailRow appends one row of GET /blocked-emails to dst.
func AppendBlockedEmailRow(dst []byte, e BlockedEmail) []byte {
	dst = appendText(dst, `{"email_address":`, e.EmailAddress)
	dst = appendInt(dst, `,"postback_time":`, e.PostbackTime)
	dst = appendInt(dst, `,"user_id":`, e.UserID)
	dst = appendHeaders(append(dst, `,"xheaders":`...), e.XHeaders)
	dst = appendText(dst, `,"domain":`, e.Domain)
	dst = appendText(dst, `,"email_id":`, e.EmailID)
	dst = appendInt(dst, `,"process_time":`, e.ProcessTime)
	dst = appendInt(dst, `,"sender_id":`, e.SenderID)
	dst = appendText(dst, `,"blocked_reason":`, e.Reason)
	dst = appendText(dst, `,"local":`, e.Local)
	return append(dst, '}')
}
