// Package classify sorts bounces into the categories of the metrics API. The rules are
// data: the embedded rules.txt and, optionally, a file that the operator writes.
//
// A rule lists phrases that mail servers use, or enhanced status codes, or both. A text
// is split into words, and each word is the start of only a few phrases, so the cost
// hardly grows with the number of rules.
//
// Where text and code disagree, the more specific one wins, in this order: words of the
// diagnostic, a specific code, words of the notice that people read, and last the rules
// marked as weak, such as "mailbox unavailable" or 5.7.1. Within a step, the rule that
// comes first in the file wins.
//
// A file of rules looks like the header of a mail, a form that mail administrators know.
// Nothing in it needs quotes, whereas most server replies would in YAML, and errors name
// the line.
//
// Start reading at [Rules.Classify]. The top of rules.txt explains the form of the file,
// read.go reads it, and phrase.go reads a phrase.
package classify
