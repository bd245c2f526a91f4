package sqlite

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// erasedText takes the place of an address.
const erasedText = "erased"

// errDry ends a transaction that only counts.
var errDry = errors.New("nothing is to be changed")

// Erase removes a recipient: its rows, their headers and messages, and the address from the
// email ids, headers, diagnostics and messages of other rows, written plainly, in a return
// path (VERP, SRS) or percent-encoded, whatever the case of its letters. Then it compacts
// the file, so that no free page has remains of it, and empties the -wal. With dry it only
// counts. An Erase that was interrupted is completed by another one; if it fails with
// [store.ErrInUse], only the -wal is left to be emptied.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	address = upstream.LowerAddress(address)
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	err = s.change(ctx, "erase a recipient", func(w *writer) error {
		w.sweeps = true
		e := eraser{writer: w, address: address, pattern: addressPattern(address)}
		if err := e.erase(); err != nil {
			return err
		}
		n = e.found
		if dry {
			return errDry
		}
		if n.Rows()+n.Edited > 0 {
			w.touch(everything)
			return w.keep(map[string]string{remains: "1"})
		}
		return nil
	})
	if dry && errors.Is(err, errDry) {
		return n, nil
	}
	if err != nil || dry {
		return n, err
	}
	state, err := s.State(ctx, remains)
	if err != nil || len(state) == 0 {
		return n, err
	}
	return n, s.Compact(ctx)
}

type eraser struct {
	*writer
	address string
	pattern *regexp.Regexp
	found   store.Erased
}

func (e *eraser) erase() error {
	at := max(strings.LastIndexByte(e.address, '@'), 0)
	local, domain := e.address[:at], strings.TrimPrefix(e.address[at:], "@")
	for _, k := range kinds {
		n, err := e.dropAll(k, "r.id in (select id from "+k.table+" where domain_id = (select id from domain where name = ?) and lower(local) = lower(?)"+
			" union all select id from "+k.table+" where address is not null and lower(address) = lower(?))", domain, local, e.address)
		if err != nil {
			return err
		}
		add(&e.found.Removed, k.Kind, int64(n))
	}
	needle := asciiLower(local)
	for _, k := range kinds {
		mention := "instr(lower(r.email_id), ?1) or r.headers is not null and instr(lower(r.headers), ?1)"
		if k.Kind == upstream.Bounces {
			mention += " or instr(lower(r.diagnostic), ?1) or r.id in (select id from bounce_content where instr(lower(content), ?1))"
		}
		rows, err := load(e.ctx, e.conn, k, mention, needle)
		if err != nil {
			return err
		}
		for i := range rows {
			if err := e.edit(k, &rows[i]); err != nil {
				return err
			}
		}
	}
	n, err := e.conn.number(e.ctx, "select count(*) from sender where lower(address) = lower(?)", e.address)
	e.found.Senders = n
	return err
}

// edit takes the address out of a row's texts.
func (e *eraser) edit(k *kind, old *row) error {
	r := *old
	r.emailID, r.diag, r.content = e.without(r.emailID), e.without(r.diag), e.without(r.content)
	r.headers = append([]upstream.Header(nil), old.headers...)
	if old.headers != nil && r.headers == nil {
		r.headers = []upstream.Header{}
	}
	for i := range r.headers {
		r.headers[i].Value = e.without(r.headers[i].Value)
	}
	if r.equal(old) && r.emailID == old.emailID {
		return nil
	}
	e.found.Edited++
	if err := e.drop(k, old); err != nil {
		return err
	}
	if r.emailID == old.emailID {
		return e.add(k, &r)
	}
	r.id = 0 // its place in the order of its second is another
	others, err := load(e.ctx, e.conn, k, "r.id >= ? and r.id < ?", firstID(r.time), firstID(r.time+1))
	if err != nil {
		return err
	}
	return e.second(k, others, []row{r})
}

// addressPattern finds an address: plainly, percent-encoded or in quoted-printable, in a
// return path (bounces+local=domain@), or in a forwarder's (SRS0=…=domain=local@).
func addressPattern(address string) *regexp.Regexp {
	at := max(strings.LastIndexByte(address, '@'), 0)
	local, domain := regexp.QuoteMeta(address[:at]), regexp.QuoteMeta(strings.TrimPrefix(address[at:], "@"))
	return regexp.MustCompile(`(?i)` + local + `(?:@|=40|%40|=)` + domain + `|` + domain + `=` + local)
}

// without gives a text without the address. Where it is part of a longer address, such as
// that of mary.jane@example.com for jane@example.com, it is another's and stays.
func (e *eraser) without(s string) string {
	found := e.pattern.FindAllStringIndex(s, -1)
	if found == nil {
		return s
	}
	var b strings.Builder
	from := 0
	for _, at := range found {
		plain := strings.ContainsRune(s[at[0]:at[1]], '@')
		before, after := s[:at[0]], s[at[1]:]
		if after != "" && (after[0] == '.' || after[0] == '-') { // which may end a sentence
			after = after[1:]
		}
		if before != "" && isAddressByte(before[len(before)-1], plain) || after != "" && isAddressByte(after[0], false) {
			continue
		}
		b.WriteString(s[from:at[0]])
		b.WriteString(erasedText)
		from = at[1]
	}
	return b.String() + s[from:]
}

// isAddressByte reports whether c goes on with an address. In return paths an address
// follows a plus, a minus or an equals sign.
func isAddressByte(c byte, plain bool) bool {
	return c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '_' || plain && (c == '+' || c == '-')
}

// asciiLower lowers letters as SQLite does.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
