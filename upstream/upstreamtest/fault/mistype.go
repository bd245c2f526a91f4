package fault

import "encoding/json"

// Fields are the fields of the API whose values a caller reads. "data" is the
// envelope's, and "a code" an element of a catalogue.
var Fields = []string{
	"data", "a code",
	"user_id", "sender_id", "sender", "email_id", "email_address", "local", "domain", "xheaders",
	"process_time", "bounce_time", "postback_time", "timestamp",
	"bounce_type", "bounce_code", "bounce_category", "blocked_reason", "delivered",
	"diagnostic_code", "regex_name", "full_content",
	"sent_count", "bounce_count", "soft_bounce_count", "hard_bounce_count", "blocked_email_count",
}

// typeFaults give one field a value of another JSON type, in the last row that has
// it.
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
		a.setData(json.Number("7"))
	case "a code":
		if rows := a.rows(); len(rows) > 0 {
			if code, ok := rows[len(rows)-1].(string); ok {
				rows[len(rows)-1] = otherType(code)
			}
		}
	default:
		records := a.records()
		for i := len(records) - 1; i >= 0; i-- {
			if v, ok := records[i].get(field); ok {
				records[i].set(field, otherType(v))
				return
			}
		}
	}
}

// otherType is a value of another type than v, which no field of v's type takes: a
// string for a number, and a number for all else.
func otherType(v any) any {
	if _, ok := v.(json.Number); ok {
		return "seven"
	}
	return json.Number("7")
}
