package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"unicode"

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
	erasedAddress
	found store.Erased
}

func newEraser(w *writer, address string) *eraser {
	return &eraser{writer: w, erasedAddress: newErasedAddress(address)}
}

func (e *eraser) erase() error {
	domains := map[string]int64{} // their ids
	err := e.conn.each(e.ctx, func(v []driver.Value) error {
		if name := text(v[1]); e.isDomain(name) {
			domains[name] = integer(v[0])
		}
		return nil
	}, "select id, name from domain")
	if err != nil {
		return err
	}
	for _, k := range kinds {
		if err := e.dropRows(k, domains); err != nil {
			return err
		}
	}
	for _, k := range kinds {
		if err := e.editAll(k); err != nil {
			return err
		}
	}
	if e.found.Unfinished, err = e.eraseUnfinished(); err != nil {
		return err
	}
	if err := e.editSenders(); err != nil {
		return err
	}
	_, err = e.sweep(1, math.MaxInt64)
	return err
}

// editSenders removes the address from senders' return paths. A sender with the address itself keeps it.
func (e *eraser) editSenders() error {
	edited := map[int64]string{}
	err := e.conn.each(e.ctx, func(v []driver.Value) error {
		address := text(v[1])
		if e.is(address) {
			e.found.Senders++
		} else if without := e.without(address); without != address {
			edited[integer(v[0])] = without
		}
		return nil
	}, "select id, address from sender")
	for id, address := range edited {
		if err == nil {
			err = e.conn.exec("update sender set address = ? where id = ?", address, id)
		}
	}
	e.found.Edited += int64(len(edited))
	return err
}

// dropRows removes the recipient's rows of a kind.
func (e *eraser) dropRows(k *kind, domains map[string]int64) error {
	drop := func(where string, args ...any) error {
		rows, err := e.dropAll(k, -1, where, args...)
		*e.found.Of(k.Kind) += int64(rows)
		return err
	}
	for _, domain := range domains {
		locals, err := e.texts(func(local string) bool { return strings.EqualFold(local, e.local) },
			"select distinct local from "+k.table+` where domain_id = ? and local like ? escape '\'`, domain,
			likePattern(e.local))
		for _, local := range locals {
			if err == nil {
				err = drop("r.domain_id = ? and r.local = ?", domain, local)
			}
		}
		if err != nil {
			return err
		}
	}
	addresses, err := e.texts(e.is, "select distinct address from "+k.table+" where address is not null")
	for _, address := range addresses {
		if err == nil {
			err = drop("r.address = ?", address)
		}
	}
	return err
}

// texts returns the texts of a query's answer that are wanted.
func (e *eraser) texts(wanted func(string) bool, query string, args ...any) (list []string, err error) {
	err = e.conn.each(e.ctx, func(v []driver.Value) error {
		if s := text(v[0]); wanted(s) {
			list = append(list, s)
		}
		return nil
	}, query, args...)
	return list, err
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

// editAll removes the address from the texts of all rows of a kind, some at a time.
func (e *eraser) editAll(k *kind) error {
	const some = 200
	last := firstID(-store.MaxTime) - 1
	args := []any{last, e.localKey}
	var domain []string
	for _, key := range e.domainKeys {
		args = append(args, key)
		domain = append(domain, fmt.Sprintf("instr(lower(%%[1]s), ?%d)", len(args)))
	}
	contains := func(text string) string {
		return fmt.Sprintf("instr(lower(%[1]s), ?2) and ("+strings.Join(domain, " or ")+")", text)
	}
	texts := contains("r.email_id") + " or r.headers is not null and " + contains("r.headers")
	if k.Kind == upstream.Bounces {
		texts += " or " + contains("r.diagnostic") + " or " + contains("content") +
			// or in quoted-printable, which may break or encode any part of an address
			" or instr(content, '=' || char(10)) or instr(content, '=' || char(13, 10))" +
			" or content glob '*=[2-7C-F][0-9A-F]*'"
	}
	for {
		args[0] = last
		rows, err := load(e.ctx, e.conn, k, some, "r.id > ?1 and ("+texts+")", args...)
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
	for _, text := range []*string{&r.emailID, &r.DiagnosticCode, &r.FullContent} {
		*text = e.without(*text)
	}
	r.headers = slices.Clone(old.headers)
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
	r.id = 0 // it has another place within its second
	others, err := load(e.ctx, e.conn, k, -1, "r.id >= ? and r.id < ?", firstID(r.time), firstID(r.time+1))
	if err != nil {
		return err
	}
	return e.second(k, others, []row{r})
}
