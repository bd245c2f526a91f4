package store

import (
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/index"
)

// clause is one filter: rows that have any of the field's terms.
type clause struct {
	field index.Field
	terms []index.Term
}

// filter is what a list asks for beside its window. All clauses must hold; with
// none, all rows match.
type filter struct {
	clauses []clause
	none    bool // nothing can match
}

// filter is q as clauses, those first that are likely to leave the fewest rows.
func (r *reader) filter(k upstream.Kind, only []upstream.ID, q *upstream.ListQuery) filter {
	var f filter
	h := index.NewHasher(r.store.term)
	text := func(field index.Field, value string) {
		if value != "" {
			f.clauses = append(f.clauses, clause{field, []index.Term{h.Text(value)}})
		}
	}
	ids := func(field index.Field, ids ...upstream.ID) {
		c := clause{field: field}
		for _, id := range ids {
			c.terms = append(c.terms, h.ID(int64(id)))
		}
		slices.Sort(c.terms)
		c.terms = slices.Compact(c.terms)
		f.clauses = append(f.clauses, c)
		f.none = f.none || len(ids) == 0
	}

	text(index.Recipient, q.Recipient)
	text(index.Local, q.Local)
	for _, x := range q.XHeaders {
		f.clauses = append(f.clauses, clause{index.XHeader, []index.Term{h.Header(x.Name, x.Value)}})
	}
	text(index.Domain, q.Domain)
	switch k {
	case upstream.Bounces:
		text(index.Category, q.BounceCategory)
		text(index.Type, string(q.BounceType))
	case upstream.BlockedEmails:
		text(index.Reason, q.BlockedReason)
	}
	if q.Sender != "" {
		senders := r.senders.byAddress[q.Sender]
		if q.SenderID != 0 {
			f.none = f.none || !slices.Contains(senders, q.SenderID)
		} else {
			ids(index.Sender, senders...)
		}
	}
	if q.SenderID != 0 {
		ids(index.Sender, q.SenderID)
	}
	switch {
	case q.UserID != 0:
		ids(index.User, q.UserID)
		f.none = f.none || only != nil && !slices.Contains(only, q.UserID)
	case only != nil:
		ids(index.User, only...)
	}
	if k == upstream.Emails && q.Delivered {
		f.clauses = append(f.clauses, clause{index.Delivered, []index.Term{h.ID(1)}})
	}
	return f
}

// matcher finds the rows of one chunk after another that pass a filter.
type matcher struct {
	*reader
	filter filter

	// Of the chunk at hand: the rows from lo up to hi, and of those the ones that all
	// postings have. They are only put together in set when that is asked for.
	lo, hi   int
	postings []index.Posting
	set      index.Set
	done     bool // set is what it should be
	spare    index.Set
}

// match turns to the rows of ch from lo up to hi, and gives how many pass.
func (m *matcher) match(ch *chunk, lo, hi int) (int, error) {
	m.lo, m.hi, m.postings, m.done = lo, hi, m.postings[:0], false
	if m.filter.none || lo == hi {
		m.hi = lo
		return 0, nil
	}
	for _, c := range m.filter.clauses {
		n, err := m.clause(ch, c)
		if err != nil || n == 0 {
			m.hi = lo
			m.done = false
			m.postings = m.postings[:0]
			return 0, err
		}
	}
	switch {
	case !m.done && len(m.postings) == 0:
		return hi - lo, nil
	case !m.done && len(m.postings) == 1 && lo == 0 && hi == ch.rows:
		return m.postings[0].Len(), nil
	}
	m.finish()
	return m.set.Len(), nil
}

// clause narrows the rows to those of one clause, and gives how many the whole
// chunk has of them.
func (m *matcher) clause(ch *chunk, c clause) (int, error) {
	if len(c.terms) == 1 {
		p, err := m.posting(ch, c.field, c.terms[0])
		if err == nil && p.Len() > 0 && p.Len() < ch.rows {
			m.postings = append(m.postings, p)
		}
		return p.Len(), err
	}
	// A row has one user and one sender, so the terms' rows have none in common.
	n := 0
	m.spare.Clear()
	for _, t := range c.terms {
		p, err := m.posting(ch, c.field, t)
		if err != nil {
			return 0, err
		}
		m.spare.Or(p)
		n += p.Len()
	}
	if n > 0 && n < ch.rows {
		m.start()
		m.set.AndSet(&m.spare)
	}
	return n, nil
}

// start makes the set all rows at hand, unless it was begun.
func (m *matcher) start() {
	if !m.done {
		m.set.Fill(m.lo, m.hi)
		m.done = true
	}
}

// finish puts the set together.
func (m *matcher) finish() {
	m.start()
	for _, p := range m.postings {
		m.set.And(p)
	}
	m.postings = m.postings[:0]
}

// rows appends the numbers of at most limit rows that pass, after skipping skip.
func (m *matcher) rows(dst []int, skip, limit int) []int {
	if !m.done && len(m.postings) == 0 {
		for row := m.lo + skip; row < min(m.hi, m.lo+skip+limit); row++ {
			dst = append(dst, row)
		}
		return dst
	}
	m.finish()
	return m.set.AppendRows(dst, skip, limit)
}

// posting is the rows of a chunk that have the term.
func (r *reader) posting(ch *chunk, f index.Field, t index.Term) (index.Posting, error) {
	s, ok := ch.layout.Slot(f, t)
	if !ok {
		return index.Posting{}, nil
	}
	b, err := r.blob(blocks, ch.block(s))
	if err != nil || len(b) == 0 {
		return index.Posting{}, err // a block without terms is not kept
	}
	return index.Find(b, t, ch.rows)
}
