// Package fault makes servers of the metrics API fail in tests. [All] lists the faults that a remote server can have,
// from a refused connection to a page with rows of another user.
//
// A [Fault] wraps any handler of the API, usually an embedded server. It changes the correct answers as a real faulty
// server would and leaves everything else as it is. [Server] serves a handler on a socket and switches between faults.
// [Random] injects faults at random.
//
// Texts invented by faults, such as error pages, contain [Secret], so that tests can check that callers never see them.
package fault
