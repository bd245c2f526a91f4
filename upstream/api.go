package upstream

import (
	"context"

	"deliverygraph/upstream/kind"
)

// PageSize is the maximum number of rows that a list call returns. The API has no limit parameter and reports no total:
// a page shorter than PageSize is the last one.
const PageSize = 500

// API is the complete metrics REST API. Implementations are safe for concurrent use. Every error is or wraps an
// [*Error], except for the context's own error when the caller gave up.
//
// Rows are ordered by their kind's time (bounce time for bounces, process time for emails and blocked emails), oldest
// first, then by email id and recipient. This is a total order, which makes offsets stable. A remote server may break
// this promise; package resolvers/page handles that.
//
// Returned slices may be shared between callers and must not be modified.
type API interface {
	// Bounces returns at most [PageSize] bounces starting at q.Offset: GET /bounces.
	Bounces(ctx context.Context, q ListQuery) ([]Bounce, error)
	// Emails returns at most [PageSize] emails starting at q.Offset: GET /emails.
	Emails(ctx context.Context, q ListQuery) ([]Email, error)
	// BlockedEmails returns at most [PageSize] blocked emails starting at q.Offset: GET /blocked-emails.
	BlockedEmails(ctx context.Context, q ListQuery) ([]BlockedEmail, error)

	// Bounce returns one bounce in full: GET /bounce/[user]/[sender]/[time]/[email]. An unknown bounce is a [NotFound]
	// error.
	Bounce(ctx context.Context, k BounceKey) (BounceDetail, error)

	// Counts returns one row for each sender, or with [ByUser] each user, that has an event of the kind in the window,
	// ordered by id: GET /bounce/counts, /email/counts, /blocked-email/counts.
	Counts(ctx context.Context, k Kind, q CountQuery) ([]Count, error)
	// Series is Counts per UTC hour or day. For each sender or user, ordered by id, it returns the buckets that have an
	// event, oldest first. The first and the last bucket count only events within the window.
	Series(ctx context.Context, k Kind, q SeriesQuery) ([]Series, error)

	// BounceCategories returns the codes of all current bounce categories: GET /bounce/categories. The set is open:
	// rows may have others.
	BounceCategories(ctx context.Context) ([]string, error)
	// BlockedReasons returns the codes of all current reasons for blocking: GET /blocked-email/reasons. The set is
	// open: rows may have others.
	BlockedReasons(ctx context.Context) ([]string, error)
}

// ListPath returns the path of the kind's list, such as "/blocked-emails".
func (k Kind) ListPath() string { return kind.All[k].List }

// CountsPath returns the path of the kind's counts, such as "/blocked-email/counts".
func (k Kind) CountsPath() string { return kind.All[k].Counts }

// String returns the kind in words, for messages.
func (k Kind) String() string { return kind.All[k].Words }

// Paths of the endpoints that belong to no kind. [BouncePath] is followed by the four parts of a [BounceKey].
const (
	BouncePath           = "/bounce/"
	BounceCategoriesPath = "/bounce/categories"
	BlockedReasonsPath   = "/blocked-email/reasons"
)
