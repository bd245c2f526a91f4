// Package doctor examines a server of the metrics REST API: whether it keeps to the
// API's document, and to what was settled where that is silent, as far as the gateway
// builds on it. It is how somebody with a server of their own finds out whether it
// will do.
//
// [Examine] asks each of the nine endpoints, finds days that hold data, looks at a
// small part of them in full, and holds every answer against that part: filters,
// windows, offsets, counts, time series, details. It only reads, makes one request at
// a time but for one pair, and at most some sixty of them. What it has found is a
// [Report], a table for a person, with a [Verdict].
//
// A difference is not the end: a gateway that meets an unsorted list reads it
// another way. Each difference therefore says whether the gateway copes with it,
// which is knowledge of upstream/rest, upstream/cached and resolvers/page; whoever
// changes what they stand should look through the words here too.
//
// Requests are made and statuses, headers and envelopes looked at here, and rows
// read by the codecs of package upstream, which are those of the gateway. Start
// reading at [Examine]; list.go and counts.go hold the checks that matter most.
package doctor
