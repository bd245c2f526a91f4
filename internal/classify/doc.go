// Package classify sorts bounces into the categories of the metrics API, by rules
// that are data: rules.txt, which is embedded, and a file of the operator's own.
//
// A rule names words that mail servers use, or enhanced status codes, or both. Its
// text is cut into words, and compared with the phrases of all rules at once, so the
// cost hardly grows with their number.
//
// Where text and code disagree, the more specific one wins. In this order: words of the
// diagnostic, a code that says something, words of the notice that a person reads, and
// then what the rules themselves call weak, such as "mailbox unavailable" or 5.7.1.
// Within a step, the rule that stands first in the file wins.
//
// The file has the form of a mail's header, which those who write rules read every day:
// nothing in it needs quotes, as most of what servers say would in YAML, and a mistake is
// told with its line.
//
// Start reading at [Rules.Classify]. The form of the file is explained at its top, and
// read in read.go; a phrase in pattern.go.
package classify
