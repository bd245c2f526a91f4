// Package feed delivers bounces as they appear at the upstream, which can only be polled. One poll serves all
// subscribers of a filter: a [Feed] has one topic for each distinct filter, among callers who see the same
// data. Gateways that share answers also share polls: see topic.moment.
//
// # What is new
//
// A bounce can appear some time after it bounced. Each poll therefore reads all rows of the last
// Options.Overlap; rows that no earlier poll has seen are new. The topic remembers the rows of that window. If
// there are too many of them, the window becomes shorter. A bounce that appears later than the window reaches
// back is not delivered. While the upstream fails the window stays where it is, so nothing that appears in the
// meantime is lost.
//
// # Readers
//
// New rows are appended to a linked list, which every [Subscription] follows at its own pace. Each bounce comes
// once, and all subscribers see the same order. Entries that all subscribers have passed are garbage collected.
// A subscriber that is more than Options.Buffer events behind when new ones arrive is ended, so an idle reader
// cannot hold memory.
//
// # Cursors
//
// An event's cursor records what the feed had delivered up to this event: a moment, and short hashes of the
// rows since that moment. All earlier rows count as delivered. A client can therefore resume from a cursor at
// any gateway, and receives the rows that the cursor does not cover: first from the upstream's lists, up to the
// start of the topic's window, then from the window itself. The switch from the window to the live feed is
// atomic. A cursor has room for 512 rows; if the window has more, a client that resumes may miss bounces that
// appeared very late.
//
// Start reading at [Feed.Subscribe], topic.go and poll.go.
package feed
