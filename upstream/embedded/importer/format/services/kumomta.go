package services

import (
	"cmp"
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
	object: readKumoMTA,
	named:  "type", time: "timestamp must be a time in Unix seconds", needs: "the record must have id and recipient",
	events: map[string]meaning{ // whatever the class is
		"Reception": taken, "Delivery": delivered, "Expiration": bounced(upstream.Soft, "message-expired"),
		"TransientFailure": skip("deferral"), "Delayed": skip("deferral"), "Rejection": skip("mail refused on arrival"),
		"Feedback": skip("complaint"), "AdminRebind": skip("move to another queue"),
		"DeferredInjectionRebind": skip("move to another queue"), "XferOut": skip("move to another server"),
		"XferIn": skip("move to another server"),
	},
}.format()

// kumoCategories are the categories of classes that have other names. If they are empty, what the server said decides.
var kumoCategories = map[string]string{
	"InvalidRecipient": "bad-mailbox", "DNSFailure": "bad-domain", "SpamBlock": "spam-related",
	"SpamContent": "spam-related", "RelayDenied": "relaying-issues",
	"ProhibitedAttachment": "content-related", "AuthenticationFailed": "policy-related", "Uncategorized": "",
	"TransientFailure": "", "": "",
}

func readKumoMTA(r *reader, o object) error {
	response := o.object("response")
	text := response.get("content")
	name, id, to := o.get("type"), o.get("id"), o.texts("recipient")
	all, shared := r.together.Get(id)
	if !shared {
		if all = to; len(to) > 1 {
			r.together.Put(id, to)
		}
	}
	_, received := r.accepted.Get(id) // by a single recipient, unless it is shared
	e := event{                       // since 2025.10 the times are also there in words
		at:       []string{o.get("timestamp"), o.get("event_time")},
		accepted: []string{o.get("created"), o.get("created_time")},
		account:  kumoTenant(o.get("queue")), sender: o.get("sender"), recipients: to, id: id,
		place:  func(recipient string, i int) int { return cmp.Or(placeAmong(all, recipient), i+1) },
		shared: len(all) > 1 || !received && name != "Reception",
	}
	enhanced := response.object("enhanced_code")
	class, subject, detail := enhanced.get("class"), enhanced.get("subject"), enhanced.get("detail")
	if class != "" && subject != "" && detail != "" {
		e.code = class + "." + subject + "." + detail
	}
	e.diagnostic = strings.TrimSpace(strings.TrimSpace(response.get("code")+" "+e.code) + " " + text)
	if e.code == "" {
		e.code = format.Code(text)
	}
	for _, h := range o.variables("headers") {
		e.custom(string(h.name), h.value())
	}
	reported := o.get("bounce_classification")
	category, mapped := kumoCategories[reported]
	if !mapped {
		category = kebab(reported)
	}
	switch name {
	case "Bounce", "OOB":
		return r.as(bounced("", category), e)
	case "AdminBounce": // an operator gave up
		return r.as(bounced(upstream.Soft, category), e)
	default:
		return r.take(name, e)
	}
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
