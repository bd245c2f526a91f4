package sqlite

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// errDry ends a transaction that only counts.
var errDry = errors.New("only counted")

// Erase removes a recipient: see [store.Maintainer]. At its end it compacts the file, so that no free page contains the
// address, and empties the -wal. If it fails with [store.ErrInUse], only the -wal is not empty yet.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	err = s.change(ctx, "erase a recipient", func(w *writer) {
		e := &eraser{writer: w, Erasure: store.NewErasure(address)}
		e.erase()
		n = e.found
		if dry {
			w.Fail(errDry)
		}
		if n.Rows()+n.Edited+n.Unfinished > 0 {
			w.touch(everything)
			w.keep(map[string]string{store.Remains: strconv.FormatInt(w.generation, 10)})
		}
	})
	if dry && errors.Is(err, errDry) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	state, err := s.State(ctx, store.Remains)
	if err != nil || len(state) == 0 {
		return n, err
	}
	err = s.Compact(ctx)
	if err != nil && !errors.Is(err, store.ErrInUse) && ctx.Err() == nil {
		err = fmt.Errorf("the address has been removed from all rows, "+
			"but unused parts of the file may still contain it: %w", err)
	}
	return n, err
}

// eraser erases an address within a transaction.
type eraser struct {
	*writer
	store.Erasure
	found store.Erased
}

func (e *eraser) erase() {
	var domains []int64
	for v := range e.Rows("select id, name from domain") {
		if e.IsDomain(text(v[1])) {
			domains = append(domains, integer(v[0]))
		}
	}
	for _, k := range kinds {
		e.dropRows(k, domains)
	}
	for _, k := range kinds {
		e.editAll(k)
	}
	unfinished, messages := e.Unfinished(e.state(""))
	e.keep(unfinished)
	e.found.Unfinished = messages
	e.editSenders()
	e.sweep(1, math.MaxInt64)
}

// editSenders removes the address from senders' return paths. A sender with the address itself keeps it.
func (e *eraser) editSenders() {
	edited := map[int64]string{}
	for v := range e.Rows("select id, address from sender") {
		address := text(v[1])
		if e.Is(address) {
			e.found.Senders++
		} else if without := e.Without(address); without != address {
			edited[integer(v[0])] = without
		}
	}
	for id, address := range edited {
		e.Exec("update sender set address = ? where id = ?", address, id)
	}
	e.found.Edited += int64(len(edited))
}

// dropRows removes the recipient's rows of a kind.
func (e *eraser) dropRows(k *kind, domains []int64) {
	drop := func(where string, args ...any) {
		*e.found.Of(k.Kind) += int64(e.dropAll(k, -1, where, args...))
	}
	for _, domain := range domains {
		for _, local := range e.Values("select distinct local from "+k.table+
			` where domain_id = ? and local like ? escape '\'`, domain, likePattern(e.Local)) {
			if strings.EqualFold(text(local), e.Local) {
				drop("r.domain_id = ? and r.local = ?", domain, local)
			}
		}
	}
	for _, address := range e.Values("select distinct address from " + k.table + " where address is not null") {
		if e.Is(text(address)) {
			drop("r.address = ?", address)
		}
	}
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

// editAll removes the address from the texts of all rows of a kind, some at a time. It reads the rows of a second
// together, since they may get other ids when they are written.
func (e *eraser) editAll(k *kind) {
	const some = 200
	args := []any{int64(0), int64(0), e.LocalKey} // the first two are those of the rows to read
	var domain []string
	for _, key := range e.DomainKeys {
		args = append(args, key)
		domain = append(domain, fmt.Sprintf("instr(lower(%%[1]s), ?%d)", len(args)))
	}
	contains := func(text string) string {
		return fmt.Sprintf("instr(lower(%[1]s), ?3) and ("+strings.Join(domain, " or ")+")", text)
	}
	texts := contains("r.email_id") + " or r.headers is not null and " + contains("r.headers")
	if k.Kind == upstream.Bounces {
		texts += " or " + contains("r.diagnostic") + " or " + contains("content") +
			// or in quoted-printable, which may break or encode any part of an address
			" or instr(content, '=' || char(10)) or instr(content, '=' || char(13, 10))" +
			" or content glob '*=[2-7C-Fc-f][0-9A-Fa-f]*'" +
			" or instr(content, char(0))" // where glob ends
	}
	find := func(limit int, start, end int64) []row {
		args[0], args[1] = start, end
		return e.load(k, limit, "r.id >= ?1 and r.id < ?2 and ("+texts+")", args...)
	}
	for start, rows := firstID(-store.MaxTime), some; rows == some; {
		found := find(some, start, math.MaxInt64)
		if rows = len(found); rows == some {
			last := found[some-1]
			start = firstID(last.Time + 1)
			found = append(found, find(-1, last.id+1, start)...)
		}
		e.edit(k, found)
	}
}

// edit removes the address from the texts of rows. They may get other places within their seconds.
func (e *eraser) edit(k *kind, found []row) {
	var all []row
	for i := range found {
		old := &found[i]
		edited, changed := e.Edited(&old.Event)
		if !changed {
			continue
		}
		e.found.Edited++
		if edited.EmailID != old.EmailID {
			e.drop(k, old)
		}
		all = append(all, row{Event: edited})
	}
	e.put(k, all)
}
