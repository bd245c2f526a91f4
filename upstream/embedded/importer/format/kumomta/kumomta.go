// Package kumomta reads the logs of KumoMTA: a JSON object a line, by its own template.
package kumomta

import (
	"strings"
	"unicode"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/jsonfile"
)

// Format is the log of KumoMTA.
var Format = format.Format{
	Name:  "kumomta",
	About: "KumoMTA logs",
	Recognise: func(head []byte) bool {
		first := jsonfile.First(head)
		_, response := first["response"]
		_, class := first["bounce_classification"]
		return first["type"] != "" && response && class
	},
	New: func(format.Options) format.Reader {
		return jsonfile.NewReader(func(line int, r *record, s format.Sink) error { return r.read(line, s) })
	},
}

// record is a line of the log.
type record struct {
	Type       jsonfile.Text  `json:"type"`
	ID         jsonfile.Text  `json:"id"`
	Sender     jsonfile.Text  `json:"sender"`
	Recipients jsonfile.Texts `json:"recipient"`
	Queue      jsonfile.Text  `json:"queue"`
	Created    jsonfile.Text  `json:"created"`
	Time       jsonfile.Text  `json:"timestamp"`
	// Since 2025.10 the times are also there in words.
	CreatedTime jsonfile.Text `json:"created_time"`
	EventTime   jsonfile.Text `json:"event_time"`
	Class       jsonfile.Text `json:"bounce_classification"`
	Response    struct {
		Code     jsonfile.Text `json:"code"`
		Enhanced struct {
			Class   jsonfile.Text `json:"class"`
			Subject jsonfile.Text `json:"subject"`
			Detail  jsonfile.Text `json:"detail"`
		} `json:"enhanced_code"`
		Content jsonfile.Text `json:"content"`
	} `json:"response"`
	Headers jsonfile.Members `json:"headers"`
}

// passed are the records that say nothing about the end of a delivery, whatever their class is.
var passed = map[jsonfile.Text]string{
	"TransientFailure": "deferral", "Delayed": "deferral", "Rejection": "mail refused on arrival",
	"Feedback":    "complaint",
	"AdminRebind": "move to another queue", "DeferredInjectionRebind": "move to another queue",
	"XferOut": "move to another server", "XferIn": "move to another server",
}

// categories are those of classes whose names are not the categories'. Of those without one,
// what the server said decides.
var categories = map[jsonfile.Text]string{
	"InvalidRecipient": "bad-mailbox", "DNSFailure": "bad-domain", "SpamBlock": "spam-related",
	"SpamContent": "spam-related", "RelayDenied": "relaying-issues",
	"ProhibitedAttachment": "content-related", "AuthenticationFailed": "policy-related", "Uncategorized": "",
	"TransientFailure": "", "": "",
}

func (r *record) read(line int, s format.Sink) error {
	if reason, ok := passed[r.Type]; ok {
		s.Skip(reason)
		return nil
	}
	switch r.Type {
	case "Reception":
		return r.each(line, format.Record{Outcome: format.Accepted}, s)
	case "Delivery":
		return r.each(line, format.Record{Outcome: format.Delivered}, s)
	case "Bounce", "OOB":
		b := r.bounced()
		if b.Category != "" {
			b.Type = format.TypeOf(b.Category)
		}
		return r.each(line, b, s)
	case "AdminBounce": // an operator gave up
		b := r.bounced()
		b.Type = upstream.Soft
		return r.each(line, b, s)
	case "Expiration":
		b := r.bounced()
		b.Type, b.Category = upstream.Soft, "message-expired"
		return r.each(line, b, s)
	case "":
		return s.Bad(line, "the record has no type")
	}
	s.Skip("other record")
	return nil
}

func (r *record) bounced() format.Record {
	category, known := categories[r.Class]
	if !known {
		category = kebab(string(r.Class))
	}
	code, e := "", &r.Response.Enhanced
	if e.Class != "" && e.Subject != "" && e.Detail != "" {
		code = string(e.Class + "." + e.Subject + "." + e.Detail)
	}
	content := string(r.Response.Content)
	diagnostic := strings.TrimSpace(string(r.Response.Code) + " " + code)
	if content != "" {
		diagnostic = strings.TrimSpace(diagnostic + " " + content)
	}
	if code == "" {
		code = format.Code(content)
	}
	return format.Record{Outcome: format.Bounced, Category: category, Code: code, Diagnostic: diagnostic}
}

// each hands over a record for each of the recipients.
func (r *record) each(line int, of format.Record, s format.Sink) error {
	var ok bool
	if of.Time, ok = firstTime(r.Time, r.EventTime); !ok {
		return s.Bad(line, "timestamp must be a time in Unix seconds")
	}
	if of.Processed, ok = firstTime(r.Created, r.CreatedTime); !ok {
		of.Processed = of.Time
	}
	if r.ID == "" || len(r.Recipients) == 0 {
		return s.Bad(line, "the record must have id and recipient")
	}
	of.Account, of.Sender = tenant(string(r.Queue)), format.Address(string(r.Sender))
	for _, h := range r.Headers {
		if format.CustomHeader(h.Name) {
			of.Headers = append(of.Headers, upstream.Header{Name: h.Name, Value: h.Value})
		}
	}
	for i, recipient := range r.Recipients {
		of.Recipient, of.EmailID = format.Address(recipient), format.NthID(string(r.ID), i+1)
		if of.Recipient == "" {
			return s.Bad(line, "the record has an empty recipient")
		}
		if err := s.Record(line, of); err != nil {
			return err
		}
	}
	return nil
}

func firstTime(texts ...jsonfile.Text) (upstream.Time, bool) {
	for _, text := range texts {
		if t, ok := format.ParseTime(string(text), nil); ok {
			return t, true
		}
	}
	return 0, false
}

// tenant returns the tenant of a queue, which is named "campaign:tenant@domain" with what there is.
func tenant(queue string) string {
	queue, _, found := strings.Cut(queue, "@")
	if !found {
		return ""
	}
	if _, tenant, found := strings.Cut(queue, ":"); found {
		return tenant
	}
	return queue
}

// kebab writes a name such as QuotaIssues as quota-issues.
func kebab(name string) string {
	var b strings.Builder
	for i, c := range name {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('-')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}
