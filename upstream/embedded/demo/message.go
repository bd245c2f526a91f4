package demo

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"os"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// explain adds to a bounce what GET /bounce/… also returns: the diagnostic, the rule's name
// and the message. Lines end in "\n", as in the document's example.
func explain(b *store.Event, r *rule, s *sender, topic string) {
	local, host, _ := strings.Cut(s.address, "@")
	mta, queue := mailer(b.EmailID)
	values := map[string]string{
		"recipient": b.Recipient, "domain": b.Domain, "mx": "mx." + b.Domain,
		"ip":     address("198.51.100.", uint64(hash(b.Domain))),
		"sender": s.address, "senderhost": host, "mta": mta, "mtaip": address("192.0.2.", uint64(hash(mta))),
		"verp":  "bounces+" + local + "=" + b.Local + "=" + b.Domain + "@bounce." + host,
		"queue": queue, "boundary": fmt.Sprintf("%s.%d/%s", queue, b.Time, mta), "code": b.Code,
		"id":      fmt.Sprintf("<%x.%s@%s>", hash(b.EmailID), queue, host),
		"subject": cmp.Or(topic, "Notice"), "xheaders": lines(b.XHeaders),
		"bounced": date(b.Time), "sent": date(b.ProcessTime),
	}
	fill := func(template string) string {
		return os.Expand(template, func(name string) string {
			value, known := values[name]
			if !known {
				panic("demo: a template has the unknown field " + name)
			}
			return value
		})
	}
	b.RuleName, b.DiagnosticCode = r.name, fill(r.answer)
	values["diagnostic"], values["answer"] = b.DiagnosticCode, strings.TrimPrefix(b.DiagnosticCode, "smtp;")
	report := remoteReport
	if r.own {
		report = ownReport
	}
	b.FullContent = fill(report)
}

// mailer returns the sending host of an email id and a queue id made from it.
func mailer(emailID string) (host, queue string) {
	id, host, _ := strings.Cut(emailID, "@")
	return host + ".mailer.example", fmt.Sprintf("4%08X", hash(id))
}

func hash(s string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(s))
	return h.Sum32()
}

// address returns an address in a network reserved for examples (RFC 5737).
func address(network string, n uint64) string { return fmt.Sprint(network, 1+n%254) }

func date(t upstream.Time) string { return t.UTC().Format(time.RFC1123Z) }

func lines(headers []upstream.Header) string {
	var b strings.Builder
	for _, h := range headers {
		b.WriteString(h.Name + ": " + h.Value + "\n")
	}
	return b.String()
}

// The parts that all reports share (RFC 3464): the headers of the report, the delivery
// status and the headers of the undelivered email.
const (
	arrival = `Return-Path: <>
X-Original-To: ${verp}
Delivered-To: ${verp}
`
	reportHeaders = `Date: ${bounced}
To: ${verp}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
	boundary="${boundary}"
`
	original = `
--${boundary}
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

Return-Path: <${verp}>
Received: from relay.${senderhost} (relay.${senderhost} [203.0.113.25])
	by ${mta} with ESMTPA id ${queue}
	for <${recipient}>; ${sent}
Date: ${sent}
From: ${sender}
To: ${recipient}
Subject: ${subject}
Message-ID: ${id}
List-Unsubscribe: <https://${senderhost}/unsubscribe>
${xheaders}MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

--${boundary}--
`
	status = `
--${boundary}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; ${mta}
X-Queue-ID: ${queue}
X-Sender: rfc822; ${verp}
Arrival-Date: ${sent}

Final-Recipient: rfc822; ${recipient}
Original-Recipient: rfc822;${recipient}
Action: failed
Status: ${code}
`
)

// ownReport is the report of the sending server, which runs Postfix, for mail that no other server accepted.
const ownReport = arrival + `Received: by ${mta}
	id ${queue}; ${bounced}
From: MAILER-DAEMON@${mta} (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
Message-Id: <${queue}.R@${mta}>
` + reportHeaders + `
This is a MIME-encapsulated message.

--${boundary}
Content-Description: Notification
Content-Type: text/plain; charset=utf-8

This is the mail system at host ${mta}.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

For further assistance, please send mail to postmaster.

<${recipient}>: ${answer}
` + status + `Diagnostic-Code: ${diagnostic}
` + original

// remoteReport is the report of the recipient's server, which runs Exim and refused the mail.
const remoteReport = arrival + `Received: from ${mx} ([${ip}] helo=${mx})
	by bounce.${senderhost} with esmtps (TLS1.3) tls TLS_AES_256_GCM_SHA384
	id ${queue} for ${verp}; ${bounced}
From: Mail Delivery System <Mailer-Daemon@${mx}>
Subject: Mail delivery failed: returning message to sender
Message-Id: <E${queue}@${mx}>
X-Failed-Recipients: ${recipient}
` + reportHeaders + `
--${boundary}
Content-Type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. The following address(es) failed:

  ${recipient}
    host ${mx} [${ip}]
    SMTP error from remote mail server after RCPT TO:<${recipient}>:
    ${answer}
` + status + `Remote-MTA: dns; ${mx}
Diagnostic-Code: ${diagnostic}
` + original
