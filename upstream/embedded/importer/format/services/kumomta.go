package services

import (
	"strings"
	"unicode"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

// KumoMTA is the log of KumoMTA: a JSON object a line, by its own template.
var KumoMTA = service{
	name: "kumomta", about: "KumoMTA logs",
	recognise: func(first beginning, _ []byte) bool {
		return first["type"] != "" && first.has("response", "bounce_classification")
	},
	object: objects((*kumoRecord).read),
	named:  "type", time: "timestamp must be a time in Unix seconds", needs: "the record must have id and recipient",
	events: map[string]meaning{ // whatever the class is
		"Reception": taken, "Delivery": delivered, "Expiration": bounced(upstream.Soft, "message-expired"),
		"TransientFailure": skip("deferral"), "Delayed": skip("deferral"), "Rejection": skip("mail refused on arrival"),
		"Feedback": skip("complaint"), "AdminRebind": skip("move to another queue"),
		"DeferredInjectionRebind": skip("move to another queue"), "XferOut": skip("move to another server"),
		"XferIn": skip("move to another server"),
	},
}.format()

// kumoRecord is a line of the log.
type kumoRecord struct {
	Type       string   `json:"type"`
	ID         string   `json:"id"`
	Sender     string   `json:"sender"`
	Recipients []string `json:"recipient"`
	Queue      string   `json:"queue"`
	Created    string   `json:"created"`
	Time       string   `json:"timestamp"`
	// Since 2025.10 the times are also there in words.
	CreatedTime string `json:"created_time"`
	EventTime   string `json:"event_time"`
	Class       string `json:"bounce_classification"`
	Response    struct {
		Code     string `json:"code"`
		Enhanced struct {
			Class   string `json:"class"`
			Subject string `json:"subject"`
			Detail  string `json:"detail"`
		} `json:"enhanced_code"`
		Content string `json:"content"`
	} `json:"response"`
	Headers members `json:"headers"`
}

// kumoCategories are the categories of classes that have other names. If they are empty, what the server said decides.
var kumoCategories = map[string]string{
	"InvalidRecipient": "bad-mailbox", "DNSFailure": "bad-domain", "SpamBlock": "spam-related",
	"SpamContent": "spam-related", "RelayDenied": "relaying-issues",
	"ProhibitedAttachment": "content-related", "AuthenticationFailed": "policy-related", "Uncategorized": "",
	"TransientFailure": "", "": "",
}

func (k *kumoRecord) read(r *reader) error {
	e := event{
		at: []string{k.Time, k.EventTime}, accepted: []string{k.Created, k.CreatedTime}, account: kumoTenant(k.Queue),
		sender: k.Sender, recipients: k.Recipients, id: k.ID, place: func(_ string, i int) int { return i + 1 },
	}
	if c := k.Response.Enhanced; c.Class != "" && c.Subject != "" && c.Detail != "" {
		e.code = c.Class + "." + c.Subject + "." + c.Detail
	}
	e.diagnostic = strings.TrimSpace(strings.TrimSpace(k.Response.Code+" "+e.code) + " " + k.Response.Content)
	if e.code == "" {
		e.code = format.Code(k.Response.Content)
	}
	for _, h := range k.Headers {
		e.custom(h.name, h.value)
	}
	category, known := kumoCategories[k.Class]
	if !known {
		category = kebab(k.Class)
	}
	switch k.Type {
	case "Bounce", "OOB":
		return r.as(bounced("", category), e)
	case "AdminBounce": // an operator gave up
		return r.as(bounced(upstream.Soft, category), e)
	}
	return r.take(k.Type, e)
}

// kumoTenant returns the tenant of a queue, which is named "campaign:tenant@domain" with what there is.
func kumoTenant(queue string) string {
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
