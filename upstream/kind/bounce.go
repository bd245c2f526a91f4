package kind

// Bounce describes rows of GET /bounces, and their details.
var Bounce = Kind{
	Type: "Bounce", Name: "bounce", Words: "bounces", Node: 'B',
	Doc:  "a row of GET /bounces: an email that bounced.",
	List: "/bounces", Counts: "/bounce/counts", Count: "bounce_count", Time: "bounce_time",
	Catalogue: "/bounce/categories", Codes: "the bounce categories", Descriptions: categories,
	Fields: common(
		Field{
			Name: "BounceTime", REST: "bounce_time", GraphQL: "bouncedAt", Type: Time, Presence: Required,
			Example: "1479772800", Doc: "when it bounced; lists are filtered and sorted by it",
		},
		Field{
			Name: "Type", REST: "bounce_type", GraphQL: "type", Filter: "bounce_type", Column: "type", Counted: true,
			Type: BounceType, Presence: Imported, Doc: "set by the matching rule, not by the code's first digit",
		},
		Field{
			Name: "Category", REST: "bounce_category", GraphQL: "category", Filter: "bounce_category", Catalogue: true,
			Column: "category", Presence: Imported, Example: `"bad-mailbox"`,
			Doc: "an open set: see API.BounceCategories",
		},
		Field{
			Name: "Code", REST: "bounce_code", GraphQL: "code", Column: "code", Example: `"5.1.1"`,
			Doc: `enhanced status code (RFC 3463), such as "5.1.1"`,
		},
		postbackTime,
		Field{
			Name: "DiagnosticCode", REST: "diagnostic_code", Detail: true, Content: true, Column: "diagnostic",
			Pattern: true, Example: `"smtp;550 5.1.1 User unknown"`, Doc: "the receiving server's response",
		},
		Field{
			Name: "RuleName", REST: "regex_name", Detail: true, Column: "rule", Example: `"badmailbox03"`,
			Doc: "the matching rule; regex_name in the API",
		},
		Field{
			Name: "FullContent", REST: "full_content", Detail: true, Content: true, Column: "content", Apart: true,
			Doc: "the bounce message as received, including its headers",
		},
	),
	Example: "domain bounce_category email_id postback_time bounce_time sender_id bounce_type email_address user_id " +
		"xheaders bounce_code process_time local",
	DetailExample: "domain bounce_category xheaders bounce_code email_id process_time sender_id local bounce_type " +
		"full_content bounce_time diagnostic_code user_id regex_name email_address postback_time",
}

// categories describes the documented bounce categories. The set is open: categories in use may be missing here.
//
// The document describes content-related twice, the second time mentioning the message size; both are combined here.
// inactive-mailbox and blockedcontent are described among the parameter's values.
var categories = map[string]string{
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
