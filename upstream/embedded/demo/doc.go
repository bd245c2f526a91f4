// Package demo makes the data that the gateway shows when it is given none: 90
// days of email up to now, of six accounts and 24 senders, with bounces, blocked
// emails and full bounce messages that hang together as the service's do. A
// recipient who bounced hard is blocked afterwards, and so is one who bounced
// softly three times with one code within 24 hours; each account has a
// suppression list of its own; every bounce and every blocked email has its email,
// which was not delivered.
//
// The data is a function of the time alone. Starts within one hour make the same
// rows, the later start more of them; an email whose bounce lies in the future is
// undelivered and has no bounce yet. Two incidents are hidden in it: see
// [Incidents]. All addresses lie in domains reserved for examples (RFC 2606).
//
// Start reading at [Generate]. What is made is in tables: accounts and senders in
// account.go, the rules that bounces match in rule.go, the texts in message.go.
package demo
