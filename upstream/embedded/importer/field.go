package importer

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// kinds is a set of kinds of row.
type kinds uint8

const (
	sender kinds = 1 << iota
	email
	bounce
	blocked
)

const (
	events = email | bounce | blocked
	all    = sender | events
)

type kindName struct {
	name   string
	kind   kinds
	phrase string
}

// kindNames are the values of the field "kind".
var kindNames = [...]kindName{
	{"email", email, "an email"},
	{"bounce", bounce, "a bounce"},
	{"blocked_email", blocked, "a blocked email"},
	{"sender", sender, "a sender"},
}

// phrase is the set in words, such as "a bounce or a blocked email".
func (k kinds) phrase() string {
	var l []string
	for _, n := range kindNames {
		if k&n.kind != 0 {
			l = append(l, n.phrase)
		}
	}
	return strings.Join(l, " or ")
}

// form is what a field's value must be.
type form struct {
	begins string // the bytes that such a value begins with
	phrase string
}

var (
	id         = form{"0123456789-", "a positive whole number"}
	moment     = form{"0123456789-", "a time in Unix seconds, more than 0"}
	text       = form{`"`, "a string"}
	address    = form{`"`, "an address"}
	bounceType = form{`"`, `"hard" or "soft"`}
	flag       = form{"tf", "true or false"}
	headers    = form{"{[", "an object of strings, or null"}
)

// field is a field of the format: FORMAT.md has the same table.
type field struct {
	name     string
	form     form
	in       kinds // the rows that may have it
	required kinds // the rows that must
	example  string
}

// want is what the field's value must be, with an example.
func (f *field) want() string {
	if f.example == "" {
		return f.form.phrase
	}
	return f.form.phrase + ", such as " + f.example
}

// The fields. Their order is that of problems told where there are several.
var fields = [...]field{
	{"kind", text, all, all, `"bounce"`},
	{"user_id", id, all, all, "21"},
	{"sender_id", id, all, all, "17"},
	{"sender", address, sender, sender, `"news@example.com"`},
	{"email_id", text, events, events, `"20161122000000.125874958762@mail6-40-ussnn1"`},
	{"email_address", address, events, 0, `"recipient1@example.com"`},
	{"local", text, events, 0, `"recipient1"`},
	{"domain", text, events, 0, `"example.com"`},
	{"process_time", moment, events, events, "1479772800"},
	{"xheaders", headers, events, 0, `{"X-CampaignMaster11": "Notification"}`},
	{"delivered", flag, email, email, ""},
	{"bounce_time", moment, bounce, bounce, "1479772800"},
	{"bounce_type", bounceType, bounce, bounce, ""},
	{"bounce_category", text, bounce, bounce, `"bad-mailbox"`},
	{"bounce_code", text, bounce, 0, `"5.1.1"`},
	{"postback_time", moment, bounce | blocked, 0, "1479772800, or 0 for none"},
	{"diagnostic_code", text, bounce, 0, `"smtp;550 5.1.1 User unknown"`},
	{"regex_name", text, bounce, 0, `"badmailbox03"`},
	{"full_content", text, bounce, 0, ""},
	{"blocked_reason", text, blocked, blocked, `"unsubscribe"`},
}

// fieldIndex finds a field by its name.
var fieldIndex = func() map[string]int {
	m := map[string]int{}
	for i, f := range fields {
		m[f.name] = i
	}
	return m
}()

func unknownField(name string) string {
	var names []string
	for _, f := range fields {
		names = append(names, f.name)
	}
	return fmt.Sprintf("unknown field %q%s", clip(name), didYouMean(name, names))
}

func unknownKind(name string) string {
	var names []string
	for _, k := range kindNames {
		names = append(names, k.name)
	}
	return fmt.Sprintf("unknown kind %q%s (kinds are %s)", clip(name), didYouMean(name, names), strings.Join(names, ", "))
}

// didYouMean is a question for the likeliest of names, if one is near at all.
func didYouMean(name string, names []string) string {
	if len(name) > 64 {
		return ""
	}
	distance := func(s string) int { return levenshtein.ComputeDistance(strings.ToLower(name), s) }
	nearest := slices.MinFunc(names, func(a, b string) int { return distance(a) - distance(b) })
	if distance(nearest) > max(2, len(name)/2) {
		return ""
	}
	return fmt.Sprintf(": did you mean %q?", nearest)
}

// clip shortens what a message quotes of a file.
func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

// jsonType is what a JSON text is, by how it begins.
func jsonType(value []byte) string {
	switch value[0] {
	case '"':
		return "a string"
	case '{':
		return "an object"
	case '[':
		return "an array"
	case 't', 'f':
		return "true or false"
	case 'n':
		return "null"
	}
	return "a number"
}
