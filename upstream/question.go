package upstream

import (
	"hash/maphash"
	"slices"

	"deliverygraph/upstream/kind"
)

// Shape says what a question asks for.
type Shape uint8

// The shapes of questions, and the types of their answers.
const (
	ShapeList      Shape = iota // a page of a list: a slice of rows, such as []Bounce
	ShapeDetail                 // one bounce in full: BounceDetail
	ShapeCounts                 // counts by sender or by user: []Count
	ShapeSeries                 // counts by hour or day: []Series
	ShapeCatalogue              // codes, such as the bounce categories: []string
	ShapeGroups                 // the events of a list by groups: Groups
)

// Question is one call of the API as a comparable value. Equal questions have equal answers, so a Question can be the
// key of caches and of joined calls. Fields that its shape does not use are zero.
type Question struct {
	Shape Shape
	Kind  Kind

	ListQuery        // of a list and of groups; details, counts and series use a few of its fields
	Rollup    Rollup // of counts and series
	Grouping         // of groups; the interval also of series

	BounceTime Time   // of a detail
	EmailID    string // of a detail
}

// Question returns the question for a page of the list of kind k.
func (q ListQuery) Question(k Kind) Question {
	slices.SortStableFunc(q.Headers(), Header.compare)
	return Question{Shape: ShapeList, Kind: k, ListQuery: q}
}

// Question returns the question for a bounce in full.
func (k BounceKey) Question() Question {
	return Question{
		Shape: ShapeDetail, Kind: Bounces, ListQuery: ListQuery{UserID: k.UserID, SenderID: k.SenderID},
		BounceTime: k.BounceTime, EmailID: k.EmailID,
	}
}

// Question returns the question for counts of kind k or, with an interval, for time series.
func (q CountQuery) Question(k Kind) Question {
	shape := ShapeCounts
	if q.Interval != 0 {
		shape = ShapeSeries
	}
	return Question{
		Shape: shape, Kind: k, ListQuery: q.List(), Rollup: q.Rollup, Grouping: Grouping{Interval: q.Interval},
	}
}

var seed = maphash.MakeSeed()

// Hash returns a hash of the parts in which questions usually differ. It is the key of maps that would otherwise copy
// and hash whole questions.
func (q *Question) Hash() uint64 {
	return maphash.Comparable(seed, struct {
		window           Window
		offset           int
		user, sender     ID
		time             Time
		emailID, address string
		shape            Shape
		kind             Kind
		rollup           Rollup
		by               [2]Dimension
		interval         Interval
	}{
		q.Window, q.Offset, q.UserID, q.SenderID, q.BounceTime, q.EmailID, q.Recipient,
		q.Shape, q.Kind, q.Rollup, q.By, q.Interval,
	})
}

// Strings returns all texts of the question, to be measured or replaced.
func (q *Question) Strings() (all [filterTexts + 2*MaxXHeaders + 2]*string) {
	texts := q.texts()
	rest := all[copy(all[:], texts[:]):]
	for i := range q.XHeaders {
		rest[2*i], rest[2*i+1] = &q.XHeaders[i].Name, &q.XHeaders[i].Value
	}
	rest[2*MaxXHeaders], rest[2*MaxXHeaders+1] = &q.EmailID, &q.Header
	return all
}

// Detail returns a detail's question as a key.
func (q *Question) Detail() BounceKey {
	return BounceKey{UserID: q.UserID, SenderID: q.SenderID, BounceTime: q.BounceTime, EmailID: q.EmailID}
}

// Counts returns a question for counts or series as a query.
func (q *Question) Counts() CountQuery {
	return CountQuery{
		Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: q.Rollup,
		Interval: q.Interval,
	}
}

// DetailEndpoint is the path of a bounce's detail with its placeholders.
const DetailEndpoint = BouncePath + "{user_id}/{sender_id}/{bounce_time}/{email_id}"

// Endpoint returns the path of the call with placeholders for the parts that vary, such as "/bounces". The API has
// nine, and the extension of groups adds three.
func (q *Question) Endpoint() string {
	switch q.Shape {
	case ShapeList:
		return q.Kind.ListPath()
	case ShapeDetail:
		return DetailEndpoint
	case ShapeCatalogue:
		return kind.All[q.Kind].Catalogue
	case ShapeGroups:
		return q.Kind.GroupsPath()
	}
	return q.Kind.CountsPath()
}

// Path returns the path of the call, escaped.
func (q *Question) Path() string {
	if q.Shape == ShapeDetail {
		return q.Detail().Path()
	}
	return q.Endpoint()
}
