// Package fault is a server of the metrics API that goes wrong on purpose, for
// tests: [All] is every way in which a remote can fail its callers, from a
// connection that is refused to a page with rows of another user.
//
// A [Fault] goes around any handler of the API, mostly an embedded one, and so
// makes its answers wrong where and as a real server would: rows are changed in
// the true answer, and what is not touched stays true. [Server] serves such a
// handler on a socket and takes faults by turns; [Random] injects them at random.
//
// What a fault makes up, such as an error page, has [Secret] in it, so that a test
// can see that callers never get to read it.
package fault
