package importer_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
)

// Valid rows, which tests change.
const (
	goodSender = `{"kind":"sender","user_id":21,"sender_id":17,"sender":"news@example.com"}`
	goodEmail  = `{"kind":"email","user_id":21,"sender_id":17,"email_id":"e1","email_address":"a@example.com",` +
		`"local":"a","domain":"example.com","process_time":100,"xheaders":{"X-A":"b"},"delivered":true}`
	goodBounce = `{"kind":"bounce","user_id":21,"sender_id":17,"email_id":"e1","email_address":"a@example.com",` +
		`"local":"a","domain":"example.com","process_time":100,"xheaders":null,"bounce_time":103,` +
		`"bounce_type":"hard","bounce_category":"bad-mailbox","bounce_code":"5.1.1","postback_time":0,` +
		`"diagnostic_code":"d","regex_name":"r","full_content":"f"}`
	goodBlocked = `{"kind":"blocked_email","user_id":21,"sender_id":17,"email_id":"e1",` +
		`"email_address":"a@example.com","local":"a","domain":"example.com","process_time":100,"xheaders":null,` +
		`"postback_time":0,"blocked_reason":"manual"}`
)

func TestBadLinesSayWhatIsWrongAndWhatWouldBeRight(t *testing.T) {
	t.Parallel()
	change := func(row, old, with string) string {
		if !strings.Contains(row, old) {
			t.Fatalf("no %s in %s", old, row)
		}
		return strings.Replace(row, old, with, 1)
	}
	for name, c := range map[string]struct{ line, want string }{
		"no JSON":  {`email,21,17`, `the line is no JSON object: write one row per line`},
		"a string": {`"email"`, `the line is no JSON object`},
		"an array": {
			"[" + goodEmail + "]", `the line begins an array: write one row per line, without brackets`,
		},
		"a comma at the end": {
			goodEmail + ",", `a comma follows the row: write one row per line, without commas`,
		},
		"two rows":                 {goodEmail + goodEmail, `another row begins in the same line`},
		"two rows of joined files": {goodEmail + "\ufeff" + goodEmail, `another row begins in the same line`},
		"more after the row":       {goodEmail + "]", `the line goes on`},
		"cut off":                  {goodEmail[:60], `the JSON is cut off after 60 bytes`},
		"cut off in a string":      {goodEmail[:48], `the JSON is cut off after 48 bytes`},
		"a literal that is none":   {change(goodEmail, "true", "tru"), `not JSON at byte`},
		"a number that is none": {
			change(goodEmail, "21", "021"), `not JSON at byte 27, before "21,\"sender_id\"`,
		},
		"a comma too many": {change(goodEmail, `17,`, `17,,`), `not JSON at byte`},
		"no kind": {
			change(goodEmail, `"kind":"email",`, ""),
			`kind is missing: it says what the row is, "email", "bounce", "blocked_email", "sender" or "account"`,
		},
		"a mistyped kind": {
			change(goodEmail, `"email"`, `"emial"`),
			`unknown kind "emial": did you mean "email"? (kinds are email, bounce, blocked_email, sender, account)`,
		},
		"kind as a number": {
			change(goodEmail, `"email"`, `1`), `kind must be a string, such as "bounce", not a number`,
		},
		"a mistyped field": {
			change(goodBounce, "bounce_category", "bounce_catgory"),
			`unknown field "bounce_catgory": did you mean "bounce_category"?`,
		},
		"a field in capitals": {
			change(goodEmail, "user_id", "User_ID"), `unknown field "User_ID": did you mean "user_id"?`,
		},
		"an unknown field":          {change(goodEmail, `{`, `{"colour":"red",`), `unknown field "colour"`},
		"an answer in its envelope": {`{"data":[` + goodEmail + `]}`, `unknown field "data"`},
		"a field twice": {
			change(goodEmail, `"user_id":21`, `"user_id":21,"user_id":22`), `user_id is given twice`,
		},
		"a field twice, once null": {
			change(goodEmail, `"user_id":21`, `"user_id":21,"user_id":null`), `user_id is given twice`,
		},
		"a field twice, once escaped": {
			change(goodEmail, `"user_id":21`, `"user_id":21,"user\u005fid":22`), `user_id is given twice`,
		},
		"a bounce's field": {
			change(goodEmail, `{`, `{"bounce_type":"hard",`), `bounce_type is no field of an email, but of a bounce`,
		},
		"a bounce's field with null": {
			change(goodEmail, `{`, `{"bounce_type":null,`), `bounce_type is no field of an email, but of a bounce`,
		},
		"a blocked email's field": {
			change(goodBounce, `{`, `{"blocked_reason":"manual",`),
			`blocked_reason is no field of a bounce, but of a blocked email`,
		},
		"a field of two kinds": {
			change(goodEmail, `{`, `{"postback_time":0,`),
			`postback_time is no field of an email, but of a bounce or a blocked email`,
		},
		"a sender with an email's": {
			change(goodSender, `{`, `{"delivered":true,`), `delivered is no field of a sender, but of an email`,
		},
		"no user": {
			change(goodEmail, `"user_id":21,`, ""),
			`user_id is missing: an email must have it, a positive whole number, such as 21`,
		},
		"user null": {change(goodEmail, `21`, "null"), `user_id is missing`},
		"delivered is left out": {
			change(goodEmail, `,"delivered":true`, ""), `delivered is missing: an email must have it, true or false`,
		},
		"an empty email id": {
			change(goodEmail, `"e1"`, `""`), `email_id is missing: an email must have it, a string, such as`,
		},
		"no reason": {
			change(goodBlocked, `"manual"`, `""`),
			`blocked_reason is missing: a blocked email must have it, a string, such as "unsubscribe"`,
		},
		"no category": {
			change(goodBounce, `"bounce_category":"bad-mailbox",`, ``),
			`bounce_category is missing: a bounce must have it, a string, such as "bad-mailbox"`,
		},
		"an id in a string": {
			change(goodEmail, `21`, `"21"`), `user_id must be a positive whole number, such as 21, not a string`,
		},
		"a negative id": {
			change(goodEmail, `21`, `-21`), `user_id must be a positive whole number, such as 21, not -21`,
		},
		"an id of 0": {
			change(goodEmail, `17`, `0`), `sender_id must be a positive whole number, such as 17, not 0`,
		},
		"a broken id": {
			change(goodEmail, `17`, `17.5`), `sender_id must be a positive whole number, such as 17, not 17.5`,
		},
		"an id beyond all bounds": {
			change(goodEmail, `17`, `99999999999999999999`), `sender_id must be a positive whole number`,
		},
		"milliseconds": {
			change(goodEmail, `100`, `1479772800000`),
			`process_time must be a time in Unix seconds, more than 0, such as 1479772800, not 1479772800000`,
		},
		"a time in ISO 8601": {
			change(goodEmail, `100`, `"2016-11-22T00:00:00Z"`),
			`process_time must be a time in Unix seconds, more than 0, such as 1479772800, not a string`,
		},
		"a time of 0": {change(goodEmail, `100`, `0`), `process_time`},
		"a time before 1970": {
			change(goodEmail, `100`, `-1`),
			`process_time must be a time in Unix seconds, more than 0, such as 1479772800, not -1`,
		},
		"less than a second": {change(goodEmail, `100`, `0.9`), `process_time must be`},
		"a bounce of time 0": {change(goodBounce, `"bounce_time":103`, `"bounce_time":0`), `bounce_time`},
		"a bounce before 1970": {
			change(goodBounce, `"bounce_time":103`, `"bounce_time":-1`),
			`bounce_time must be a time in Unix seconds, more than 0, such as 1479772800, not -1`,
		},
		"a bounce just before": {
			change(goodBounce, `"bounce_time":103`, `"bounce_time":-0.5`), `bounce_time must be`,
		},
		"a bounce of an email of 0": {change(goodBounce, `100`, `0`), `process_time must be`},
		"of an email before 1970":   {change(goodBounce, `100`, `-1`), `process_time must be`},
		"blocked at 0":              {change(goodBlocked, `100`, `0`), `process_time`},
		"blocked before 1970":       {change(goodBlocked, `100`, `-1`), `process_time must be`},
		"a postback just before 1970": {
			change(goodBlocked, `"postback_time":0`, `"postback_time":-0.5`), `postback_time must be`,
		},
		"a header without X-": {
			change(goodEmail, `X-A`, `Subject`),
			`xheaders names a header "Subject": such a name must be X- followed by printable ASCII without spaces ` +
				`and colons, such as X-Campaign`,
		},
		"a header that is only X-": {change(goodEmail, `X-A`, `X-`), `xheaders names a header "X-"`},
		"a header with a space": {
			change(goodBounce, `"xheaders":null`, `"xheaders":[{"X-A":"b"},{"X-A b":"c"}]`),
			`xheaders names a header "X-A b"`,
		},
		"a header beyond ASCII": {
			change(goodBlocked, `"xheaders":null`, `"xheaders":["X-Ä: b"]`), `xheaders names a header "X-Ä"`,
		},
		"a long header": {
			change(goodEmail, `X-A`, `X-`+strings.Repeat("a", 1000)), `xheaders names a header "X-aaa`,
		},
		"an email id with a line end": {
			change(goodEmail, `"e1"`, `"e1\r\n"`), `email_id contains the control character U+000D`,
		},
		"a long email id": {
			change(goodEmail, `"e1"`, `"`+strings.Repeat("é", 501)+`"`),
			`email_id has 1002 bytes, and at most 1000 are allowed`,
		},
		"a category with a line end": {
			change(goodBounce, `bad-mailbox`, `bad-mailbox\n`), `bounce_category contains the control character U+000A`,
		},
		"a long reason": {
			change(goodBlocked, `manual`, strings.Repeat("m", 1001)), `blocked_reason has 1001 bytes`,
		},
		"a sender in brackets": {
			change(goodSender, `news@example.com`, `<news@example.com>`),
			`not "<news@example.com>": it holds '<' outside quotes`,
		},
		"a negative postback": {
			change(goodBounce, `"postback_time":0`, `"postback_time":-1`),
			`postback_time must be a time in Unix seconds, more than 0, such as 1479772800, or 0 for none, not -1`,
		},
		"a blocked one's": {
			change(goodBlocked, `"postback_time":0`, `"postback_time":-1`), `postback_time must be`,
		},
		"delivered as a number": {
			change(goodEmail, `true`, `1`), `delivered must be true or false, not a number`,
		},
		"an unknown type": {
			change(goodBounce, `"hard"`, `"Hard"`), `bounce_type must be "hard" or "soft", not "Hard"`,
		},
		"headers as a string": {
			change(goodEmail, `{"X-A":"b"}`, `"X-A: b"`),
			`xheaders must be an object of strings, or null, such as {"X-CampaignMaster11": "Notification"}, ` +
				`not a string`,
		},
		"a header that is a number": {change(goodEmail, `"b"`, `7`), `a header of xheaders is not a string`},
		"another local part": {
			change(goodEmail, `"local":"a"`, `"local":"b"`),
			`local is "b", but email_address "a@example.com" has "a" before its @`,
		},
		"another domain": {
			change(goodEmail, `"domain":"example.com"`, `"domain":"example.net"`),
			`domain is "example.net", but email_address "a@example.com" has "example.com" after its @`,
		},
		"half of the parts": {
			change(goodEmail, `"local":"a",`, ``),
			`local and domain are the two parts of email_address: give both or neither`,
		},
		"no recipient": {
			change(goodEmail, `"email_address":"a@example.com","local":"a",`, ``), `email_address is missing`,
		},
		"a recipient without a domain": {
			change(goodEmail, `"email_address":"a@example.com","local":"a","domain":"example.com"`,
				`"email_address":"a"`),
			`the recipient must be exactly one address, without a name, brackets or spaces around it, ` +
				`such as recipient1@example.com, not "a": it has no @`,
		},
		"a sender without an address": {
			change(goodSender, `news@example.com`, `News`),
			`sender must be exactly one address, without a name, brackets or spaces around it, ` +
				`such as "news@example.com", not "News": it has no @`,
		},
		"a sender's broken id": {
			change(goodSender, `17`, `1.5`), `sender_id must be a positive whole number, such as 17, not 1.5`,
		},
		"a sender's negative id": {
			change(goodSender, `21`, `-1`), `user_id must be a positive whole number, such as 21, not -1`,
		},
		"a sender's id of 0": {
			change(goodSender, `17`, `0`), `sender_id must be a positive whole number, such as 17, not 0`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, s, bad, err := imported(t, goodSender+"\n"+c.line+"\n", importer.Options{})
			if err != nil || s.Rows() != 1 || len(m.rows().Senders) != 1 {
				t.Fatalf("%v, %+v: %s", err, s, c.line)
			}
			if len(bad) != 1 || bad[0].Line != 2 || !strings.Contains(bad[0].Reason, c.want) {
				t.Errorf("%v\nwant %s", bad, c.want)
			}
		})
	}
}

func TestGoodLines(t *testing.T) {
	t.Parallel()
	plain := upstream.Email{
		UserID: 21, SenderID: 17, EmailID: "e1", EmailAddress: "a@example.com", Local: "a", Domain: "example.com",
		ProcessTime: 100, Delivered: true,
	}
	with := func(change func(*upstream.Email)) store.Batch {
		e := plain
		change(&e)
		return store.Batch{Emails: []upstream.Email{e}}
	}
	headers := func(e *upstream.Email) {
		e.XHeaders = []upstream.Header{{Name: "X-A", Value: "b"}, {Name: "X-C", Value: "d"}}
	}
	row := func(rest string) string {
		return `{"kind":"email","user_id":21,"sender_id":17,"email_id":"e1","delivered":true,` + rest + `}`
	}
	for name, c := range map[string]struct {
		line string
		want store.Batch
	}{
		"the address alone": {
			row(`"email_address":"a@example.com","process_time":100`), with(func(*upstream.Email) {}),
		},
		"its parts alone": {
			row(`"local":"a","domain":"example.com","process_time":100`), with(func(*upstream.Email) {}),
		},
		"a fraction of a second": {
			row(`"email_address":"a@example.com","process_time":100.9`), with(func(*upstream.Email) {}),
		},
		"the domain in capitals": {
			row(`"email_address":"a@EXAMPLE.com","local":"a","domain":"example.com","process_time":100`),
			with(func(*upstream.Email) {}),
		},
		"all in capitals": {
			row(`"email_address":"A@EXAMPLE.COM","local":"A","domain":"Example.com","process_time":100`),
			with(func(e *upstream.Email) { e.EmailAddress, e.Local = "A@example.com", "A" }),
		},
		"a part in capitals": {
			row(`"local":"a","domain":"EXAMPLE.com","process_time":100`), with(func(*upstream.Email) {}),
		},
		"an @ in the local part": {
			row(`"email_address":"\"a@b\"@example.com","process_time":100`),
			with(func(e *upstream.Email) { e.EmailAddress, e.Local = `"a@b"@example.com`, `"a@b"` }),
		},
		"headers as an object": {
			row(`"email_address":"a@example.com","process_time":100,"xheaders":{"X-A":"b","X-C":"d"}`), with(headers),
		},
		"headers as pairs": {
			row(`"email_address":"a@example.com","process_time":100,"xheaders":[{"X-A":"b"},{"X-C":"d"}]`),
			with(headers),
		},
		"headers as lines": {
			row(`"email_address":"a@example.com","process_time":100,"xheaders":["X-A: b","X-C: d"]`), with(headers),
		},
		"nulls": {
			row(`"email_address":"a@example.com","local":null,"domain":null,"process_time":100,"xheaders":null`),
			with(func(*upstream.Email) {}),
		},
		"white space": {
			strings.NewReplacer(`{`, ` { `, `:`, " :\t", `,`,
				` , `).Replace(row(`"email_address":"a@example.com","process_time":100`)),
			with(func(*upstream.Email) {}),
		},
		"escapes": {
			row(`"email_address":"\u0061@example\u002ecom","process\u005ftime":100`), with(func(*upstream.Email) {}),
		},
		"bytes that are no UTF-8": {
			row(`"email_address":"` + "\xe9" + `@example.com","process_time":100`),
			with(func(e *upstream.Email) { e.EmailAddress, e.Local = "\ufffd@example.com", "\ufffd" }),
		},
		"a category of one's own": {
			`{"kind":"bounce","user_id":21,"sender_id":17,"email_id":"e1","email_address":"a@example.com",` +
				`"process_time":100,"bounce_time":99,"bounce_type":"soft","bounce_category":"own"}`,
			store.Batch{Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
				UserID: 21, SenderID: 17, EmailID: "e1", EmailAddress: "a@example.com", Local: "a",
				Domain: "example.com", Type: upstream.Soft, Category: "own", BounceTime: 99, ProcessTime: 100,
			}}}},
		},
		"a bounce and a blocked email in capitals": {
			strings.ReplaceAll(goodBounce+"\n"+goodBlocked, "example.com", "Example.COM"),
			store.Batch{
				Bounces: []upstream.BounceDetail{{
					Bounce: upstream.Bounce{
						UserID: 21, SenderID: 17, EmailID: "e1", EmailAddress: "a@example.com", Local: "a",
						Domain: "example.com",
						Type:   upstream.Hard, Category: "bad-mailbox", Code: "5.1.1", BounceTime: 103,
						ProcessTime: 100,
					},
					DiagnosticCode: "d", RuleName: "r", FullContent: "f",
				}},
				BlockedEmails: []upstream.BlockedEmail{{
					UserID: 21, SenderID: 17, EmailID: "e1", EmailAddress: "a@example.com", Local: "a",
					Domain: "example.com", Reason: "manual", ProcessTime: 100,
				}},
			},
		},
		"a sender in capitals": {
			strings.ReplaceAll(goodSender, "news@example.com", "News@Example.COM"),
			store.Batch{Senders: []store.Sender{{UserID: 21, SenderID: 17, Address: "News@example.com"}}},
		},
		"a sender": {
			goodSender, store.Batch{Senders: []store.Sender{{UserID: 21, SenderID: 17, Address: "news@example.com"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, _, bad, err := imported(t, c.line, importer.Options{})
			if err != nil || len(bad) != 0 {
				t.Fatal(err, bad)
			}
			if diff := cmp.Diff(c.want, m.rows()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
