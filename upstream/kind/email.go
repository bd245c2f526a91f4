package kind

// Email describes rows of GET /emails.
var Email = Kind{
	Type: "Email", Name: "email", Words: "emails", Node: 'E',
	Doc:  "a row of GET /emails: an email to one recipient, delivered or not.",
	List: "/emails", Counts: "/email/counts", Count: "sent_count", Time: "process_time",
	Fields: common(Field{
		Name: "Delivered", REST: "delivered", GraphQL: "delivered", Filter: "delivered", Argument: "deliveredOnly",
		Type: Flag, Presence: Required, Doc: "false if it bounced or was blocked",
	}),
	Example: "email_address domain user_id xheaders delivered email_id process_time sender_id local",
}
