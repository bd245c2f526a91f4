// Package importer imports files into a store: rows of the metrics API as NDJSON, which
// FORMAT.md describes, and files in other formats, such as mail logs.
//
// Rows are written in batches, each completely or not at all, and rows that the store
// already has are not duplicated. So an import that was stopped or killed is completed by
// running it again.
//
// A mistake in a file that goes unnoticed is lost data. So rows are read strictly, while
// the API's own codecs are tolerant: a field that is unknown, repeated, missing, or of
// another kind of row is a [BadLine], which says what is wrong and what would be right.
//
// The packages below format read other formats; format/formats lists them. They produce
// records. read_format.go receives the records, and convert.go turns them into rows: it numbers
// users and senders, and sorts bounces into categories.
//
// Start reading at [Run], or at [Follow] for files that grow. input.go and source.go handle
// folders, Maildirs, compression and the detection of formats. Rows of the API are parsed in
// row.go, and sorted by time_order.go and sort.go if they are not in the order of their time.
package importer
