package fault

import (
	"encoding/json"
	"slices"
)

// Fields are the fields of the API that callers read. "data" is that of the envelope,
// and "a code" is an element of a catalogue.
var Fields = []string{
	"data", "a code",
	"user_id", "sender_id", "sender", "email_id", "email_address", "local", "domain", "xheaders",
	"process_time", "bounce_time", "postback_time", "timestamp",
	"bounce_type", "bounce_code", "bounce_category", "blocked_reason", "delivered",
	"diagnostic_code", "regex_name", "full_content",
	"sent_count", "bounce_count", "soft_bounce_count", "hard_bounce_count", "blocked_email_count",
}

// typeFaults returns, for each field, a fault that gives the field a value of another
// JSON type in the last row that has it.
func typeFaults() []Fault {
	var all []Fault
	for _, field := range Fields {
		all = append(all, Fault{Name: "wrong type of " + field, Wrap: changed(func(a *answer) { a.mistype(field) })})
	}
	return all
}

func (a *answer) mistype(field string) {
	switch field {
	case "data":
		a.setData(7)
	case "a code":
		if rows := a.rows(); len(rows) > 0 && rows[0][0] == '"' {
			rows[len(rows)-1] = otherType(rows[0])
			a.setData(rows)
		}
	default:
		a.changeRecords(func(records []object) {
			for _, r := range slices.Backward(records) {
				if v, ok := r[field]; ok {
					r[field] = otherType(v)
					return
				}
			}
		})
	}
}

// otherType returns a value of another type than v: a string for a number, and a number for anything else.
func otherType(v json.RawMessage) json.RawMessage {
	if isNumber(v) {
		return json.RawMessage(`"seven"`)
	}
	return json.RawMessage("7")
}

func isNumber(v json.RawMessage) bool { return v[0] == '-' || v[0] >= '0' && v[0] <= '9' }
