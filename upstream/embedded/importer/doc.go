// Package importer brings rows of the metrics API from files into a store: NDJSON,
// plain or gzip, a row a line, as FORMAT.md beside this file describes it.
//
// Rows go in batches, each of them whole or not at all, and a row that the store has
// already is no second row. So an import that was stopped or killed is completed by
// the same import again.
//
// A file may hold mistakes, and a mistake that goes by unseen is data lost. So
// reading is strict where the API's own codecs are tolerant: a field that is
// unknown, repeated, missing or of another kind of row makes a [BadLine], which says
// what is wrong and what would be right.
//
// It hides compression, the division into lines, that reading and writing go on side by
// side, and that rows in no order are sorted before they are written (spread.go and
// runs.go). Start reading at [Run]; line by line, rows are made in row.go.
package importer
