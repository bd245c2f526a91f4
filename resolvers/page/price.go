package page

// Selected says what of a connection is asked for.
type Selected struct {
	Rows     bool // its rows, or their cursors
	Next     bool // hasNextPage
	Previous bool // hasPreviousPage
	Total    bool // totalCount
	// RowsFirst says that the total waits for the rows: [Connection.RowsFirst].
	RowsFirst bool
}

// Price is how many calls a [Connection] makes for what is selected of it: as
// planned, where its list is longer than its page, changes little meanwhile, and is
// counted in the fewest calls; and at most.
type Price struct {
	// Counts are the calls of Source.Count over the whole window.
	Counts int
	// First are calls of Source.Fetch for the first page of the list: no more than
	// one, and the same for every connection of a list that starts there.
	First int
	// Pages are the other calls of Fetch, at most MaxPages. Connections of one list
	// with equal cursors and in one direction share them: it is as many as the one
	// with the most makes.
	Pages, MaxPages int
	// MaxProbes is how many further calls of Fetch may look for the list's end. Planned
	// are none: connections of one list share them.
	MaxProbes int
}

// PriceOf prices a connection with these arguments; counted says whether its source
// can count. Arguments that [New] refuses cost nothing.
func PriceOf(a Args, counted bool, s Selected) (p Price) {
	e, err := a.extent()
	if err != nil {
		return p
	}
	walks := (s.Rows || s.Total && s.RowsFirst) && e.size > 0 || s.Next && (!e.backward || a.Before != nil) || s.Previous && (e.backward || a.After != nil)
	cursors := a.After != nil || a.Before != nil
	switch {
	case !walks:
	case cursors:
		p.Pages, p.MaxPages = 1, maxCalls
	case e.backward:
		s.Total = true // the end is found by counting
		p.Pages, p.MaxPages = 1, maxCalls
		if !counted {
			p.Pages = 0 // the probe has found the page
		}
	default:
		p.First = 1
	}
	if walks && e.size == MaxSize && (e.backward && s.Rows || s.Next && !e.backward) {
		p.Pages++ // the page ends where the upstream's ends
		p.MaxPages = max(p.MaxPages, p.Pages)
	}
	switch {
	case !s.Total:
	case counted:
		p.Counts = 1
		if e.backward && walks {
			p.MaxProbes = maxCalls // where count and list are of two minds
		}
	default:
		p.First, p.MaxProbes = 1, maxCalls
	}
	return p
}

// Sound says whether [New] takes the numbers of these arguments.
func (a Args) Sound() bool {
	_, err := a.extent()
	return err == nil
}

// Size is how many rows a page with these arguments has at most; 0 where [New]
// refuses them.
func (a Args) Size() int {
	e, err := a.extent()
	if err != nil {
		return 0
	}
	return e.size
}

// Backward says whether the rows are counted from the end of the list, or back from
// Before.
func (a Args) Backward() bool {
	e, _ := a.extent()
	return e.backward
}
