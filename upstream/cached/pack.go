package cached

import (
	"hash/maphash"
	"reflect"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// size is the size of an answer.
type size struct {
	rows  int
	bytes int
}

// packed copies an answer into memory of its own, and returns its size.
func packed(answer any) (any, size) {
	switch a := answer.(type) {
	case []upstream.Count:
		return packCounts(a)
	case []upstream.Series:
		return packSeries(a)
	case []string:
		return packCodes(a)
	case upstream.Groups:
		return packGroups(a)
	}
	return packedRows(answer)
}

// pack copies rows with their strings into memory of their own. Decoded rows refer to the text of the whole page,
// including keys and punctuation, so keeping them would use more than twice the memory, and an unknown amount. Headers
// that several rows have, such as those of a mailing, are kept once, and the parts of an address refer to the address:
// that is half of a page.
func pack[T any](rows []T, fields func(*packer, *T)) ([]T, size) {
	if rows == nil {
		return nil, size{}
	}
	packed := make([]T, len(rows))
	copy(packed, rows)
	var p packer
	for i := range packed {
		fields(&p, &packed[i])
	}
	p.allocate()
	for i := range packed {
		fields(&p, &packed[i])
	}
	return packed, size{
		rows:  len(packed),
		bytes: len(packed)*sizeOf[T]() + p.text.Cap() + cap(p.headers)*sizeOf[upstream.Header](),
	}
}

func sizeOf[T any]() int { return int(reflect.TypeFor[T]().Size()) }

// packer visits all strings and headers of the rows twice: to count them, and to move them.
type packer struct {
	moving  bool
	length  int // of all strings
	count   int // of all headers
	text    strings.Builder
	headers []upstream.Header

	hash  maphash.Hash
	lists map[uint64][]upstream.Header // of headers, the first of equal ones, by their hash
	moved map[listed][]upstream.Header // their copies; nil before they are moved
}

// listed identifies a list of headers by its place in memory.
type listed struct {
	first *upstream.Header
	n     int
}

// maxLists is the number of lists of headers that later ones are compared with. Rows with more distinct lists have
// little in common.
const maxLists = 64

func (p *packer) allocate() {
	p.moving = true
	p.text.Grow(p.length)
	p.headers = make([]upstream.Header, 0, p.count)
}

func (p *packer) str(s *string) {
	if !p.moving {
		p.length += len(*s)
		return
	}
	from := p.text.Len()
	p.text.WriteString(*s) // never beyond what was grown, so earlier strings stay where they are
	*s = p.text.String()[from:]
}

// address visits an address and its parts.
func (p *packer) address(whole, local, domain *string) {
	p.str(whole)
	at := len(*local)
	if len(*whole) != at+len("@")+len(*domain) || (*whole)[:at] != *local || (*whole)[at] != '@' ||
		(*whole)[at+1:] != *domain {
		p.str(local)
		p.str(domain)
		return
	}
	*local, *domain = (*whole)[:at], (*whole)[at+1:]
}

func (p *packer) xheaders(hs *[]upstream.Header) {
	if len(*hs) == 0 {
		if *hs != nil {
			*hs = []upstream.Header{}
		}
		return
	}
	if !p.moving {
		if p.listed(hs) {
			return
		}
		p.count += len(*hs)
	}
	was := listed{&(*hs)[0], len(*hs)}
	now, shared := p.moved[was]
	if p.moving {
		if now != nil {
			*hs = now
			return
		}
		from := len(p.headers)
		p.headers = append(p.headers, *hs...)
		*hs = p.headers[from:len(p.headers):len(p.headers)]
	}
	for i := range *hs {
		p.str(&(*hs)[i].Name)
		p.str(&(*hs)[i].Value)
	}
	if p.moving && shared {
		p.moved[was] = *hs
	}
}

// listed replaces hs by an equal list of an earlier row, if there is one.
func (p *packer) listed(hs *[]upstream.Header) bool {
	p.hash.Reset()
	for _, h := range *hs {
		_, _ = p.hash.WriteString(h.Name)
		_ = p.hash.WriteByte(0)
		_, _ = p.hash.WriteString(h.Value)
		_ = p.hash.WriteByte(0)
	}
	key := p.hash.Sum64()
	first, met := p.lists[key]
	if met && slices.Equal(first, *hs) {
		*hs = first
		return true
	}
	if !met && len(p.lists) < maxLists {
		if p.lists == nil {
			p.lists, p.moved = map[uint64][]upstream.Header{}, map[listed][]upstream.Header{}
		}
		p.lists[key] = *hs
		p.moved[listed{&(*hs)[0], len(*hs)}] = nil
	}
	return false
}

func (p *packer) sender(c *upstream.Count) { p.str(&c.Sender) }

func packCounts(rows []upstream.Count) ([]upstream.Count, size) { return pack(rows, (*packer).sender) }
func packCodes(codes []string) ([]string, size)                 { return pack(codes, (*packer).str) }

func packGroups(g upstream.Groups) (upstream.Groups, size) {
	var s size
	g.Groups, s = pack(g.Groups, (*packer).group)
	s.bytes += sizeOf[upstream.Groups]() +
		movePoints(g.Groups, func(g *upstream.Group) *[]upstream.GroupPoint { return &g.Points })
	return g, s
}

func (p *packer) group(g *upstream.Group) {
	p.str(&g.Keys[0])
	p.str(&g.Keys[1])
	p.str(&g.Sender)
}

func packSeries(series []upstream.Series) ([]upstream.Series, size) {
	packed, s := pack(series, func(*packer, *upstream.Series) {})
	s.bytes += movePoints(packed, func(s *upstream.Series) *[]upstream.Point { return &s.Points })
	return packed, s
}

// movePoints moves the points of all rows into one array, and returns its size in bytes.
func movePoints[T, P any](rows []T, points func(*T) *[]P) int {
	n := 0
	for i := range rows {
		n += len(*points(&rows[i]))
	}
	all := make([]P, 0, n)
	for i := range rows {
		of, from := points(&rows[i]), len(all)
		all = append(all, *of...)
		*of = all[from:len(all):len(all)]
	}
	return cap(all) * sizeOf[P]()
}
