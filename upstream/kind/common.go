package kind

import "slices"

// common returns the fields of rows of every kind, followed by others.
func common(others ...Field) []Field { return append(slices.Clone(Shared), others...) }

// Shared are the fields of rows of every kind.
var Shared = []Field{
	{
		Name: "UserID", REST: "user_id", GraphQL: "userId", Filter: "user_id", Counted: true, Type: ID,
		Presence: Required, Example: "21",
	},
	{
		Name: "SenderID", REST: "sender_id", GraphQL: "senderId", Filter: "sender_id", Counted: true, Type: ID,
		Presence: Required, Example: "17",
	},
	{
		Name: "EmailID", REST: "email_id", GraphQL: "emailId", Presence: Required,
		Example: `"20161122000000.125874958762@mail6-40-ussnn1"`,
		Doc:     "begins with its process time, as YYYYMMDDhhmmss in UTC",
	},
	{
		Name: "EmailAddress", REST: "email_address", GraphQL: "recipient", Filter: "recipient", Type: Address,
		Example: `"recipient1@example.com"`, Doc: "the recipient",
	},
	{
		Name: "Local", REST: "local", GraphQL: "localPart", Filter: "local", Example: `"recipient1"`,
		Doc: "the recipient's local part",
	},
	{
		Name: "Domain", REST: "domain", GraphQL: "domain", Filter: "domain", Example: `"example.com"`,
		Doc: "the recipient's domain",
	},
	{
		Name: "ProcessTime", REST: "process_time", GraphQL: "processedAt", Type: Time, Presence: Imported,
		Example: "1479772800", Doc: "when the email was processed",
	},
	{
		Name: "XHeaders", REST: "xheaders", GraphQL: "xHeaders", Type: Headers,
		Example: `{"X-CampaignMaster11": "Notification"}`, Doc: "the email's custom headers, in the order sent",
	},
}

// postbackTime is the field of bounces and blocked emails.
var postbackTime = Field{
	Name: "PostbackTime", REST: "postback_time", GraphQL: "postbackAt", Type: Time, Nullable: true,
	Example: "1479772800, or 0 for none", Doc: "when a postback was sent; 0 means never",
}
