// Package feed tells of bounces as they appear at the upstream, which can only be
// asked. However many subscribe to a filter, one poll serves them all: a [Feed] has a
// topic for each distinct filter of callers who see the same.
//
// # What is new
//
// A bounce can appear some time after it bounced. So each poll reads all rows of the
// last Options.Overlap, and those are new that no poll before has seen. The topic keeps
// the rows of that window, as many as are in it; where there are very many the window
// becomes shorter. What appears later than the window reaches back is not told of.
// While the upstream fails the window stays where it is, so nothing of what appears
// meanwhile is lost.
//
// # Who reads
//
// New rows are put behind each other in a list that every [Subscription] follows at
// its own pace: each bounce comes once, and in the order of all. What all have read is
// garbage. A subscriber who is more than Options.Buffer events behind when more come
// is ended, so that one who does not read holds no memory.
//
// # Cursors
//
// An event's cursor says what had been seen when the event was told: a moment, and
// short hashes of the rows since that moment. All before it counts as told. So whoever
// has the cursor can go on at any gateway: rows that are not in it are told, first
// from the upstream's lists up to the topic's window, then from that window, which is
// left for the live feed in one step. A cursor has room for 512 rows; where the window
// has more, bounces that appear very late are lost to whoever resumes just then.
//
// Start reading at [Feed.Subscribe] and topic.go.
package feed
