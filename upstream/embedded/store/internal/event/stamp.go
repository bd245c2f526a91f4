package event

import "deliverygraph/upstream"

// stampLen is the length of the process time that email ids begin with:
// YYYYMMDDhhmmss in UTC.
const stampLen = 14

// stamper prints stamps, and remembers the last, since neighbours share theirs.
type stamper struct {
	at    upstream.Time
	text  string
	known bool
}

// stamps says whether id begins with the stamp of t.
func (s *stamper) stamps(id string, t upstream.Time) bool {
	if len(id) < stampLen {
		return false
	}
	w := s.of(t)
	return w != "" && id[:stampLen] == w
}

// of is the stamp of t; empty for years that four digits cannot say.
func (s *stamper) of(t upstream.Time) string {
	if s.known && s.at == t {
		return s.text
	}
	s.at, s.text, s.known = t, "", true
	const first, last = -62167219200, 253402300799 // of the years 0 and 9999
	if t >= first && t <= last {
		var b [stampLen]byte
		s.text = string(t.UTC().AppendFormat(b[:0], "20060102150405"))
	}
	return s.text
}
