// Package upstream defines the Dyn Email Delivery metrics REST API v4 as Go types: its rows, queries and errors, and
// the interface [Asker], which answers a [Question]. Every layer implements it, whether it calls the API
// (upstream/rest) or remembers its answers (upstream/cached). Package upstream/embedded serves the API.
//
// The package hides the wire formats. JSON is decoded tolerantly, because the API's document contradicts itself (an
// object, an array or null for xheaders; lists with and without an envelope), and encoded in one form. Query strings
// are encoded canonically: equal queries give equal strings. The package does no I/O.
//
// Start reading at [Asker] and [API]; [Question] defines what can be asked, and [Error] what can go wrong.
// [Question.Encode] and [ParseQuestion] encode and decode query strings, [Question.Append] and [Question.Decode]
// answers. "The document" in comments is the vendor's API document; where it is silent, comments state our decision.
package upstream

import (
	"context"
	"strings"

	"deliverygraph/upstream/kind"
)

// API is the complete metrics REST API as typed calls over an [Asker], for code that asks a particular question.
// Layers, which treat all questions alike, are Askers themselves.
//
// Rows are ordered by their kind's time (bounce time for bounces, process time for emails and blocked emails), oldest
// first, then by email id and recipient. This is a total order, which makes offsets stable. A remote server may break
// this promise; package resolvers/page handles that.
//
// Returned slices may be shared between callers and must not be modified.
type API struct{ Asker }

// Bounce returns one bounce in full: GET /bounce/[user]/[sender]/[time]/[email]. An unknown bounce is a [NotFound]
// error.
func (a API) Bounce(ctx context.Context, k BounceKey) (BounceDetail, error) {
	q := k.Question()
	return Ask[BounceDetail](ctx, a.Asker, &q)
}

// Counts returns one row for each sender, or with [ByUser] each user, that has an event of the kind in the window,
// ordered by id: GET /bounce/counts, /email/counts, /blocked-email/counts.
func (a API) Counts(ctx context.Context, k Kind, q CountQuery) ([]Count, error) {
	q.Interval = 0
	question := q.Question(k)
	return Ask[[]Count](ctx, a.Asker, &question)
}

// Series is Counts per UTC hour or day. For each sender or user, ordered by id, it returns the buckets that have an
// event, oldest first. The first and the last bucket count only events within the window.
func (a API) Series(ctx context.Context, k Kind, q CountQuery) ([]Series, error) {
	question := q.Question(k)
	question.Shape = ShapeSeries
	return Ask[[]Series](ctx, a.Asker, &question)
}

// Groups groups the events of the list of q, which needs no shape: GET /bounces/groups, /emails/groups,
// /blocked-emails/groups. This is an extension of the API, which not all servers have.
func (a API) Groups(ctx context.Context, q Question) (Groups, error) {
	list := q.ListQuery.Question(q.Kind)
	q.Shape, q.ListQuery, q.Offset, q.Header = ShapeGroups, list.ListQuery, 0, strings.ToLower(q.Header)
	return Ask[Groups](ctx, a.Asker, &q)
}

// BounceCategories returns the codes of all current bounce categories: GET /bounce/categories. The set is open: rows
// may have others.
func (a API) BounceCategories(ctx context.Context) ([]string, error) {
	return Ask[[]string](ctx, a.Asker, &Question{Shape: ShapeCatalogue, Kind: Bounces})
}

// BlockedReasons returns the codes of all current reasons for blocking: GET /blocked-email/reasons. The set is open:
// rows may have others.
func (a API) BlockedReasons(ctx context.Context) ([]string, error) {
	return Ask[[]string](ctx, a.Asker, &Question{Shape: ShapeCatalogue, Kind: BlockedEmails})
}

func askList[R any](ctx context.Context, a API, k Kind, q ListQuery) ([]R, error) {
	question := q.Question(k)
	return Ask[[]R](ctx, a.Asker, &question)
}

// Search reads a list page by page, at most limit pages, until found returns true for one. It returns the number of
// rows on the pages for which found returned false, and whether the list may have more rows.
func Search[R any](ctx context.Context, fetch func(context.Context, ListQuery) ([]R, error), q ListQuery, limit int,
	found func([]R) bool) (n int, more bool, err error) {
	for more = true; more && limit > 0; limit-- {
		rows, err := fetch(ctx, q)
		if err != nil || found(rows) {
			return q.Offset, true, err
		}
		q.Offset += len(rows)
		more = len(rows) >= PageSize
	}
	return q.Offset, more, nil
}

// ListPath returns the path of the kind's list, such as "/blocked-emails".
func (k Kind) ListPath() string { return kind.All[k].List }

// CountsPath returns the path of the kind's counts, such as "/blocked-email/counts".
func (k Kind) CountsPath() string { return kind.All[k].Counts }

// String returns the kind in words, for messages.
func (k Kind) String() string { return kind.All[k].Words }

// Descriptions returns the descriptions of the documented codes of the kind's catalogue, by code. It returns nil if the
// kind has no catalogue.
func (k Kind) Descriptions() map[string]string { return kind.All[k].Descriptions }

// Paths of the endpoints that belong to no kind. [BouncePath] is followed by the four parts of a [BounceKey].
const (
	BouncePath           = "/bounce/"
	BounceCategoriesPath = "/bounce/categories"
	BlockedReasonsPath   = "/blocked-email/reasons"
)
