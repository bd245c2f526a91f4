// Package importer brings files into a store: rows of the metrics API as NDJSON, which
// FORMAT.md beside this file describes, and files of other formats, such as mail logs.
//
// Rows go in batches, each of them whole or not at all, and a row that the store has
// already is no second row. So an import that was stopped or killed is completed by
// the same import again.
//
// A file may hold mistakes, and a mistake that goes by unseen is data lost. So
// reading rows is strict where the API's own codecs are tolerant: a field that is
// unknown, repeated, missing or of another kind of row makes a [BadLine], which says
// what is wrong and what would be right.
//
// Readers of other formats lie in packages below format, and format/formats lists them.
// They give records, which records.go takes and convert.go turns into rows: with numbers
// for users and senders, and bounces sorted into categories.
//
// The package hides folders and Maildirs, compression and the recognition of formats
// (input.go and source.go), following files as they grow (follow.go and package tail), that reading and writing go on side by side, and that rows in no
// order are sorted before they are written (spread.go and runs.go). Start reading at [Run];
// line by line, rows are made in row.go.
package importer
