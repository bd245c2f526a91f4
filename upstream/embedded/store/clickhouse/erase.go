package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Erase removes a recipient: see [store.Maintainer]. First it looks for the address. Then it writes the edited rows,
// and deletes the others. At last it merges all parts, so that no older version of a row stays. Others can write while
// it looks and merges, which takes longest.
func (s *Store) Erase(ctx context.Context, address string, dry bool) (n store.Erased, err error) {
	const clocks = 10 * time.Minute // by which those of other processes may be behind
	since := uint64(time.Now().Add(-clocks).UnixNano())
	seen, err := s.look(ctx, address)
	if err != nil || dry {
		return seen.found, err
	}
	var e *eraser
	mark := "" // of what remains
	err = s.inTurn(ctx, eraseWhat, func(ctx context.Context) (err error) {
		e = s.newEraser(address)
		e.seen, e.since = &seen.times, since
		mark, err = e.erase(ctx)
		return err
	})
	if e != nil {
		n = e.found
	}
	if err != nil || mark == "" {
		return n, err
	}
	if err := s.mergeVersions(ctx, address); err != nil {
		return n, err
	}
	return n, s.inTurn(ctx, eraseWhat, func(ctx context.Context) error {
		remains, err := s.state(ctx, store.Remains)
		if err != nil || remains[e.remains] != mark { // another Erase of the address has begun
			return err
		}
		return s.keep(ctx, map[string]string{e.remains: "", store.Remains: ""}) // the latter is of earlier versions
	})
}

const eraseWhat = "erase a recipient"

// mergeVersions merges all parts until no version of a row that was replaced contains the address. ClickHouse need not
// merge parts when it is told to, such as those that it is merging already.
func (s *Store) mergeVersions(ctx context.Context, address string) error {
	const tries = 3
	for n := 1; ; n++ {
		if err := s.write(ctx, eraseWhat, s.compact); err != nil {
			return err
		}
		left, err := s.look(ctx, address)
		switch {
		case err != nil || !left.outdated:
			return err
		case n == tries:
			return &upstream.Error{Code: upstream.Unavailable, Message: "the address has been removed from all " +
				"events, but ClickHouse has not yet merged all parts, so rows that were replaced still contain it: " +
				"run the same command again later"}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
}

// eraser erases an address.
type eraser struct {
	*writer
	store.Erasure
	remains  string // the key of the state that says that the address may remain
	found    store.Erased
	gone     [len(kinds)][]key // the rows to be deleted, in all versions
	hashes   map[uint64]bool   // the address in the index of recipients, in all spellings of rows
	outdated bool              // rows that were replaced, but not merged yet, contain the address

	times [len(kinds)]map[upstream.Time]bool // those of rows that contain the address
	// If seen is not nil, only rows of the times that an earlier look has found, and those written since, are read.
	seen  *[len(kinds)]map[upstream.Time]bool
	since uint64 // the first version that may have been written since
}

func (s *Store) newEraser(address string) *eraser {
	a := store.NewErasure(address)
	of := strings.ToLower(a.Local) + "@" + slices.Min(a.DomainKeys) // the same for all spellings of the address
	return &eraser{
		writer: &writer{Store: s}, Erasure: a,
		remains: fmt.Sprintf("%s/%d", store.Remains, recipientHash(of)),
		hashes:  map[uint64]bool{recipientHash(upstream.LowerAddress(address)): true},
	}
}

// look finds what contains an address.
func (s *Store) look(ctx context.Context, address string) (*eraser, error) {
	e := s.newEraser(address)
	return e, s.read(ctx, eraseWhat, func(ctx context.Context) error {
		*e = *s.newEraser(address) // it may run again
		_, err := e.look(ctx)
		return err
	})
}

// look finds what contains the address. It returns the changes of the state that remove it from unfinished messages.
func (e *eraser) look(ctx context.Context) (unfinished map[string]string, err error) {
	for _, k := range kinds {
		if err := e.find(ctx, k); err != nil {
			return nil, err
		}
	}
	unfinished, e.found.Unfinished = e.Unfinished(entries(ctx, "import_state final", "1", &err))
	return unfinished, errors.Join(err, e.editSenders(ctx), e.findOldState(ctx))
}

// erase erases the address from the last versions of rows. It returns the value that says that the address may remain,
// or "" if it does not.
func (e *eraser) erase(ctx context.Context) (mark string, err error) {
	remains, err := e.state(ctx, store.Remains)
	if err != nil {
		return "", err
	}
	unfinished, err := e.look(ctx)
	if err != nil {
		return "", err
	}
	gone := 0
	for _, keys := range e.gone {
		gone += len(keys)
	}
	if e.found.Edited+e.found.Unfinished == 0 && gone == 0 && !e.outdated &&
		remains[e.remains]+remains[store.Remains] == "" {
		return "", nil
	}
	mark = number(e.next(0))
	if err := e.keep(ctx, map[string]string{e.remains: mark}); err != nil {
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
	e.times[k.Kind] = map[upstream.Time]bool{}
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
	condition := "(" + strings.Join(or, " or ") + ")"
	if e.seen != nil {
		return e.findAgain(ctx, k, condition)
	}
	parts, err := e.parts(ctx, k, clip(ever), k.most())
	for _, part := range parts {
		if err == nil {
			err = e.findIn(ctx, k, within(part)+" and "+condition)
		}
	}
	return err
}

// findAgain finds the rows that an earlier look has found, or that were written since.
func (e *eraser) findAgain(ctx context.Context, k *kind, condition string) error {
	times := e.seen[k.Kind]
	since, err := values[upstream.Time](ctx, "select distinct time from "+k.table+" where version >= "+number(e.since)+
		" and "+condition)
	for _, t := range since {
		times[t] = true
	}
	for some := range slices.Chunk(slices.Sorted(maps.Keys(times)), maxTimes) {
		var f filter
		f.at(some)
		if err == nil {
			err = e.findIn(ctx, k, f.where[0]+" and "+condition)
		}
	}
	return err
}

// findIn finds the rows that meet a condition.
func (e *eraser) findIn(ctx context.Context, k *kind, where string) error {
	rows, err := e.rows(ctx, k, true, k.table+" where "+where+" order by time, id")
	if err != nil || len(rows) == 0 {
		return err
	}
	var f filter
	times := map[upstream.Time]bool{}
	for i := range rows {
		times[rows[i].Time] = true
	}
	f.at(slices.Collect(maps.Keys(times)))
	last := map[version]bool{}
	all, err := e.versions(ctx, e.from(k)+" where "+f.where[0])
	if err != nil {
		return err
	}
	for _, v := range all {
		last[v] = true
	}
	for i := range rows {
		old := &rows[i]
		recipient, edited := e.IsRecipient(&old.Event), e.edited(old)
		if !recipient && edited == nil {
			continue
		}
		e.times[k.Kind][old.Time] = true
		if e.Is(old.Recipient) {
			e.hashes[recipientHash(old.Recipient)] = true
		}
		switch {
		case !last[version{old.key(), old.version}]:
			e.outdated = true
		case old.removed: // its columns still contain what the event was
			e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
		case recipient:
			*e.found.Of(k.Kind)++
			e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
		default:
			e.found.Edited++
			if edited.key() != old.key() {
				e.gone[k.Kind] = append(e.gone[k.Kind], old.key())
			}
			e.known[k.Kind][old.key()] = old
			e.change(k, edited)
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
