package demo

import (
	"cmp"
	"math/rand/v2"

	"deliverygraph/upstream"
)

// rule is one way for an email to bounce: the service's rule and an answer that it
// matches.
type rule struct {
	name     string // regex_name
	category string
	kind     upstream.BounceType
	code     string
	weight   int    // frequency among the rules of its type
	own      bool   // the sending server generates the answer, since no other server gave one
	wait     wait   // default atOnce
	answer   string // the diagnostic, with ${recipient}, ${domain}, ${mx}, ${ip} and ${sender}
}

// wait is the time in seconds between an email and its bounce.
type wait struct{ least, most int }

// The waits: refused at once, after some retries, or after the last retry.
var (
	atOnce  = wait{1, 40}
	retried = wait{300, 5400}
	givenUp = wait{4 * 3600, 11 * 3600}
)

// rules covers every category of GET /bounce/categories. As in the service, type and
// category follow from the rule, not from the code's first digit. The names are those
// of internal/classify, except where that classifies the answer differently.
var rules = []*rule{
	{name: "badmailbox01", category: "bad-mailbox", kind: upstream.Hard, code: "5.1.1", weight: 30,
		answer: "smtp;550 5.1.1 <${recipient}>: Recipient address rejected: User unknown in virtual " +
			"mailbox table"},
	{name: "badmailbox01", category: "bad-mailbox", kind: upstream.Hard, code: "5.1.1", weight: 26,
		answer: "smtp;550 5.1.1 The email account that you tried to reach does not exist: ${recipient}"},
	{name: "badmailbox01", category: "bad-mailbox", kind: upstream.Hard, code: "5.1.10", weight: 12,
		answer: "smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient ${recipient} " +
			"not found by SMTP address lookup"},
	{name: "inactivemailbox01", category: "inactive-mailbox", kind: upstream.Hard, code: "5.2.1", weight: 11,
		answer: "smtp;550 5.2.1 <${recipient}>: The email account that you tried to reach is disabled"},
	{name: "inactivemailbox01", category: "inactive-mailbox", kind: upstream.Hard, code: "5.2.1", weight: 5,
		answer: "smtp;554 5.2.1 delivery error: this mailbox has not been used for a long time: ${recipient}"},
	{name: "baddomain02", category: "bad-domain", kind: upstream.Hard, code: "5.1.2", weight: 10, own: true,
		answer: "smtp;550 5.1.2 <${recipient}>: Host or domain name not found. " +
			"Name service error for name=${domain} type=MX: Host not found"},
	{name: "baddomain02", category: "bad-domain", kind: upstream.Hard, code: "5.4.4", weight: 6, own: true,
		answer: "smtp;554 5.4.4 unable to look up host ${domain}: no such domain"},

	{name: "quotaissues01", category: "quota-issues", kind: upstream.Soft, code: "5.2.2", weight: 18,
		answer: "smtp;552 5.2.2 <${recipient}>: Recipient address rejected: Over quota"},
	{name: "quotaissues01", category: "quota-issues", kind: upstream.Soft, code: "4.2.2", weight: 9, wait: retried,
		answer: "smtp;452 4.2.2 The recipient's inbox is out of storage space: ${recipient}"},
	{name: "policyrelated10", category: "policy-related", kind: upstream.Soft, code: "5.7.1", weight: 12,
		answer: "smtp;550 5.7.1 Message rejected due to local policy: ${mx} does not accept mail from ${ip}"},
	{name: "policyrelated07", category: "policy-related", kind: upstream.Soft, code: "4.7.0", weight: 7, wait: retried,
		answer: "smtp;421 4.7.0 Our system has detected an unusual rate of mail from ${ip}. " +
			"It has been temporarily rate limited"},
	{name: "spamrelated02", category: "spam-related", kind: upstream.Soft, code: "5.7.1", weight: 9,
		answer: "smtp;554 5.7.1 Message for <${recipient}> scored as spam and was not accepted"},
	{name: "contentrelated01", category: "content-related", kind: upstream.Soft, code: "5.3.4", weight: 3,
		answer: "smtp;552 5.3.4 Message size exceeds fixed limit of ${mx}"},
	{name: "contentrelated04", category: "content-related", kind: upstream.Soft, code: "5.6.0", weight: 3,
		answer: "smtp;554 5.6.0 Message contains a link that is not allowed here"},
	{name: "messageexpired01", category: "message-expired", kind: upstream.Soft, code: "4.4.7", weight: 8, own: true,
		wait: givenUp,
		answer: "smtp;421 4.4.7 <${recipient}>: delivery time expired, " +
			"message has been in the queue for too long"},
	{name: "noanswerfromhost01", category: "no-answer-from-host", kind: upstream.Soft, code: "4.4.1", weight: 8,
		own: true, wait: retried,
		answer: "smtp;451 4.4.1 connect to ${mx}[${ip}]:25: Connection timed out"},
	{name: "badconnection01", category: "bad-connection", kind: upstream.Soft, code: "4.4.2", weight: 5, own: true,
		wait:   retried,
		answer: "smtp;421 4.4.2 lost connection with ${mx}[${ip}] while sending RCPT TO"},
	{name: "badconfiguration01", category: "bad-configuration", kind: upstream.Soft, code: "4.3.5", weight: 3,
		wait:   retried,
		answer: "smtp;451 4.3.5 Server configuration error at ${mx}"},
	{name: "invalidsender01", category: "invalid-sender", kind: upstream.Soft, code: "5.1.8", weight: 4,
		answer: "smtp;553 5.1.8 <${sender}>: Sender address rejected by this domain"},
	{name: "protocolerrors01", category: "protocol-errors", kind: upstream.Soft, code: "5.5.1", weight: 3,
		answer: "smtp;503 5.5.1 Bad sequence of commands: need RCPT command first"},
	{name: "relayingissues01", category: "relaying-issues", kind: upstream.Soft, code: "5.7.1", weight: 3,
		answer: "smtp;550 5.7.1 <${recipient}>: Relay access denied"},
	{name: "routingerrors01", category: "routing-errors", kind: upstream.Soft, code: "5.4.6", weight: 3, own: true,
		wait:   retried,
		answer: "smtp;554 5.4.6 Too many hops: mail for ${domain} loops back to ${mx}"},
	{name: "virusrelated01", category: "virus-related", kind: upstream.Soft, code: "5.7.1", weight: 2,
		answer: "smtp;554 5.7.1 Message refused: an attachment was found to carry a virus"},
	{name: "other01", category: "other", kind: upstream.Soft, code: "5.0.0", weight: 3,
		answer: "smtp;554 5.0.0 Transaction failed at ${mx}"},
	{name: "unclassified00", category: "unclassified", kind: upstream.Soft, code: "4.0.0", weight: 3, wait: retried,
		answer: "smtp;450 4.0.0 Not now: ${recipient}"},
}

// The rules that are not chosen at random.
var (
	refusedByPolicy = ruleNamed("policyrelated10")
	noSuchMailbox   = ruleNamed("badmailbox01")
	mailboxFull     = ruleNamed("quotaissues01")
)

func ruleNamed(name string) *rule {
	for _, r := range rules {
		if r.name == name {
			return r
		}
	}
	panic("demo: no rule " + name)
}

// hardRules and softRules have each rule repeated by its weight.
var hardRules, softRules = byType(upstream.Hard), byType(upstream.Soft)

func byType(t upstream.BounceType) []*rule {
	var l []*rule
	for _, r := range rules {
		for range r.weight {
			if r.kind == t {
				l = append(l, r)
			}
		}
	}
	return l
}

// seconds returns a random wait. Short waits are the most likely.
func (w wait) seconds(r *rand.Rand) upstream.Time {
	w = cmp.Or(w, atOnce)
	u := r.Float64()
	return upstream.Time(w.least) + upstream.Time(u*u*float64(w.most-w.least))
}
