package upstream

import "slices"

// PageSize is the maximum number of rows that a list call returns. The API has no limit parameter and reports no total:
// a page shorter than PageSize is the last one.
const PageSize = 500

// Page is the answer to a list's question, for code that treats rows of all kinds alike.
type Page interface {
	Len() int
	Identity(i int) Identity
	Texts(i int) Texts
	Event(i int) Event
	Slice(from, to int) Page
	Clone() Page
	Rows() any // as in the answer, such as []Bounce
}

type page[R any, P Row[R]] []R

func (p page[R, P]) Len() int                { return len(p) }
func (p page[R, P]) Identity(i int) Identity { return P(&p[i]).Identity() }
func (p page[R, P]) Texts(i int) Texts       { return P(&p[i]).Texts() }
func (p page[R, P]) Event(i int) Event       { return P(&p[i]).Event() }
func (p page[R, P]) Slice(from, to int) Page { return p[from:to:to] }
func (p page[R, P]) Clone() Page             { return slices.Clone(p) }
func (p page[R, P]) Rows() any               { return []R(p) }
