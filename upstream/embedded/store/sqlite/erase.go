package sqlite

import (
	"context"
	"errors"
	"math"
	"regexp"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// erasedText replaces an address.
const erasedText = "erased"

// errDry ends a transaction that only counts.
var errDry = errors.New("only counted")

// Erase removes a recipient: see [store.Maintainer]. At its end it compacts the file, so that no free page contains the
// address, and empties the -wal. If it fails with [store.ErrInUse], only the -wal is not empty yet.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	err = s.change(ctx, "erase a recipient", func(w *writer) error {
		e := newEraser(w, address)
		if err := e.erase(); err != nil {
			return err
		}
		n = e.found
		if dry {
			return errDry
		}
		if n.Rows()+n.Edited+n.Unfinished > 0 {
			w.touch(everything)
			return w.keep(map[string]string{remains: "1"})
		}
		return nil
	})
	if dry && errors.Is(err, errDry) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	state, err := s.State(ctx, remains)
	if err != nil || len(state) == 0 {
		return n, err
	}
	return n, s.Compact(ctx)
}

// eraser erases an address within a transaction.
type eraser struct {
	*writer
	address, local, domain string
	pattern                *regexp.Regexp
	found                  store.Erased
}

func newEraser(w *writer, address string) *eraser {
	address = upstream.LowerAddress(address)
	at := max(strings.LastIndexByte(address, '@'), 0)
	e := &eraser{writer: w, address: address, local: address[:at], domain: strings.TrimPrefix(address[at:], "@")}
	e.pattern = addressPattern(e.local, e.domain)
	return e
}

func (e *eraser) erase() error {
	for _, k := range kinds {
		table := k.table
		rows, err := e.dropAll(k, -1, "r.id in (select id from "+table+
			" where domain_id = (select id from domain where name = ?) and lower(local) = lower(?)"+
			" union all select id from "+table+" where address is not null and lower(address) = lower(?))",
			e.domain, e.local, e.address)
		if err != nil {
			return err
		}
		*e.found.Of(k.Kind) = int64(rows)
	}
	for _, k := range kinds {
		if err := e.editAll(k); err != nil {
			return err
		}
	}
	var err error
	if e.found.Unfinished, err = e.eraseUnfinished(); err != nil {
		return err
	}
	n, err := e.conn.number(e.ctx, "select count(*) from sender where lower(address) = lower(?)", e.address)
	if err != nil {
		return err
	}
	e.found.Senders = n
	_, err = e.sweep(1, math.MaxInt64)
	return err
}

// editAll removes the address from the texts of all rows of a kind, some at a time.
func (e *eraser) editAll(k *kind) error {
	const some = 1000
	contains := func(text string) string { return "instr(lower(" + text + "), ?2) and instr(lower(" + text + "), ?3)" }
	texts := contains("r.email_id") + " or r.headers is not null and " + contains("r.headers")
	if k.Kind == upstream.Bounces {
		texts += " or " + contains("r.diagnostic") +
			" or r.id in (select id from bounce_content where " + contains("content") + ")"
	}
	last := firstID(-store.MaxTime) - 1
	for {
		rows, err := load(e.ctx, e.conn, k, some, "r.id > ?1 and ("+texts+")",
			last, asciiLower(e.local), asciiLower(e.domain))
		if err != nil {
			return err
		}
		for i := range rows {
			last = rows[i].id
			if err := e.edit(k, &rows[i]); err != nil {
				return err
			}
		}
		if len(rows) < some {
			return nil
		}
	}
}

// edit removes the address from a row's texts.
func (e *eraser) edit(k *kind, old *row) error {
	r := *old
	r.emailID, r.diag, r.content = e.without(r.emailID), e.without(r.diag), e.without(r.content)
	r.headers = slices.Clone(old.headers)
	for i := range r.headers {
		r.headers[i].Value = e.without(r.headers[i].Value)
	}
	if r.equal(k, old) && r.emailID == old.emailID {
		return nil
	}
	e.found.Edited++
	if err := e.drop(k, old); err != nil {
		return err
	}
	if r.emailID == old.emailID {
		return e.add(k, &r)
	}
	r.id = 0 // it has another place within its second
	others, err := load(e.ctx, e.conn, k, -1, "r.id >= ? and r.id < ?", firstID(r.time), firstID(r.time+1))
	if err != nil {
		return err
	}
	return e.second(k, others, []row{r})
}

// addressPattern matches an address: plainly, percent-encoded or in quoted-printable, in a return path
// (bounces+local=domain@), or in a forwarder's (SRS0=…=domain=local@).
func addressPattern(local, domain string) *regexp.Regexp {
	local, domain = regexp.QuoteMeta(local), regexp.QuoteMeta(domain)
	return regexp.MustCompile(`(?i)` + local + `(?:@|=40|%40|=)` + domain + `|` + domain + `=` + local)
}

// without returns a text without the address. As part of a longer address, such as jane@example.com in
// mary.jane@example.com, it stays.
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
		if before != "" && isAddressByte(before[len(before)-1], plain) ||
			after != "" && isAddressByte(after[0], false) {
			continue
		}
		b.WriteString(s[from:at[0]])
		b.WriteString(erasedText)
		from = at[1]
	}
	return b.String() + s[from:]
}

// isAddressByte reports whether c continues an address. In return paths an address follows a plus, a minus or an equals
// sign.
func isAddressByte(c byte, plain bool) bool {
	return c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '_' ||
		plain && (c == '+' || c == '-')
}

// asciiLower converts letters to lower case as SQLite does.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
