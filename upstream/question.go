package upstream

import "context"

// Shape says what a question asks for.
type Shape uint8

// The shapes of questions, and the types of their answers.
const (
	ShapeList      Shape = iota // a page of a list: []Bounce, []Email or []BlockedEmail
	ShapeDetail                 // one bounce in full: BounceDetail
	ShapeCounts                 // counts by sender or by user: []Count
	ShapeSeries                 // counts by hour or day: []Series
	ShapeCatalogue              // the bounce categories or the reasons for blocking: []string
)

// Question is one call of the API as a comparable value: equal questions have equal
// answers, so it can be the key of a cache. Fields that its shape does not use are zero.
type Question struct {
	Shape Shape
	Kind  Kind // of a catalogue, Bounces means the categories and BlockedEmails the reasons

	Window   Window
	Offset   int
	UserID   ID
	SenderID ID

	// Filters of a list: see [ListQuery]. Unused places of XHeaders are zero.
	Sender         string
	Domain         string
	Local          string
	Recipient      string
	XHeaders       [MaxXHeaders]Header
	BounceType     BounceType // of counts and series, too
	BounceCategory string
	Delivered      bool
	BlockedReason  string

	Rollup   Rollup   // of counts and series
	Interval Interval // of series

	BounceTime Time   // of a detail
	EmailID    string // of a detail
}

// Question is the question for a page of the list of kind k. A list takes at most
// [MaxXHeaders] header filters: of more it is an [InvalidArgument] error.
func (q ListQuery) Question(k Kind) (Question, error) {
	a := Question{
		Shape: ShapeList, Kind: k, Window: q.Window, Offset: q.Offset, UserID: q.UserID, SenderID: q.SenderID,
		Sender: q.Sender, Domain: q.Domain, Local: q.Local, Recipient: q.Recipient,
		BounceType: q.BounceType, BounceCategory: q.BounceCategory, Delivered: q.Delivered, BlockedReason: q.BlockedReason,
	}
	if len(q.XHeaders) > len(a.XHeaders) {
		return Question{}, &Error{Code: InvalidArgument, Parameter: q.XHeaders[MaxXHeaders].Name, Message: "a list takes up to four X-… filters"}
	}
	copy(a.XHeaders[:], q.XHeaders)
	return a, nil
}

// Question is the question for a bounce in full.
func (k BounceKey) Question() Question {
	return Question{Shape: ShapeDetail, Kind: Bounces, UserID: k.UserID, SenderID: k.SenderID, BounceTime: k.BounceTime, EmailID: k.EmailID}
}

// Question is the question for counts of kind k.
func (q CountQuery) Question(k Kind) Question {
	return Question{Shape: ShapeCounts, Kind: k, Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: q.Rollup}
}

// Question is the question for time series of kind k.
func (q SeriesQuery) Question(k Kind) Question {
	a := q.CountQuery.Question(k)
	a.Shape, a.Interval = ShapeSeries, q.Interval
	return a
}

// List is a list's question as a query.
func (q *Question) List() ListQuery {
	n := 0
	for n < len(q.XHeaders) && q.XHeaders[n] != (Header{}) {
		n++
	}
	a := ListQuery{
		Window: q.Window, Offset: q.Offset, UserID: q.UserID, SenderID: q.SenderID,
		Sender: q.Sender, Domain: q.Domain, Local: q.Local, Recipient: q.Recipient,
		BounceType: q.BounceType, BounceCategory: q.BounceCategory, Delivered: q.Delivered, BlockedReason: q.BlockedReason,
	}
	if n > 0 {
		a.XHeaders = append(a.XHeaders, q.XHeaders[:n]...)
	}
	return a
}

// Detail is a detail's question as a key.
func (q *Question) Detail() BounceKey {
	return BounceKey{UserID: q.UserID, SenderID: q.SenderID, BounceTime: q.BounceTime, EmailID: q.EmailID}
}

// Counts is a question for counts, or for series, as a query.
func (q *Question) Counts() CountQuery {
	return CountQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: q.Rollup}
}

// Series is a question for series as a query.
func (q *Question) Series() SeriesQuery {
	return SeriesQuery{CountQuery: q.Counts(), Interval: q.Interval}
}

// DetailEndpoint is the path of a bounce's detail with its placeholders.
const DetailEndpoint = BouncePath + "{user_id}/{sender_id}/{bounce_time}/{email_id}"

// Endpoint is the path of the call with placeholders for the parts that vary, such as
// "/bounces": one of the nine of the API.
func (q *Question) Endpoint() string {
	switch q.Shape {
	case ShapeList:
		return q.Kind.ListPath()
	case ShapeDetail:
		return DetailEndpoint
	case ShapeCatalogue:
		if q.Kind == BlockedEmails {
			return BlockedReasonsPath
		}
		return BounceCategoriesPath
	}
	return q.Kind.CountsPath()
}

// Path is the path of the call, escaped.
func (q *Question) Path() string {
	if q.Shape == ShapeDetail {
		return q.Detail().Path()
	}
	return q.Endpoint()
}

// Query is the canonical query string of the call, without the question mark: see
// [ListQuery.Encode].
func (q *Question) Query() string {
	switch q.Shape {
	case ShapeList:
		return q.List().Encode(q.Kind)
	case ShapeCounts, ShapeSeries:
		return q.Series().Encode()
	}
	return ""
}

// Asker answers questions, which it must not change. It is the whole [API] as one method, for what treats all calls
// alike. The type of an answer is that of the question's [Shape].
type Asker interface {
	Ask(ctx context.Context, q *Question) (answer any, err error)
}

// Middleware is a layer around an API that treats all calls alike. It calls next at most
// once for each question.
type Middleware func(ctx context.Context, q *Question, next Asker) (answer any, err error)

// Around is api with a layer around it.
func Around(api API, layer Middleware) API {
	next, ok := api.(Asker)
	if !ok {
		next = asker{api}
	}
	return Calls{layered{next, layer}}
}

// layered is an API with a layer around it.
type layered struct {
	next  Asker
	layer Middleware
}

func (l layered) Ask(ctx context.Context, q *Question) (any, error) { return l.layer(ctx, q, l.next) }

// asker asks an API that has a method for each shape.
type asker struct{ api API }

func (a asker) Ask(ctx context.Context, q *Question) (any, error) {
	switch q.Shape {
	case ShapeDetail:
		return a.api.Bounce(ctx, q.Detail())
	case ShapeCounts:
		return a.api.Counts(ctx, q.Kind, q.Counts())
	case ShapeSeries:
		return a.api.Series(ctx, q.Kind, q.Series())
	case ShapeCatalogue:
		if q.Kind == BlockedEmails {
			return a.api.BlockedReasons(ctx)
		}
		return a.api.BounceCategories(ctx)
	}
	switch q.Kind {
	case Emails:
		return a.api.Emails(ctx, q.List())
	case Bounces:
		return a.api.Bounces(ctx, q.List())
	default:
		return a.api.BlockedEmails(ctx, q.List())
	}
}

// Calls is an [API] over an Asker: a typed method for each shape of question.
type Calls struct{ Asker }

var _ API = Calls{}

// Bounces implements [API].
func (c Calls) Bounces(ctx context.Context, q ListQuery) ([]Bounce, error) {
	return page[Bounce](ctx, c, Bounces, q)
}

// Emails implements [API].
func (c Calls) Emails(ctx context.Context, q ListQuery) ([]Email, error) {
	return page[Email](ctx, c, Emails, q)
}

// BlockedEmails implements [API].
func (c Calls) BlockedEmails(ctx context.Context, q ListQuery) ([]BlockedEmail, error) {
	return page[BlockedEmail](ctx, c, BlockedEmails, q)
}

// Bounce implements [API].
func (c Calls) Bounce(ctx context.Context, k BounceKey) (BounceDetail, error) {
	return answer[BounceDetail](ctx, c, k.Question())
}

// Counts implements [API].
func (c Calls) Counts(ctx context.Context, k Kind, q CountQuery) ([]Count, error) {
	return answer[[]Count](ctx, c, q.Question(k))
}

// Series implements [API].
func (c Calls) Series(ctx context.Context, k Kind, q SeriesQuery) ([]Series, error) {
	return answer[[]Series](ctx, c, q.Question(k))
}

// BounceCategories implements [API].
func (c Calls) BounceCategories(ctx context.Context) ([]string, error) {
	return answer[[]string](ctx, c, Question{Shape: ShapeCatalogue, Kind: Bounces})
}

// BlockedReasons implements [API].
func (c Calls) BlockedReasons(ctx context.Context) ([]string, error) {
	return answer[[]string](ctx, c, Question{Shape: ShapeCatalogue, Kind: BlockedEmails})
}

func page[R any](ctx context.Context, c Calls, k Kind, q ListQuery) ([]R, error) {
	question, err := q.Question(k)
	if err != nil {
		return nil, err
	}
	return answer[[]R](ctx, c, question)
}

// answer asks a question whose answer is a T.
func answer[T any](ctx context.Context, c Calls, q Question) (T, error) {
	v, err := c.Ask(ctx, &q)
	t, _ := v.(T) // nil if it failed
	return t, err
}
