package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Erase removes a recipient: see [store.Maintainer]. First it writes the edited rows, and deletes the others. Then it
// merges all parts, so that no older version of a row stays. That takes longest, so others can write meanwhile.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	const what = "erase a recipient"
	var e *eraser
	run := s.inTurn
	if dry {
		run = s.read
	}
	mark := "" // of what remains
	err = run(ctx, what, func(ctx context.Context) (err error) {
		e = &eraser{writer: &writer{Store: s}, Erasure: store.NewErasure(address), hashes: map[uint64]bool{
			recipientHash(upstream.LowerAddress(address)): true,
		}}
		mark, err = e.erase(ctx, dry)
		return err
	})
	if e != nil {
		n = e.found
	}
	if err != nil || mark == "" {
		return n, err
	}
	if err := s.write(ctx, what, s.compact); err != nil {
		return n, err
	}
	return n, s.inTurn(ctx, what, func(ctx context.Context) error {
		remains, err := s.state(ctx, store.Remains)
		if err != nil || remains[store.Remains] != mark { // another Erase has begun
			return err
		}
		return s.keep(ctx, map[string]string{store.Remains: ""})
	})
}

// eraser erases an address.
type eraser struct {
	*writer
	store.Erasure
	found    store.Erased
	gone     [len(kinds)][]key // the rows to be deleted, in all versions
	hashes   map[uint64]bool   // the address in the index of recipients, in all spellings of rows
	outdated bool              // rows that were replaced, but not merged yet, contain the address
}

// erase erases the address from the last versions of rows. It returns the value of [store.Remains], or "" if nothing
// remains.
func (e *eraser) erase(ctx context.Context, dry bool) (mark string, err error) {
	remains, err := e.state(ctx, store.Remains)
	if err != nil {
		return "", err
	}
	for _, k := range kinds {
		if err := e.find(ctx, k); err != nil {
			return "", err
		}
	}
	var unfinished map[string]string
	unfinished, e.found.Unfinished = e.Unfinished(entries(ctx, "import_state final", "1", &err))
	if err := errors.Join(err, e.editSenders(ctx), e.findOldState(ctx)); err != nil || dry {
		return "", err
	}
	gone := 0
	for _, keys := range e.gone {
		gone += len(keys)
	}
	if e.found.Edited+e.found.Unfinished == 0 && gone == 0 && !e.outdated && len(remains) == 0 {
		return "", nil
	}
	mark = number(e.next(0))
	if err := e.keep(ctx, map[string]string{store.Remains: mark}); err != nil {
		return "", err
	}
	e.touch(everything)
	if err := e.flush(ctx, unfinished); err != nil {
		return "", err
	}
	if err := e.drop(ctx); err != nil {
		return "", err
	}
	recipients := idList(slices.Collect(maps.Keys(e.hashes)))
	return mark, e.removeRows(ctx, "recipient"+e.local, "recipient in ("+recipients+")")
}

// find finds the recipient's rows of a kind, and those whose texts contain the address, also removed ones and versions
// that were replaced.
func (e *eraser) find(ctx context.Context, k *kind) error {
	e.known[k.Kind], e.changes[k.Kind] = map[key]*row{}, map[key]bool{}
	texts := []string{
		"concat(local, '@', domain)", "ifNull(address, '')", "email_id", "arrayStringConcat(header_values, ' ')",
	}
	or := []string{}
	if k.Kind == upstream.Bounces {
		texts = append(texts, "diagnostic", "content")
		// In quoted-printable, any part of the address may be broken or encoded.
		or = append(or, `position(content, '=\n') > 0`, `position(content, '=\r\n') > 0`,
			"match(content, '=[2-7C-Fc-f][0-9A-Fa-f]')")
	}
	for _, text := range texts {
		has := func(key string) string { return "positionCaseInsensitive(" + text + ", " + quote(key) + ") > 0" }
		var domains []string
		for _, key := range e.DomainKeys {
			domains = append(domains, has(key))
		}
		or = append(or, "("+has(e.LocalKey)+" and ("+strings.Join(domains, " or ")+"))")
	}
	parts, err := e.parts(ctx, k, clip(ever), 20_000)
	for _, part := range parts {
		if err == nil {
			err = e.findIn(ctx, k, part, "("+strings.Join(or, " or ")+")")
		}
	}
	return err
}

// findIn finds the rows of a window that meet a condition.
func (e *eraser) findIn(ctx context.Context, k *kind, part upstream.Window, where string) error {
	rows, err := e.rows(ctx, k, true, k.table+" where "+within(part)+" and "+where+" order by time, id")
	if err != nil || len(rows) == 0 {
		return err
	}
	last := map[version]bool{}
	all, err := e.versions(ctx, e.from(k)+" where time >= "+number(rows[0].Time)+" and time <= "+
		number(rows[len(rows)-1].Time))
	if err != nil {
		return err
	}
	for _, v := range all {
		last[v] = true
	}
	for i := range rows {
		old := &rows[i]
		if e.Is(old.Recipient) {
			e.hashes[recipientHash(old.Recipient)] = true
		}
		if !last[version{old.key(), old.version}] {
			e.outdated = e.outdated || e.IsRecipient(&old.Event) || e.edited(old) != nil
			continue
		}
		if old.removed { // its columns still contain what the event was
			if e.IsRecipient(&old.Event) || e.edited(old) != nil {
				e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
			}
		} else if e.IsRecipient(&old.Event) {
			*e.found.Of(k.Kind)++
			e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
		} else if r := e.edited(old); r != nil {
			e.found.Edited++
			if r.key() != old.key() {
				e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
			}
			e.known[k.Kind][old.key()] = old
			e.change(k, r)
		}
	}
	return nil
}

// edited returns a row without the address in its texts, or nil if they do not contain it.
func (e *eraser) edited(old *row) *row {
	without, changed := e.Edited(&old.Event)
	if !changed {
		return nil
	}
	r := *old
	r.Event = without
	r.id = r.messageID()
	return &r
}

// drop deletes rows.
func (e *eraser) drop(ctx context.Context) error {
	var hours changedHours
	for i, gone := range e.gone {
		for _, at := range gone {
			hours.add(kinds[i], at.time)
		}
	}
	return e.changing(ctx, hours, func() error {
		for i, k := range kinds {
			// An edited row may get the key of a removed one.
			gone := slices.DeleteFunc(e.gone[i], func(at key) bool { return e.changes[i][at] })
			for some := range slices.Chunk(gone, 5000) {
				var keys []string
				for _, at := range some {
					keys = append(keys, fmt.Sprintf("(%d,%d)", at.time, at.id))
				}
				where := "(time, id) in (" + strings.Join(keys, ", ") + ")"
				if err := e.removeRows(ctx, k.table+e.local, where); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// findOldState finds values of the state that were replaced, but not merged yet.
func (e *eraser) findOldState(ctx context.Context) (err error) {
	_, messages := e.Unfinished(entries(ctx, "import_state",
		"(key, version) not in (select key, version from import_state final)", &err))
	e.outdated = e.outdated || messages > 0
	return err
}

// editSenders removes the address from senders' return paths. A sender with the address itself keeps it.
func (e *eraser) editSenders(ctx context.Context) error {
	var x sender
	var last upstream.ID // the sender of the row before, which is a later version
	return each(ctx, "select id, user_id, address, version from sender order by id, version desc",
		[]any{&x.SenderID, &x.UserID, &x.Address, &x.version}, func() {
			without := e.Without(x.Address)
			switch {
			case x.SenderID == last:
				e.outdated = e.outdated || without != x.Address
			case e.Is(x.Address):
				e.found.Senders++
			case without != x.Address:
				e.found.Edited++
				edited := sender{x.Sender, e.next(x.version)}
				edited.Address = without
				e.newSender = append(e.newSender, edited)
			}
			last = x.SenderID
		})
}
