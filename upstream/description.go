package upstream

// Descriptions returns the descriptions of the documented codes of the kind's catalogue, by code. It returns nil if the
// kind has no catalogue.
func (k Kind) Descriptions() map[string]string {
	switch k {
	case Bounces:
		return CategoryDescriptions
	case BlockedEmails:
		return ReasonDescriptions
	}
	return nil
}

// CategoryDescriptions describes the documented bounce categories by code. The set is open: categories in use may be
// missing here.
//
// The document describes content-related twice, the second time mentioning the message size; both are combined here.
// inactive-mailbox and blockedcontent are described among the parameter's values.
var CategoryDescriptions = map[string]string{
	"bad-configuration": "A configuration problem at the receiving email provider caused delivery to fail.",
	"bad-connection":    "A connection could not be made to the receiving server.",
	"bad-domain":        "The recipient domain was not recognized.",
	"bad-mailbox":       "The recipient does not exist.",
	"blockedcontent":    "The receiving email provider classified the content as spam.",
	"content-related": "The receiving email provider classified the content as spam, " +
		"or the message exceeds its size limit, or has another content-related issue.",
	"inactive-mailbox":    "The recipient mailbox is inactive or has been disabled.",
	"invalid-sender":      "The sender was recognized as invalid.",
	"message-expired":     "The email exceeded its expiration date.",
	"no-answer-from-host": "There was no response from the receiving email provider.",
	"other":               "The email was not delivered for a reason other than the common classifications.",
	"policy-related":      "The receiving email provider refused the email by its policy.",
	"protocol-errors":     "There were protocol errors in communication with the receiving email provider.",
	"quota-issues":        "The recipient mailbox is full or its quota has been exceeded.",
	"relaying-issues":     "There was an error in transmission between the sending service and the email provider.",
	"routing-errors":      "The email was not delivered due to errors in routing to the receiving email provider.",
	"spam-related":        "The receiving email provider classified the email as spam.",
	"unclassified":        "The bounce could not be classified.",
	"virus-related":       "The receiving email provider detected a virus within the email.",
}

// ReasonDescriptions describes the documented reasons for blocking by code. The set is open.
var ReasonDescriptions = map[string]string{
	"complaint":   "The recipient is suppressed due to a previous complaint.",
	"hardbounce":  "The recipient is suppressed due to a previous hard bounce.",
	"manual":      "The recipient was added to the suppression list by hand.",
	"softbounce":  "The recipient is suppressed due to several soft bounces.",
	"unsubscribe": "The recipient is suppressed due to an unsubscribe request.",
}
