// Package auth says which users' data a caller may read, and holds every call to it.
//
// A [Scope] is carried by the request's context. It binds at one door: the API that
// an operation is given is [Limit] of the real one, so no resolver, filter, id or
// cursor gets round it. Calls for users outside the scope are answered without a
// call, as if these users had no data: who asks cannot tell them from users that do
// not exist. Calls without a user become calls for each user of the scope, whose
// answers are put together here; what an upstream sends of another user than was
// asked for never passes.
//
// Who a caller is, and so what its scope is, is the matter of whoever puts it
// into the context ([With]); where all may read all, that is [Open].
//
// Start reading at [Limit].
package auth
