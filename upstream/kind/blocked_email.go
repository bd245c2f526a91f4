package kind

// BlockedEmail describes rows of GET /blocked-emails.
var BlockedEmail = Kind{
	Type: "BlockedEmail", Name: "blocked_email", Words: "blocked emails", Node: 'K',
	Doc:  "a row of GET /blocked-emails: an email that was not sent because its recipient is suppressed.",
	List: "/blocked-emails", Counts: "/blocked-email/counts", Count: "blocked_email_count", Time: "process_time",
	Catalogue: "/blocked-email/reasons", Codes: "the reasons for blocking", Descriptions: reasons,
	Fields: common(postbackTime, Field{
		Name: "Reason", REST: "blocked_reason", GraphQL: "reason", Filter: "blocked_reason", Catalogue: true,
		Column: "reason", Presence: Imported, Example: `"unsubscribe"`, Doc: "an open set: see API.BlockedReasons",
	}),
	Example: "email_address postback_time user_id xheaders domain email_id process_time sender_id blocked_reason local",
}

// reasons describes the documented reasons for blocking. The set is open.
var reasons = map[string]string{
	"complaint":   "The recipient is suppressed due to a previous complaint.",
	"hardbounce":  "The recipient is suppressed due to a previous hard bounce.",
	"manual":      "The recipient was added to the suppression list by hand.",
	"softbounce":  "The recipient is suppressed due to several soft bounces.",
	"unsubscribe": "The recipient is suppressed due to an unsubscribe request.",
}
