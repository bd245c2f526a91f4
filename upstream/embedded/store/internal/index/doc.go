// Package index finds the rows of a chunk by what they say. A chunk is at most
// [MaxRows] rows of one kind, numbered from 0 in the order of lists; its index
// holds, for each [Term] of its rows, the set of rows that have it.
//
// Filters are sets, all of them together are an intersection, and the number of
// rows to skip for an offset is a size: none of that reads a row. An index comes in
// blocks of a few kilobytes, so that one term is one small read.
//
// It hides the blocks' layout. Start reading at [Builder], which makes blocks, and
// [Find], which gives a term's [Posting]; a [Set] combines postings.
package index

// MaxRows is the most rows of a chunk.
const MaxRows = 1 << 15

// Field is what a term speaks of.
type Field uint8

// The fields that have terms.
const (
	User Field = iota
	Sender
	Recipient
	Local
	Domain
	XHeader // a name and a value
	Delivered
	Type
	Category
	Reason

	Fields = int(Reason) + 1
)
