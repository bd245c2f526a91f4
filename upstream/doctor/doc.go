// Package doctor checks whether a server of the metrics REST API behaves as the gateway needs: as the API's document
// says or, where that is silent, as this project has settled. Operators of such a server run it before they put the
// gateway in front of it.
//
// [Examine] calls each of the nine endpoints and finds days that hold data. It reads a small part of them in full, the
// sample, and compares every other answer with it: filters, windows, offsets, counts, time series, details. It only
// reads. It makes at most 70 requests, usually about 60, one at a time except for one deliberate pair. The result is a
// [Report], which prints as a table and comes to a [Verdict].
//
// Not every difference is fatal: the gateway reads an unsorted list in another way, for example. Each difference
// therefore says whether the gateway copes with it. That repeats knowledge of upstream/rest, upstream/cached and
// resolvers/page: when you change what they tolerate, update the texts here.
//
// This package makes the requests and examines statuses, headers and envelopes. The
// codecs of package upstream decode the rows, as they do for the gateway. Start
// reading at [Examine]; list.go and counts.go hold the most important checks.
package doctor
