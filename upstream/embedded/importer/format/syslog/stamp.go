package syslog

import (
	"bytes"
	"strconv"

	"deliverygraph/upstream/embedded/importer/format"
)

// stamp parses the time at the beginning of a line. The rest, which follows a space, is nil if there is no time.
func (p *Parser) stamp(line []byte) (millis int64, rest []byte) {
	switch {
	case len(line) < len("Jan 25 21:25:22 ") || line[0] == ' ':
	case line[0] > '9':
		return p.rfc3164(line)
	case line[4] == '-':
		return p.rfc3339(line)
	case '0' <= line[0]:
		return unix(line)
	}
	return 0, nil
}

// rfc3164 parses a time such as "Jan 25 21:25:22" or "Jan 25 21:25:22.123456".
func (p *Parser) rfc3164(line []byte) (int64, []byte) {
	minute := line[:len("Jan 25 21:25")]
	within, zone, rest, ok := seconds(line[len(minute):])
	if !ok || len(zone) > 0 {
		return 0, nil
	}
	if !bytes.Equal(minute, p.minute) || p.zone != nil {
		begins, ok := p.clock.minute(minute)
		if !ok {
			return 0, nil
		}
		p.minute, p.zone, p.begins = append(p.minute[:0], minute...), nil, begins
	}
	return p.begins + within, rest
}

// rfc3339 parses a time such as "2026-01-25T21:25:22.123456+01:00". The zone is optional, and may have no colon, as in
// the output of journalctl.
func (p *Parser) rfc3339(line []byte) (int64, []byte) {
	minute := line[:min(len(line), len("2026-01-25T21:25"))]
	within, zone, rest, ok := seconds(line[len(minute):])
	if !ok || minute[len(minute)-6] != 'T' {
		return 0, nil
	}
	if !bytes.Equal(minute, p.minute) || p.zone == nil || !bytes.Equal(zone, p.zone) {
		at, ok := format.ParseTime(string(minute)+":00"+string(zone), p.clock.loc)
		if !ok {
			return 0, nil
		}
		p.minute, p.zone, p.begins = append(p.minute[:0], minute...), append([]byte{}, zone...), int64(at)*1000
	}
	return p.begins + within, rest
}

// seconds parses the seconds, such as ":22.123456", and returns them in milliseconds, with the zone and what follows a
// space.
func seconds(text []byte) (millis int64, zone, rest []byte, ok bool) {
	if len(text) < 4 || text[0] != ':' || !digit(text[1]) || !digit(text[2]) {
		return 0, nil, nil, false
	}
	millis = (int64(text[1]-'0')*10 + int64(text[2]-'0')) * 1000
	text = text[3:]
	if text[0] == '.' || text[0] == ',' {
		unit := int64(100)
		for text = text[1:]; len(text) > 0 && digit(text[0]); text = text[1:] {
			millis += int64(text[0]-'0') * unit
			unit /= 10
		}
	}
	zone, rest, ok = bytes.Cut(text, []byte(" "))
	return millis, zone, bytes.TrimLeft(rest, " "), ok && len(zone) <= len("+01:00")
}

// unix parses a time such as "1769376322.123456", as journalctl -o short-unix writes it.
func unix(line []byte) (int64, []byte) {
	at, rest, found := bytes.Cut(line, []byte(" "))
	whole, fraction, _ := bytes.Cut(at, []byte("."))
	if !found || len(fraction) < 3 {
		return 0, nil
	}
	sec, err := strconv.ParseUint(string(whole), 10, 34)
	if err != nil || sec == 0 {
		return 0, nil
	}
	millis, err := strconv.ParseUint(string(fraction[:3]), 10, 10)
	if err != nil {
		return 0, nil
	}
	return int64(sec)*1000 + int64(millis), rest
}

func digit(c byte) bool { return '0' <= c && c <= '9' }
