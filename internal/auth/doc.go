// Package auth says who a caller is, whose data it may read and what of it, and applies this to every call.
//
// The request's context carries a [Caller]. Its restrictions apply in one place: [Limit] wraps the API that an
// operation uses, so no resolver, filter, id or cursor can bypass them. Calls for users that the caller may not read
// are answered without an upstream call, as if these users had no data: the caller cannot distinguish them from users
// that do not exist. A call without a user becomes a call for each of the caller's users, whose answers are merged
// here, or one call by user for all. Data that the upstream sends of a user that was not requested is never passed on.
//
// Data outside the caller's scopes is masked or withheld here too, in copies of the rows: pages, cursors and ids
// contain only what the caller may see, and calls that would reveal the rest are refused.
//
// An [Authenticator] identifies a caller by its [Credential]; [Middleware] does so for each request.
//
// Start reading at [Caller] and [Limit].
package auth
