package upstream

import "context"

// PageSize is the most rows that a list call returns. The API has no limit
// parameter and no total: a page shorter than PageSize is the last one.
const PageSize = 500

// API is the whole of the metrics REST API. Implementations are safe for
// concurrent use. Every error is, or wraps, an [*Error], but for the context's
// own when the caller gave up.
//
// Rows are ordered by their kind's time (bounce time for bounces, process time
// for emails and blocked emails), oldest first, ties by email id and then by
// recipient: a total order, so that offsets are stable. A remote server may break
// this promise; the page walk of package resolvers/page copes.
//
// Returned slices may be shared between callers: they must not be written to.
type API interface {
	// Bounces lists at most [PageSize] bounces from q.Offset: GET /bounces.
	Bounces(ctx context.Context, q ListQuery) ([]Bounce, error)
	// Emails lists at most [PageSize] emails from q.Offset: GET /emails.
	Emails(ctx context.Context, q ListQuery) ([]Email, error)
	// BlockedEmails lists at most [PageSize] blocked emails from q.Offset:
	// GET /blocked-emails.
	BlockedEmails(ctx context.Context, q ListQuery) ([]BlockedEmail, error)

	// Bounce gives one bounce in full: GET /bounce/[user]/[sender]/[time]/[email].
	// An unknown bounce is a [NotFound] error.
	Bounce(ctx context.Context, k BounceKey) (BounceDetail, error)

	// Counts gives one row per sender, or per user with [ByUser], of those with
	// any event of the kind in the window, ordered by id:
	// GET /bounce/counts, /email/counts, /blocked-email/counts.
	Counts(ctx context.Context, k Kind, q CountQuery) ([]Count, error)
	// Series is Counts per UTC hour or day: for each sender or user, ordered by
	// id, the buckets that have an event, oldest first. The first and the last
	// bucket count only what lies in the window.
	Series(ctx context.Context, k Kind, q SeriesQuery) ([]Series, error)

	// BounceCategories gives the codes of all current bounce categories:
	// GET /bounce/categories. The set is open: rows may carry others.
	BounceCategories(ctx context.Context) ([]string, error)
	// BlockedReasons gives the codes of all current reasons for blocking:
	// GET /blocked-email/reasons. The set is open: rows may carry others.
	BlockedReasons(ctx context.Context) ([]string, error)
}

// Kind is a kind of event: what a list lists and a counts call counts.
type Kind uint8

// The three kinds of event.
const (
	Emails Kind = iota
	Bounces
	BlockedEmails
)

// Kinds are all kinds, in the order of their constants.
var Kinds = [...]Kind{Emails, Bounces, BlockedEmails}

// ListPath is the path of the kind's list, such as "/blocked-emails".
func (k Kind) ListPath() string {
	return [...]string{"/emails", "/bounces", "/blocked-emails"}[k]
}

// CountsPath is the path of the kind's counts, such as "/blocked-email/counts".
func (k Kind) CountsPath() string {
	return [...]string{"/email/counts", "/bounce/counts", "/blocked-email/counts"}[k]
}

// String is the kind in words, as messages use it.
func (k Kind) String() string {
	return [...]string{"emails", "bounces", "blocked emails"}[k]
}

// Paths of the endpoints that are of no kind. [BouncePath] is followed by the
// four parts of a [BounceKey].
const (
	BouncePath           = "/bounce/"
	BounceCategoriesPath = "/bounce/categories"
	BlockedReasonsPath   = "/blocked-email/reasons"
)
