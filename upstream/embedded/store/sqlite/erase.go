package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Erase removes a recipient: see [store.Maintainer]. It looks for the address while others write, and then removes it
// in one transaction. At its end it compacts the file, so that no free page contains the address, and empties the -wal.
// If it fails with [store.ErrInUse], only the -wal is not empty yet.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	const what = "erase a recipient"
	if !dry {
		if err := s.Finish(ctx); err != nil {
			return n, err
		}
	}
	e := &eraser{Erasure: store.NewErasure(address)}
	if err := s.read(ctx, what, func(r *reader) { e.look(r.conn) }); err != nil || dry {
		return e.found, err
	}
	err = s.change(ctx, what, func(w *writer) {
		if e.erase(w); w.changed {
			w.touch(everything)
			w.keep(map[string]string{store.Remains: strconv.FormatInt(w.generation, 10)})
		}
	})
	if err != nil {
		return n, err
	}
	state, err := s.State(ctx, store.Remains)
	if err != nil {
		return e.found, err
	} else if len(state) == 0 {
		return e.found, s.sweep(ctx)
	}
	err = s.Compact(ctx) // which sweeps, too
	if err != nil && !errors.Is(err, store.ErrInUse) && ctx.Err() == nil {
		err = fmt.Errorf("the address has been removed from all rows, "+
			"but unused parts of the file may still contain it: %w", err)
	}
	return e.found, err
}

// eraser erases an address.
type eraser struct {
	store.Erasure
	found store.Erased
	gone  [len(kinds)][]condition // those of the recipient's rows
	edits [len(kinds)][]place     // of other rows that contain the address
}

// condition is a condition on rows r.
type condition struct {
	where string
	args  []any
}

// place is where a row was, and what identifies it. It may move.
type place struct {
	id            int64
	identity      upstream.Identity
	local, domain string
}

// look finds and counts what contains the address.
func (e *eraser) look(c conn) {
	var domains []any // names, since another process may give their ids to other domains before erase
	for _, name := range c.Values("select name from domain") {
		if e.IsDomain(text(name)) {
			domains = append(domains, name)
		}
	}
	for i, k := range kinds {
		e.gone[i], *e.found.Of(k.Kind) = e.findRows(c, k, domains)
		e.edits[i] = e.findTexts(c, k)
		e.found.Edited += int64(len(e.edits[i]))
	}
	e.findOthers(c)
}

// findRows returns the conditions of the recipient's rows of a kind, and the number of these rows.
func (e *eraser) findRows(c conn, k *kind, domains []any) (all []condition, rows int64) {
	ids := map[any]bool{}
	add := func(where string, args ...any) {
		all = append(all, condition{where, args})
		for _, id := range c.Values("select r.id from "+k.table+" r where "+where, args...) {
			ids[id] = true
		}
	}
	const inDomain = "r.domain_id = (select id from domain where name = ?)"
	for _, domain := range domains {
		for _, local := range c.Values("select distinct local from "+k.table+" r where "+inDomain+
			` and local like ? escape '\'`, domain, likePattern(e.Local)) {
			if strings.EqualFold(text(local), e.Local) {
				add(inDomain+" and r.local = ?", domain, local)
			}
		}
	}
	for _, address := range c.Values("select distinct address from " + k.table + " where address is not null") {
		if e.Is(text(address)) {
			add("r.address = ?", address)
		}
	}
	return all, int64(len(ids))
}

// findTexts returns where the rows of a kind are whose texts contain the address, but not those of the recipient.
func (e *eraser) findTexts(c conn, k *kind) (all []place) {
	args := []any{e.LocalKey}
	var domain []string
	for _, key := range e.DomainKeys {
		args = append(args, key)
		domain = append(domain, fmt.Sprintf("instr(lower(%%[1]s), ?%d)", len(args)))
	}
	contains := func(text string) string {
		return fmt.Sprintf("instr(lower(%[1]s), ?1) and ("+strings.Join(domain, " or ")+")", text)
	}
	texts := contains("r.email_id") + " or r.headers is not null and " + contains("r.headers")
	if k.Kind == upstream.Bounces {
		texts += " or " + contains("r.diagnostic") + " or " + contains("content") +
			// or in quoted-printable, which may break or encode any part of an address
			" or instr(content, '=' || char(10)) or instr(content, '=' || char(13, 10))" +
			" or content glob '*=[2-7C-Fc-f][0-9A-Fa-f]*'" +
			" or instr(content, char(0))" // where glob ends
	}
	for x := range c.events(k, -1, "("+texts+")", args...) {
		if _, changed := e.Edited(&x.Event); changed && !e.IsRecipient(&x.Event) {
			all = append(all, place{x.id, x.Identity, x.Local, x.Domain})
		}
	}
	return all
}

// findOthers returns senders without the address in their return paths, and the changes of the state that remove it
// from unfinished messages. A sender with the address itself keeps it.
func (e *eraser) findOthers(c conn) (senders map[int64]string, unfinished map[string]string) {
	senders = map[int64]string{}
	for v := range c.Rows("select id, address from sender") {
		address := text(v[1])
		if e.Is(address) {
			e.found.Senders++
		} else if without := e.Without(address); without != address {
			senders[integer(v[0])] = without
		}
	}
	e.found.Edited += int64(len(senders))
	unfinished, e.found.Unfinished = e.Unfinished(c.state(""))
	return senders, unfinished
}

// erase removes what was found, as far as it is still there.
func (e *eraser) erase(w *writer) {
	const some = 20 // rows that are edited at once, or all of a second, since they may get other ids
	e.found = store.Erased{}
	for i, k := range kinds {
		for _, c := range e.gone[i] {
			*e.found.Of(k.Kind) += int64(w.dropAll(k, -1, c.where, c.args...))
		}
	}
	for i, k := range kinds {
		for all := e.edits[i]; len(all) > 0; {
			n := min(some, len(all))
			for n < len(all) && all[n].identity.Time == all[n-1].identity.Time {
				n++
			}
			e.edit(w, k, all[:n])
			all = all[n:]
		}
	}
	senders, unfinished := e.findOthers(w.conn)
	for id, address := range senders {
		w.Exec("update sender set address = ? where id = ?", address, id)
	}
	w.keep(unfinished)
	if len(senders)+len(unfinished) > 0 {
		w.touch(everything)
	}
}

// edit removes the address from the texts of rows.
func (e *eraser) edit(w *writer, k *kind, found []place) {
	var rows, all []row
	for _, x := range found {
		now := w.load(k, 1, "r.id = ?", x.id)
		if len(now) == 0 || now[0].Identity != x.identity { // it has moved meanwhile
			old := row{Event: store.Event{Identity: x.identity, Local: x.local, Domain: x.domain}}
			now = w.load(k, -1, sameMessage, old.messageArgs()...)
		}
		rows = append(rows, now...)
	}
	slices.SortFunc(rows, func(a, b row) int { return cmp.Compare(a.id, b.id) })
	rows = slices.CompactFunc(rows, func(a, b row) bool { return a.id == b.id })
	for i := range rows {
		edited, changed := e.Edited(&rows[i].Event)
		if !changed {
			continue
		}
		e.found.Edited++
		if edited.EmailID != rows[i].EmailID {
			w.drop(k, &rows[i])
		}
		all = append(all, row{Event: edited})
	}
	w.put(k, all)
}

// likePattern returns a pattern for SQL's like, which knows the case of ASCII only: other characters match any.
func likePattern(s string) string {
	return strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '_'
		}
		return r
	}, strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(s))
}
