// Package dsn reads bounce mails: delivery reports (RFC 3464), and notices that servers
// write for people, by tables of common wordings. A file holds one mail, as in a Maildir,
// or is an mbox.
//
// Many bounce mails are damaged, so none is rejected for its form. The library go-message
// parses MIME; what it cannot parse is read as text. Mails that are not bounces are skipped
// with a reason: complaints, read receipts, delay notices, automatic replies and others.
//
// Start reading at [Parse]. format.go turns mails into records.
package dsn
