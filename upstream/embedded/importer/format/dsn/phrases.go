package dsn

import (
	"regexp"
	"strings"
)

// The tables in this file are the wordings of bounce messages that are not, or not only,
// delivery reports. Case is ignored.

// subjects matches subjects of bounce messages.
var subjects = phrases(
	`undeliver`, `non-?deliver`, `not delivered`, `not deliver`,
	`delivery (status|failure|failed|notification|report|problem|error|problems|unsuccessful|delay|has failed)`,
	`delivery to .* (failed|delayed)`, `failed delivery`, `permanent delivery`,
	`returned (mail|message|to sender|e-?mail)`, `returning message`, `return(ed)? to sender`,
	`failure (notice|notification)`, `mail(er)? (delivery|system error|failure|error|status)`,
	`(could not|couldn't|cannot|can't|unable to|was not|not) be? ?(deliver|send|sent)`, `unable to deliver`,
	`message (delayed|status|not sent|undeliverable|blocked|rejected|could not|delivery)`, `delayed mail`,
	`warning: (could not|message|delay)`, `user unknown`, `rejected`, `bounce`, `mail not accepted`,
	`(is|are) not (a )?member`, `loop (alert|back warning)`, `security alert`, `system error message`, `duplicated`,
	`blocked`, `error sending`, `postmaster notify`, `nondeliverable`,
	`notice: mail`, `mta-blocked`, `mailbox full`, `quota`, `failed`, `unzustellbar`, `nicht zugestellt`,
	`zustell`, `non remis`, `échec`, `remise`, `non livr`, `no (se )?entregad`, `no se puede entregar`,
	`devuelto`, `fallo`, `mancat[ao] recapito`, `impossibile recapitare`, `não (foi )?entreg`, `falha`,
	`onbestelbaar`, `niedostarcz`, `nie można`,
	`недостав`, `невозможно доставить`, `не доставлено`,
	`сообщение не`, `配信不能`, `配送`, `送信(エラー|失敗|できません)`, `届きません`, `エラー`,
	`退信`, `退件`, `无法投递`, `無法傳遞`, `投递失败`,
	`系统退信`, `未送达`, `반송`, `배달`, `실패`,
)

// senders matches senders of bounce messages.
var senders = phrases(
	`mailer.?daemon`, `post.?master`, `mail (delivery|administrator|deliver) ?(sub)?system`, `mail delivery`,
	`system administrator`, `^<>$`, `delivery (system|subsystem|service)`, `microsoft outlook`, `mail-?admin`,
	`bounce`, `no-?reply@(sns|.*amazon)`, `content-filter`,
)

// failures matches notices of bounce messages.
var failures = phrases(
	`(could|can|did|was|were|has|have) ?not (be |been )?(deliver|sen[dt]|reach)`, `undeliver`,
	`delivery (has )?fail`, `fail(ed|ure) (to|of) deliver`, `returned to (the )?sender`, `error message`,
	`(user|recipient|address|mailbox) .{0,40}(unknown|not found|full|invalid|rejected)`,
	`(unknown|invalid|no such) (user|recipient|address|mailbox)`, `"notificationtype\W+bounce`,
)

// delays matches notices that say that the server keeps trying.
var delays = phrases(
	`warning: (could not|message still)`, `delayed mail`, `delivery (is |has been )?delay`, `\(delay\)`,
	`notification: (delayed|warning)`, `message (is )?delayed`, `still being retried`,
	`this is a warning message only`, `this is a warning only`, `you do not need to re-?send`,
	`there is no need to resend`, `only a temporary failure report`, `action: delayed`, `has been delayed`,
	`will (be|continue to be) retried`, `will keep trying`, `(server|we) will (continue|keep) trying`,
	`delivery attempts will continue`, `no action is required on your part`, `message will be retried`,
	`not yet been delivered`, `still undelivered after`,
)

// cuts matches lines after which the returned message begins.
var cuts = phrases(
	`below (this line|is|the next line) .*(copy|header|message)`, `this is a copy of (the|your) message`,
	`(original|unsent|returned|undelivered) message( |-|=|$)?(follows|header|text|below|is attached|included|-|=|:|$)`,
	`(message|mail) headers? follow`, `headers? of (the|your) (original|message)`,
	`(copy|header|headers|text|beginning|part) of (the|your|this) (original )?(message|mail|e-?mail)`,
	`(enclosed|attached|included) is a copy`, `^-+ ?(original|unsent|returned|message text|message header)`,
	`original message:?$`, `start of (the )?(returned|original) message`, `start-of-message`,
	`^ *-{3,} *(returned|unsent|original|copy)`, `^original e-?mail`,
	`原文`, `исходное (сообщение|письмо)`,
	`ursprüngliche nachricht`, `message d'origine`,
)

// wrapper matches what Zoho puts before every reply of a server.
var wrapper = regexp.MustCompile(`^(?:Invalid Address|Error), ERROR_CODE :`)

// labels matches labels of a recipient's address.
var labels = regexp.MustCompile(`(?i)^[\s>*#-]*(?:` +
	`(?:failed |invalid |bad |unknown |original |final |intended |addressed )?` +
	`(?:recipients?|recipient address|addressee|address|user|e-?mail|delivery|rcpt|mailbox|destination)` +
	`(?: address| userid| e-?mail)?s?(?: not delivered to)?` +
	`|収信者|宛先|收件人|получатель|empfänger(?:adresse)?|destinataire|destinatario)\s*[:：]\s*$`)

// phrases compiles a table.
func phrases(alternatives ...string) *regexp.Regexp {
	return regexp.MustCompile(`(?i)` + strings.Join(alternatives, "|"))
}

// headerNames are the weights of the fields of a returned message's header. Fields of weight
// 2 do not occur in notices.
var headerNames = map[string]int{
	"received": 2, "return-path": 2, "message-id": 2, "mime-version": 2, "dkim-signature": 2, "delivered-to": 2,
	"references": 2, "x-mailer": 2, "in-reply-to": 2,
	"from": 1, "to": 1, "subject": 1, "date": 1, "cc": 1, "sender": 1, "reply-to": 1,
}
