package syslog

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Unwrap returns the line that a program in a container has written, and the time that the runtime has added, from a
// line of Docker's json-file log or of a CRI log, as Kubernetes has them:
//
//	{"log":"…\n","stream":"stdout","time":"2024-05-01T10:00:00.123456789Z"}
//	2024-05-01T10:00:00.123456789Z stdout F …
//
// Any other line is returned as it is, without a time. Of a line that the runtime has split, the parts are lines.
func Unwrap(line []byte) (inner []byte, at string) {
	if bytes.HasPrefix(line, []byte(`{"log":`)) {
		var entry struct {
			Log  jsontext.Value `json:"log"`
			Time jsontext.Value `json:"time"`
		}
		if json.Unmarshal(line, &entry, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)) == nil {
			if at := text(entry.Time); len(at) > 0 {
				return bytes.TrimRight(text(entry.Log), "\r\n"), string(at)
			}
		}
		return line, ""
	}
	if len(line) < len("2024-05-01T10:00:00Z stdout F ") || line[4] != '-' || line[10] != 'T' {
		return line, ""
	}
	stamp, rest, _ := bytes.Cut(line, []byte(" "))
	stream, rest, _ := bytes.Cut(rest, []byte(" "))
	tag, inner, ok := bytes.Cut(rest, []byte(" "))
	if !ok || string(stream) != "stdout" && string(stream) != "stderr" ||
		string(tag) != "F" && string(tag) != "P" { // full or partial
		return line, ""
	}
	return inner, string(stamp)
}
