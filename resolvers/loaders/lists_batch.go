package loaders

import (
	"cmp"
	"context"
	"sort"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

// ListsKey identifies the lists of all users or senders of a page: one for each, with the same kind, window and filter.
type ListsKey struct {
	// All is the first page of the list that has the rows of all of them, and perhaps of others.
	All upstream.Question
	// By says whether the lists are of users or of senders.
	By upstream.Rollup
	// Size is the number of users or senders on the page.
	Size int
	// Found is the window of the counts that found them, and FoundUser the user that these were limited to, or 0.
	Found     upstream.Window
	FoundUser upstream.ID
}

// Counts identifies the counts of all lists. They ignore filters that a counts call does not take.
func (k *ListsKey) Counts() CountsKey {
	return CountsKey{k.All.Kind, upstream.CountQuery{
		Window: k.All.Window, UserID: k.All.UserID, SenderID: k.All.SenderID, Rollup: k.By,
	}}
}

// Known reports whether the counts that found the users or senders are also those of the lists.
func (k *ListsKey) Known() bool {
	return k.All.Window == k.Found && k.All.UserID == k.FoundUser && k.All.SenderID == 0
}

// found identifies the counts that found the users or senders. It returns false if rows of the lists may lie
// outside their window.
func (k *ListsKey) found() (CountsKey, bool) {
	c := k.Counts()
	c.Query.Window, c.Query.UserID, c.Query.SenderID = k.Found, k.FoundUser, 0
	return c, k.Found.Start <= k.All.Window.Start && k.All.Window.End <= k.Found.End &&
		(k.FoundUser == 0 || k.FoundUser == k.All.UserID)
}

// readLists reads the lists of a key. Whether it takes fewer calls to read the list that has the rows of all
// follows from the counts that found the users or senders. Only if the lists have another window, and these counts do
// not show it, it asks for the counts of that window.
func (l *Loaders) readLists(ctx context.Context, api upstream.API, k ListsKey) (*Lists, error) {
	return togetherOf(ctx, l, api, &k)
}

const (
	// stride is the number of rows in a page that are not in the page before it. Pages overlap by a row, which
	// shows that no row is missing between them.
	stride = upstream.PageSize - 1
	// ManyLists is the number of lists from which on a counts call pays to find out how many rows they have.
	ManyLists = 4
	// maxRounds is the number of pages that are fetched one after another if the number of rows is not known
	// exactly. The rest is fetched concurrently.
	maxRounds = 4
)

// MaxPages returns the maximum number of pages of the list over all that are worth reading for size lists, for a
// caller who may see a number of users (or all: -1). The argument user says that the list is limited to one user.
//
// For callers with several users, each page of a list without a user costs a call for each of their users, and
// more if it is not the first.
func MaxPages(size, users int, user bool, by upstream.Rollup) int {
	switch {
	case users < 0 || users == 1 || user:
		return size - 1
	case by == upstream.ByUser:
		return 0
	}
	return min(1, size-1)
}

// PagesFor returns the number of overlapping pages that show n rows and the end of the list.
func PagesFor(n int64) int { return int(max(1, (n+stride-1)/stride)) }

// counted reports whether lists with the filter of q have as many rows as counts tell.
func counted(q *upstream.Question) bool {
	_, ok := q.Counted()
	return ok
}

// Total returns how many of the counted rows have the bounce type, or all if it is empty.
func Total(t upstream.Tally, b upstream.BounceType) int64 {
	switch b {
	case upstream.Hard:
		return t.Hard
	case upstream.Soft:
		return t.Soft
	}
	return t.Total
}

// together decides whether to read the list over all, reads it, and splits it.
func together[R any, P upstream.Row[R]](ctx context.Context, l *Loaders, api upstream.API,
	k *ListsKey) (*Lists, error) {
	most := MaxPages(k.Size, auth.FromContext(ctx).Users.Len(), k.All.UserID != 0, k.By)
	if most < 1 {
		return nil, nil
	}
	n, exact := l.rows(ctx, k, most)
	if n < 0 || PagesFor(n) > most {
		return nil, nil
	}
	pages, err := read[R, P](ctx, api, k.All, PagesFor(n), exact, most)
	if pages == nil || err != nil {
		return nil, err
	}
	return split[R, P](pages, k.By), nil
}

// rows returns the number of rows of all lists, or an upper bound. If the counts that found the users or senders do
// not show that most pages are enough, it asks for those of the lists. It returns -1 if that is not worth a call, or
// the call fails.
func (l *Loaders) rows(ctx context.Context, k *ListsKey, most int) (n int64, exact bool) {
	ask := func(c CountsKey) int64 {
		all, errs := l.Counts.All(ctx, []CountsKey{c})
		if errs[0] != nil {
			return -1
		}
		return Total(all[0].Sum, k.All.BounceType)
	}
	if found, ok := k.found(); ok {
		n = ask(found) // the operation has made this call
		if k.Known() {
			return n, counted(&k.All)
		}
		if n >= 0 && PagesFor(n) <= most {
			return n, false
		}
	}
	if k.Size < ManyLists {
		return -1, false
	}
	return ask(k.Counts()), counted(&k.All)
}

// read returns all rows of a list as pages that do not overlap. It expects a number of pages, exactly or at most,
// and reads up to most. It returns nil if there are more, or if the pages do not form a sorted list, each row once,
// within the window. Package resolvers then reads each list by itself, since package page copes with such
// upstreams.
func read[R any, P upstream.Row[R]](ctx context.Context, api upstream.Asker, all upstream.Question,
	expected int, exact bool, most int) ([][]R, error) {
	pages := make([][]R, 0, expected)
	fetch := func(n int) error {
		from := len(pages)
		pages = append(pages, make([][]R, n)...)
		errs := make([]error, n)
		upstream.Concurrently(n, func(i int) {
			q := all
			q.Offset = (from + i) * stride
			answer, err := api.Ask(ctx, &q)
			pages[from+i], _ = answer.([]R)
			errs[i] = err
		})
		return cmp.Or(errs...)
	}
	before := upstream.Identity{Time: all.Window.Start} // of the row before
	for i := range most {
		if i == len(pages) {
			n := 1
			if exact && i == 0 || !exact && i == maxRounds {
				n = max(1, expected-i)
			}
			if err := fetch(n); err != nil {
				return nil, err
			}
		}
		page := pages[i]
		full := len(page) >= upstream.PageSize
		if i > 0 { // continue after the last row
			at := 0
			for at < len(page) && P(&page[at]).Identity() != before {
				at++
			}
			if at == len(page) {
				return nil, nil
			}
			page = page[at+1:]
			pages[i] = page
		}
		for j := range page {
			id := P(&page[j]).Identity()
			if !all.Window.Contains(id.Time) || all.UserID != 0 && id.UserID != all.UserID ||
				id.Time < before.Time || id == before {
				return nil, nil
			}
			before = id
		}
		if !full {
			return pages[:i+1], nil
		}
	}
	return nil, nil
}

// Lists has the rows of the lists of a page of users or senders.
type Lists struct{ rows any } // map[upstream.ID][]R

// split groups rows by user or by sender.
func split[R any, P upstream.Row[R]](pages [][]R, by upstream.Rollup) *Lists {
	each := func(do func(upstream.ID, *R)) {
		for _, page := range pages {
			for i := range page {
				id := P(&page[i]).Identity()
				if by == upstream.ByUser {
					do(id.UserID, &page[i])
				} else {
					do(id.SenderID, &page[i])
				}
			}
		}
	}
	number, total := map[upstream.ID]int{}, 0
	each(func(id upstream.ID, _ *R) { number[id]++; total++ })
	room := make([]R, total)
	lists := make(map[upstream.ID][]R, len(number))
	for id, n := range number {
		lists[id], room = room[:0:n], room[n:]
	}
	each(func(id upstream.ID, r *R) { lists[id] = append(lists[id], *r) })
	return &Lists{lists}
}

// PageOf returns what the upstream would return for the list of a user or sender: at most [upstream.PageSize] rows
// from start on, without the first offset ones.
func PageOf[R any, P upstream.Row[R]](l *Lists, id upstream.ID, start upstream.Time, offset int) []R {
	rows := l.rows.(map[upstream.ID][]R)[id]
	rows = rows[sort.Search(len(rows), func(i int) bool { return P(&rows[i]).Identity().Time >= start }):]
	rows = rows[min(offset, len(rows)):]
	n := min(len(rows), upstream.PageSize)
	return rows[:n:n]
}

// TotalOf returns the number of rows of the list of a user or sender. Of no lists, it is 0.
func TotalOf[R any](l *Lists, id upstream.ID) int64 {
	if l == nil {
		return 0
	}
	return int64(len(l.rows.(map[upstream.ID][]R)[id]))
}
