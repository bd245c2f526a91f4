// Package demo generates the data that the gateway serves if it has no other: 90 days
// of email up to now, from six accounts with 24 senders, with bounces, blocked emails
// and full bounce messages. The data is consistent, as the service's is. Recipients are
// blocked after a hard bounce, or after three soft bounces with the same code within 24
// hours. Each account has its own suppression list. Every bounce and every blocked email
// has an email that was not delivered.
//
// The data depends only on the time. Two runs within the same hour generate the same
// rows, except that the later one generates more. An email whose bounce lies in the
// future is undelivered and has no bounce yet. The data contains two incidents: see
// [Incidents]. All addresses are in domains reserved for examples (RFC 2606).
//
// Start reading at [Generate]. Tables define the content: accounts and senders in
// account.go, bounce rules in rule.go, texts in message.go.
package demo
