package upstream_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// answer draws an answer for the decoder d, usually a valid one.
func (d decoder) answer(t *rapid.T) string {
	element := d.rows(t)
	if len(d.row) == 0 {
		element = func() string { return text(t) }
	}
	array := func() string { return "[" + join(t, 6, element) + "]" }
	var data string
	switch {
	case d.single:
		data = element()
	case d.series:
		data = "{" + join(t, 3, func() string {
			return pick(t, `"17"`, `"9"`, `"9"`, `"\u0031"`, `"100"`, `"100"`, `"0"`, `"x"`) + ":" + array()
		}) + "}"
	default:
		data = array()
	}
	if rarely(t) && data != "" {
		at := rapid.IntRange(0, len(data)-1).Draw(t, "at")
		data = data[:at] + pick(t, "", "{", ",", `"`, "\x00") + data[at+1:]
	}
	envelope := func() string {
		return pick(t, `"resp_time":1.5`, `"data":`+data, `"error":null`, `"x":`+anything(t, 2))
	}
	switch {
	case rarely(t):
		return anything(t, 3)
	case rarely(t):
		return "{" + join(t, 3, envelope) + "}"
	}
	return pick(t, data, `{"processing_time":1,"data":`+data+"}", ` { "data" : `+data+` , "api_host" : "h" } `)
}

// rows draws the rows of a page one by one. They have all keys, in an order and with white space that usually stay the
// same from row to row; occasionally a key is missing or added.
func (d decoder) rows(t *rapid.T) func() string {
	var keys []string
	var before, comma string
	return func() string {
		if keys == nil || rarely(t) {
			keys = rapid.Permutation(d.row).Draw(t, "keys")
			before, comma = pick(t, "", "", " \n"), pick(t, ",", ",", " ,\n\t")
		}
		var pairs []string
		for _, key := range keys {
			pair := before + quote(key) + ":" + fieldValue(t, key)
			switch {
			case rarely(t):
				continue
			case rarely(t):
				pairs = append(pairs, quote(key)+":"+fieldValue(t, key))
			case rarely(t):
				pairs = append(pairs, text(t)+":"+anything(t, 2))
			case rarely(t):
				pair = fmt.Sprintf(`"\u%04x%s" : %s`, key[0], key[1:], fieldValue(t, key))
			}
			pairs = append(pairs, pair)
		}
		return "{" + strings.Join(pairs, comma) + "}"
	}
}

// fieldValue draws a value for key, usually one of its type.
func fieldValue(t *rapid.T, key string) string {
	if rarely(t) {
		return anything(t, 2)
	}
	switch {
	case strings.HasSuffix(key, "_id") && key != "email_id":
		return pick(t, "1", "17", `"17"`, "107546", "9223372036854775807", "2")
	case strings.HasSuffix(key, "_count"):
		return pick(t, "0", "1", "4512", `"9024"`, "5", "4611686018427387904", "null")
	case strings.HasSuffix(key, "_time"), key == "timestamp":
		return pick(t, "1479772800", "1479772800.25", `"1479772800"`, `"1479772800.5"`, "1479772800", "1.4797728e9",
			"-5.5", "253402300799.9")
	case key == "xheaders":
		return headersValue(t)
	case key == "delivered":
		return pick(t, "true", "false")
	case key == "email_address":
		return pick(t, `"a@example.com"`, `"a@b@example.com"`, `"postmaster"`, `""`, "null")
	case key == "local", key == "domain":
		return pick(t, `"a"`, `"example.com"`, `""`, "null")
	}
	return text(t)
}

func headersValue(t *rapid.T) string {
	pair := func() string { return pick(t, `"X-A"`, `"X-B"`, text(t)) + ":" + text(t) }
	if rarely(t) {
		return "[" + join(t, 4, func() string {
			return pick(t, `"X-A"`, `": b"`, `{"X-A":"b","X-C":"d"}`, "{}", "1", "[]")
		}) + "]"
	}
	return pick(t, "null",
		"{"+join(t, 4, pair)+"}", `{"X-A":`+text(t)+`,"X-B":`+text(t)+"}",
		"["+join(t, 4, func() string { return "{" + pair() + "}" })+"]",
		"["+join(t, 4, func() string { return pick(t, `"X-A: b"`, `"X-A:b: c"`, `" X-A :"`, `{"X-A":"b"}`) })+"]")
}

// anything draws a JSON value, or occasionally text that is not JSON.
func anything(t *rapid.T, depth int) string {
	most := 6
	if depth == 0 {
		most = 4
	}
	switch rapid.IntRange(0, most).Draw(t, "type") {
	case 0:
		return pick(t, "null", "true", "false")
	case 1:
		return pick(t, "0", "-0", "1", "-17", "1.5", "1e5", "1E+5", "-1.25e-3", "01", "1.", ".5", "-", "1e", "+1",
			"99999999999999999999", "1e400")
	case 2:
		return text(t)
	case 3:
		return pick(t, `"17"`, `"1.5"`, `""`, `"\""`, `"x`, `"\q"`, `"\u12"`, "\"\x01\"", "\"\xff\"")
	case 4:
		return pick(t, "", "nul", "tru", "falsey", "x", "\x00", "}", "]", "[1,]", `{"a":1,}`, `{"a"}`, `{1:2}`, "[,1]",
			"[1 2]")
	case 5:
		return "[" + join(t, 3, func() string { return anything(t, depth-1) }) + "]"
	}
	return "{" + join(t, 3, func() string { return text(t) + ":" + anything(t, depth-1) }) + "}"
}

// text draws a JSON string, short or long, plain or not.
func text(t *rapid.T) string {
	return `"` + strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{
		"a", "X-Origin", "soft", "recipient1@example.com", "0123456789abcdef", `\n`, `\"`, `\\`, `\/`, `\u00e9`,
		`\ud83d\ude00`, `\ud83d`, `\udc00`,
		"é", "日本", "😀", "\xff", "\xe2\x82", "\u2028", "\x7f",
	}), 1, 4).Draw(t, "text"), "") + `"`
}

func join(t *rapid.T, most int, element func() string) string {
	parts := make([]string, rapid.IntRange(0, most).Draw(t, "length"))
	for i := range parts {
		parts[i] = element()
	}
	return strings.Join(parts, ",")
}

func pick(t *rapid.T, from ...string) string { return rapid.SampledFrom(from).Draw(t, "choice") }

func quote(s string) string { return `"` + s + `"` }

// rarely is true in a few of a hundred draws, but not in the smallest, which are drawn most often.
func rarely(t *rapid.T) bool { return rapid.IntRange(0, 99).Draw(t, "rarely")%33 == 32 }
