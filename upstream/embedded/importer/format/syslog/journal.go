package syslog

import (
	"bytes"
	"strconv"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// journalEntry has the fields that are read of an entry of journalctl -o json. Journald writes a value that is not
// UTF-8 as an array of bytes, and the values of a repeated field as an array.
type journalEntry struct {
	Time       jsontext.Value `json:"__REALTIME_TIMESTAMP"` // microseconds, as a string
	Host       jsontext.Value `json:"_HOSTNAME"`
	Identifier jsontext.Value `json:"SYSLOG_IDENTIFIER"`
	Message    jsontext.Value `json:"MESSAGE"`
}

func (p *Parser) journal(line []byte) (e Entry, problem string) {
	var j journalEntry
	if err := json.Unmarshal(line, &j, jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true)); err != nil {
		return e, noJournal
	}
	micros, err := strconv.ParseUint(string(text(j.Time)), 10, 63)
	if err != nil || micros < 1e6 {
		return e, noJournal
	}
	return Entry{Time: int64(micros / 1000), Host: p.intern(text(j.Host)), Program: p.intern(text(j.Identifier)),
		Message: text(j.Message)}, ""
}

// text returns the text of a value of a journal, or nil if it is null or has another form.
func text(value jsontext.Value) []byte {
	switch value.Kind() {
	case '"':
		text, err := jsontext.AppendUnquote(nil, value)
		if err != nil && !bytes.Contains(text, []byte("\ufffd")) {
			return nil
		}
		return text
	case '[':
		var numbers []uint8Number
		if json.Unmarshal(value, &numbers) == nil {
			text := make([]byte, len(numbers))
			for i, n := range numbers {
				text[i] = byte(n)
			}
			return text
		}
		var values []jsontext.Value
		if json.Unmarshal(value, &values) == nil && len(values) > 0 && values[0].Kind() == '"' {
			return text(values[0])
		}
	}
	return nil
}

// uint8Number is a byte. A []byte would be read from a string in base64.
type uint8Number uint8
