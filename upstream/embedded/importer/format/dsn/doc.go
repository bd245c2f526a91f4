// Package dsn reads bounce mails: delivery reports by RFC 3464, and those that servers
// word for people, by tables of how they do that. A file is a mail, as in a Maildir, or
// an mbox of any number of them.
//
// Mails are read as they come, and most that bounce are damaged somewhere, so nothing
// is refused for its form: the library go-message takes MIME apart, and what it cannot
// take apart is read as text. What makes no bounce is skipped with a reason: complaints,
// receipts, notices of delay, automatic replies, and any other mail.
//
// Start reading at [Parse]; mails become records in format.go.
package dsn
