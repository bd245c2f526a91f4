package upstream_test

import (
	"errors"
	"strings"
	"testing"

	. "deliverygraph/upstream"
)

// Invalid bodies are refused. The message says what is wrong and where, and repeats nothing of the body.
func TestInvalidResponses(t *testing.T) {
	t.Parallel()
	good := `{` + fewest + `}`
	one := map[string]decoder{}
	for _, d := range decoders() {
		one[d.name] = d
	}
	for name, c := range map[string]struct{ decoder, body, want string }{
		"empty body": {"bounces", "", "the JSON breaks off after 0 bytes"},
		"truncated list": {
			"bounces", `[` + good + `,{"user_id"`, "row 1: the JSON breaks off after 144 bytes",
		},
		"truncated string":       {"bounces", `[{"local":"SECRET`, "row 0: the JSON breaks off after 17 bytes"},
		"truncated escape":       {"bounces", `[{"local":"SECRET\`, "row 0: the JSON breaks off after 18 bytes"},
		"page of HTML":           {"bounces", `<html>SECRET</html>`, "not JSON at byte 0"},
		"text after the answer":  {"bounces", `[` + good + `] SECRET`, "not JSON at byte 135"},
		"NUL after the answer":   {"bounces", "[]\x00", "not JSON at byte 2"},
		"comma before the end":   {"bounces", `[` + good + `,]`, "row 1: not JSON at byte 134"},
		"control character":      {"bounces", "[{\"local\":\"SEC\nRET\"}]", "row 0: not JSON at byte 14"},
		"unknown escape":         {"bounces", `[{"local":"\x"}]`, "row 0: not JSON at byte 10"},
		"string for a list":      {"bounces", `"SECRET"`, "the answer is not an array or an object"},
		"null for a list":        {"bounces", `null`, "the answer is not an array or an object"},
		"object without data":    {"bounces", good, "data is missing"},
		"single row for a list":  {"bounces", `{"data":` + good + `}`, "data is not an array"},
		"error in place of data": {"bounces", `{"error":"SECRET","data":null}`, "the answer is an error"},
		"row that is no object":  {"bounces", `[` + good + `,"SECRET"]`, "row 1: it is not an object"},
		"row that is null":       {"bounces", `[null]`, "row 0: it is not an object"},
		"no user_id": {
			"bounces", `[` + good + `,{"sender_id":1,"email_id":"2","bounce_time":3}]`, "row 1: user_id is missing",
		},
		"no sender_id": {
			"bounces", `[{"user_id":1,"sender_id":null,"email_id":"2","bounce_time":3}]`, "row 0: sender_id is missing",
		},
		"no email_id": {
			"bounces", `[{"user_id":1,"sender_id":1,"email_id":"","bounce_time":3}]`, "row 0: email_id is missing",
		},
		"no bounce_time": {
			"bounces", `[{"user_id":1,"sender_id":1,"email_id":"2","process_time":3}]`, "row 0: bounce_time is missing",
		},
		"no process_time": {
			"blocked emails", `[{"user_id":1,"sender_id":1,"email_id":"2","bounce_time":3}]`,
			"row 0: process_time is missing",
		},
		"no delivered": {
			"emails", `[{"user_id":1,"sender_id":1,"email_id":"2","process_time":3}]`, "row 0: delivered is missing",
		},
		"single row without an id": {"email", `{"kind":"email"}`, "user_id is missing"},
		"letters for an id":        {"bounces", `[{"user_id":"SECRET"}]`, "row 0: user_id is a string, not an id"},
		"object for an id":         {"bounces", `[{"user_id":{}}]`, "row 0: user_id is not an id"},
		"fraction for an id":       {"bounces", `[{"user_id":1.5}]`, "row 0: user_id is not a positive whole number"},
		"id of 0":                  {"bounces", `[{"user_id":0}]`, "row 0: user_id is not a positive whole number"},
		"negative id":              {"bounces", `[{"user_id":-4}]`, "row 0: user_id is not a positive whole number"},
		"id beyond 64 bits": {
			"bounces", `[{"user_id":9223372036854775808}]`, "row 0: user_id is not a positive whole number",
		},
		"number for text": {"bounces", `[{"email_id":4}]`, "row 0: email_id is not a string"},
		"ISO 8601 for a time": {
			"bounces", `[{"bounce_time":"2016-11-22"}]`, "row 0: bounce_time is a string, not a time in Unix seconds",
		},
		"boolean for a time": {
			"bounces", `[{"bounce_time":true}]`, "row 0: bounce_time is not a time in Unix seconds",
		},
		"milliseconds for a time": {
			"bounces", `[{"bounce_time":1479772800000}]`, "row 0: bounce_time is not a time in Unix seconds",
		},
		"string for delivered": {"emails", `[{"delivered":"true"}]`, "row 0: delivered is not true or false"},
		"number for xheaders": {
			"bounces", `[{"xheaders":1}]`, "row 0: xheaders is not an object, an array or null",
		},
		"string for xheaders": {
			"bounces", `[{"xheaders":"X-A: SECRET"}]`, "row 0: xheaders is not an object, an array or null",
		},
		"number in xheaders": {
			"bounces", `[{"xheaders":{"X-SECRET":1}}]`, "row 0: a header of xheaders is not a string",
		},
		"array in xheaders": {
			"bounces", `[{"xheaders":[["X-A","SECRET"]]}]`, "row 0: an element of xheaders is not an object",
		},
		"two pairs in an object": {
			"bounces", `[{"xheaders":[{"X-A":"1","X-B":"2"}]}]`,
			"row 0: xheaders is an array of objects that are not one pair each",
		},
		"line without a colon": {
			"bounces", `[{"xheaders":["SECRET"]}]`, `row 0: xheaders has a string that is not "name: value"`,
		},
		"header without a name": {
			"bounces", `[{"xheaders":{"":"SECRET"}}]`, "row 0: xheaders has a header without a name",
		},
		"pairs as printed": {
			"bounces", `[{"xheaders":["X-A":"1"]}]`, `row 0: xheaders has a string that is not "name: value"`,
		},
		"list for a detail":    {"bounce", `[` + good + `]`, "the answer is not an object"},
		"null for a detail":    {"bounce", `{"data":null}`, "data is missing"},
		"list within a detail": {"bounce", `{"data":[]}`, "it is not an object"},
		"no sender_id by sender": {
			"bounces counts by sender_id", `[{"user_id":1,"bounce_count":1}]`, "row 0: sender_id is missing",
		},
		"no user_id by user": {
			"bounces counts by user_id", `[{"sender_id":1,"bounce_count":1}]`, "row 0: user_id is missing",
		},
		"no count of bounces": {
			"bounces counts by user_id", `[{"user_id":1,"sent_count":1}]`, "row 0: bounce_count is missing",
		},
		"no count of emails": {
			"emails counts by user_id", `[{"user_id":1,"bounce_count":1}]`, "row 0: sent_count is missing",
		},
		"no count of blocked": {
			"blocked emails counts by user_id", `[{"user_id":1,"sent_count":1}]`,
			"row 0: blocked_email_count is missing",
		},
		"negative count": {
			"emails counts by user_id", `[{"user_id":1,"sent_count":-1}]`,
			"row 0: sent_count is not a whole number, 0 or more",
		},
		"fraction for a count": {
			"emails counts by user_id", `[{"user_id":1,"sent_count":1.5}]`,
			"row 0: sent_count is not a whole number, 0 or more",
		},
		"counts beyond 64 bits": {
			"bounces counts by user_id",
			`[{"user_id":1,"soft_bounce_count":9223372036854775807,"hard_bounce_count":1}]`,
			"row 0: hard_bounce_count is too large",
		},
		"counts for a series": {
			"emails series", `[{"user_id":1,"sent_count":1}]`, "data is an array, not an object of series by id",
		},
		"message for a series": {
			"emails series", `{"message":"SECRET"}`, "a time series is not under the id of a sender or user",
		},
		"number for a series": {"emails series", `{"17":4}`, "a time series is not an array"},
		"point without a time": {
			"emails series", `{"17":[{"timestamp":1,"sent_count":1},{"sent_count":1}]}`, "row 1: timestamp is missing",
		},
		"point without a count": {"emails series", `{"17":[{"timestamp":1}]}`, "row 0: sent_count is missing"},
		"code that is empty":    {"codes", `["a",""]`, "row 1: code is missing"},
		"code that is a number": {"codes", `["a",1]`, "row 1: code is not a string"},
		"nested without an end": {"bounces", strings.Repeat("[", 1<<20), "row 0: nested deeper than 64 levels"},
		"nested too deep": {
			"bounces", `[{"a":` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `}]`,
			"row 0: nested deeper than 64 levels",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, ok := one[c.decoder]
			if !ok {
				t.Fatalf("no decoder of %s", c.decoder)
			}
			_, err := d.decode(c.body)
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v, want an *Error", err)
			}
			if e.Code != InvalidResponse || e.Message != c.want {
				t.Errorf("got %s %q\nwant %s %q", e.Code, e.Message, InvalidResponse, c.want)
			}
			if _, err := d.reference([]byte(c.body)); err == nil {
				t.Error("the reference accepts it")
			}
		})
	}
}
