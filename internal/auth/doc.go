// Package auth says who asks, whose data they may read and what of it, and holds every
// call to it.
//
// A [Caller] is carried by the request's context. It binds at one door: the API that
// an operation is given is [Limit] of the real one, so no resolver, filter, id or
// cursor gets round it. Calls for users that are not the caller's are answered without
// a call, as if these users had no data: who asks cannot tell them from users that do
// not exist. Calls without a user become calls for each of the caller's users, whose
// answers are put together here, or by user one call for all; what an upstream sends of another user than was
// asked for never passes.
//
// What a caller's scopes do not name is masked or withheld there too, in copies of the
// rows: pages, cursors and ids are made of what it may see, and calls that would find
// out the rest are refused.
//
// Who the caller is, an [Authenticator] tells by a [Credential]; [Middleware] asks it
// for each request.
//
// Start reading at [Caller] and [Limit].
package auth
