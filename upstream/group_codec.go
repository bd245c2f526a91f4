package upstream

import (
	"slices"
	"strconv"
	"strings"
)

// name returns the value of timeseries, or "" for no interval.
func (i Interval) name() string { return [...]string{"", Hour: "hour", Day: "day"}[i] }

// defaultTop is the number of groups that are listed if a call does not say.
const defaultTop = 10

// grouping returns how to group events of kind k in a window.
func (p *parameters) grouping(k Kind, w Window) Grouping {
	g := Grouping{By: p.dimensions(k), Header: strings.ToLower(p.text("header")), Top: defaultTop}
	if top := p.id("top"); top != 0 {
		g.Top = int(min(top, MaxGroups+1))
	}
	g.Interval = p.interval()
	g.Sent = p.oneOf("sent", "1") != ""
	if p.err == nil {
		p.err = g.Check(k, w, Dimension.String)
	}
	if g.Sent && !g.Comparable() {
		p.fail("sent", "sent is only for dimensions that emails have too")
	}
	return g
}

// dimensions returns the dimensions of by. Unknown names are refused.
func (p *parameters) dimensions(k Kind) (by [2]Dimension) {
	v, given := p.get("by")
	if !given {
		p.fail("by", "by is missing: name one or two dimensions, such as domain or domain,hour")
		return by
	}
	names := strings.Split(v, ",")
	if len(names) > len(by) {
		p.fail("by", "by has %d dimensions, but at most two are allowed", len(names))
		return by
	}
	for i, name := range names {
		d := slices.Index(dimensionNames[1:], name) + 1
		if !slices.Contains(k.Dimensions(), Dimension(d)) {
			p.fail("by", "%s cannot be grouped by %q: by must be one or two of %s",
				k, cut(name), k.dimensionNames(Dimension.String))
			return by
		}
		by[i] = Dimension(d)
	}
	return by
}

// AppendGroups appends the answer to a groups call to dst.
func AppendGroups(dst []byte, q *Question, g Groups) []byte {
	dst = appendInt(dst, `{"data":{"total":`, g.Total)
	if g.Inexact {
		dst = append(dst, `,"inexact":true`...)
	}
	dst = append(dst, `,"groups":[`...)
	for i := range g.Groups {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendGroup(dst, q, &g.Groups[i])
	}
	dst = appendInt(dst, `],"other":{"groups":`, g.Other.Groups)
	dst = appendInt(dst, `,"count":`, g.Other.Count)
	return append(dst, "}}}"...)
}

func appendGroup(dst []byte, q *Question, g *Group) []byte {
	dst = appendText(dst, `{"keys":[`, g.Keys[0])
	if q.By[1] != NoDimension {
		dst = appendText(dst, ",", g.Keys[1])
	}
	dst = appendInt(dst, `],"count":`, g.Count)
	if q.Has(DimensionSender) {
		dst = appendText(dst, `,"sender":`, g.Sender)
	}
	if q.Sent {
		dst = appendInt(dst, `,"sent_count":`, g.Sent)
	}
	if q.Interval != 0 {
		dst = append(dst, `,"series":[`...)
		for i, p := range g.Points {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendInt(dst, `{"timestamp":`, p.Start)
			dst = append(appendInt(dst, `,"count":`, p.Count), '}')
		}
		dst = append(dst, ']')
	}
	return append(dst, '}')
}

// DecodeGroups decodes the answer to a groups call, with or without an envelope. Groups and others must add up to the
// total, and there must not be more groups than asked for. Errors have the code [InvalidResponse].
func DecodeGroups(body string, q *Question) (Groups, error) {
	return decodeRow(body, func(l *lexer, g *Groups) {
		l.objectPayload(func() { *g = l.groups(q) })
		sum := g.Other.Count
		for i := range g.Groups {
			sum += g.Groups[i].Count
		}
		switch {
		case sum != g.Total:
			l.fail("total", "is not the sum of the groups and others")
		case len(g.Groups) > q.Top:
			l.fail("groups", "has more groups than asked for")
		}
	})
}

func (l *lexer) groups(q *Question) (g Groups) {
	var total, groups bool
	for more := l.object("data"); more; more = l.next('}') {
		switch l.key() {
		case "total":
			n := l.quantity("total")
			g.Total, total = n.n, n.given
		case "inexact":
			g.Inexact, _ = l.flag("inexact")
		case "groups":
			groups = true
			for more := l.array("groups"); more; more = l.next(']') {
				l.row = len(g.Groups)
				g.Groups = append(g.Groups, l.group(q))
			}
			l.row = -1
		case "other":
			for more := l.object("other"); more; more = l.next('}') {
				switch l.key() {
				case "groups":
					g.Other.Groups = l.quantity("groups").n
				case "count":
					g.Other.Count = l.quantity("count").n
				default:
					l.skip()
				}
			}
		default:
			l.skip()
		}
	}
	l.need("total", total)
	l.need("groups", groups)
	return g
}

func (l *lexer) group(q *Question) (g Group) {
	keys, count, sent := 0, false, false
	for more := l.object("a group"); more; more = l.next('}') {
		switch l.key() {
		case "keys":
			for more := l.array("keys"); more; more = l.next(']') {
				if s := l.str("keys"); keys < len(g.Keys) {
					g.Keys[keys] = s
				}
				keys++
			}
		case "count":
			n := l.quantity("count")
			g.Count, count = n.n, n.given
		case "sent_count":
			n := l.quantity("sent_count")
			g.Sent, sent = n.n, n.given
		case "sender":
			g.Sender = l.str("sender")
		case "series":
			for more := l.array("series"); more; more = l.next(']') {
				g.Points = append(g.Points, l.groupPoint())
			}
		default:
			l.skip()
		}
	}
	wanted := 1
	if q.By[1] != NoDimension {
		wanted = 2
	}
	if keys != wanted {
		l.fail("keys", "has not one value for each dimension")
	}
	for i, d := range q.By {
		l.groupKey(d, g.Keys[i])
	}
	l.need("count", count)
	l.need("sent_count", sent || !q.Sent)
	return g
}

// groupKey fails if a key has not the form of its dimension.
func (l *lexer) groupKey(d Dimension, key string) {
	switch d {
	case DimensionUser, DimensionSender, DimensionHour, DimensionDay:
		if _, err := strconv.ParseInt(key, 10, 64); err != nil {
			l.fail("keys", "has a "+d.String()+" that is not a number")
		}
	}
}

func (l *lexer) groupPoint() (p GroupPoint) {
	var start, count quantity
	for more := l.object("a point"); more; more = l.next('}') {
		switch l.key() {
		case "timestamp":
			p.Start = l.time("timestamp")
			start.given = true
		case "count":
			count = l.quantity("count")
		default:
			l.skip()
		}
	}
	l.need("timestamp", start.given)
	l.need("count", count.given)
	p.Count = count.n
	return p
}
