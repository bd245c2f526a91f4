package page

// Selected lists the parts of a connection that an operation selects.
type Selected struct {
	Rows     bool // the rows, or their cursors
	Next     bool // hasNextPage
	Previous bool // hasPreviousPage
	Total    bool // totalCount
	// RowsFirst says that the total waits for the rows: see [Connection.RowsFirst].
	RowsFirst bool
}

// Price is the number of calls that a [Connection] makes for the parts selected, planned and at most. The planned
// number assumes that the list is longer than the page, changes little meanwhile, and is counted in the fewest calls.
type Price struct {
	// Counts is the number of calls of Source.Count over the whole window.
	Counts int
	// First is the number of calls of Source.Fetch for the first page of the list: 0 or 1. The call is the same
	// for all connections over a list with the same start.
	First int
	// Pages is the number of other calls of Fetch, at most MaxPages. Connections over one list with equal
	// cursors and direction share them: together they cost what the most expensive of them costs.
	Pages, MaxPages int
	// MaxProbes is the maximum number of further calls of Fetch that look for the end of the list. The plan
	// assumes none, as if the list fit on its first page.
	MaxProbes int
}

// PriceOf returns the price of a connection with these arguments. The argument counted says whether its source
// has Count. Arguments that [Args.Open] rejects cost nothing.
func PriceOf(a Args, counted bool, s Selected) (p Price) {
	if a.Newest {
		a, s.Next, s.Previous = a.OldestFirst(), s.Previous, s.Next
	}
	e, err := a.extent()
	if err != nil {
		return p
	}
	walks := (s.Rows || s.Total && s.RowsFirst) && e.size > 0 ||
		s.Next && (!e.backward || a.Before != nil) || s.Previous && (e.backward || a.After != nil)
	cursors := a.After != nil || a.Before != nil
	switch {
	case !walks:
	case cursors:
		p.Pages, p.MaxPages = 1, maxCalls
	case e.backward:
		s.Total = true // counting finds the end
		p.Pages, p.MaxPages = 1, maxCalls
		if !counted {
			p.Pages = 0 // the probe has found the page
		}
	default:
		p.First = 1
	}
	if walks && e.size == MaxSize && (e.backward && s.Rows || s.Next && !e.backward) {
		p.Pages++ // the page ends where the upstream's page ends
		p.MaxPages = max(p.MaxPages, p.Pages)
	}
	switch {
	case !s.Total:
	case counted:
		p.Counts = 1
		if e.backward && walks {
			p.MaxProbes = maxCalls // if the count and the list disagree
		}
	default:
		p.First, p.MaxProbes = 1, maxCalls+maxPartCalls
	}
	return p
}

// Sound reports whether [Args.Open] accepts the numbers of these arguments.
func (a Args) Sound() bool {
	_, err := a.extent()
	return err == nil
}

// Size returns the maximum number of rows on a page with these arguments, or 0 if [Args.Open] rejects them.
func (a Args) Size() int {
	e, err := a.extent()
	if err != nil {
		return 0
	}
	return e.size
}

// Backward reports whether the rows are counted back from Before or from the end of the list.
func (a Args) Backward() bool {
	e, _ := a.extent()
	return e.backward
}
