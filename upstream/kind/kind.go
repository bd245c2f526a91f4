// Package kind describes the rows of the REST API: which fields each kind of row has, what they are called in Go, REST
// and GraphQL, and what can be done with them. It is the only list of these fields. The program in kind/generate writes
// the Go code that follows from it; other packages read it as it is.
//
// To change a field, edit its kind's file and run "go generate ./..."; docs/architecture.md lists the steps. This
// package imports nothing from the module, so that the generator builds while generated code does not.
package kind

//go:generate go run ./generate

import (
	"cmp"
	"slices"
)

// All lists the kinds. upstream.Kinds has the same order.
var All = []Kind{Email, Bounce, BlockedEmail}

// Kind describes one kind of row.
type Kind struct {
	Type  string // name of the Go and GraphQL type; with an s, that of the constant in package upstream
	Name  string // in an import, such as "blocked_email"
	Words string // in messages, in the plural
	Doc   string // continues the sentence "Type is …" of the doc comment
	Node  byte   // letter of the type in opaque ids

	List   string // path of the list
	Counts string // path of the counts
	Count  string // member of the counts that is the number of events

	Catalogue string // path of the codes of the field whose Catalogue is true; empty if there is none
	Codes     string // those codes in words
	// Descriptions describes the documented codes.
	Descriptions map[string]string

	Time   string  // REST name of the time by which lists are filtered and sorted
	Fields []Field // in the order of FORMAT.md

	// The REST names of the members of a row, and of the kind's detail if it has one, in the order of the API
	// document's example. Members that the example lacks follow in the order of Fields.
	Example, DetailExample string
}

// Field describes a field of a row.
type Field struct {
	Name    string // of the Go field
	REST    string // of the JSON member
	GraphQL string // of the GraphQL field; empty if the row's GraphQL type does not have it
	Doc     string // comment of the Go field; may be empty
	Example string // a JSON value, for messages; may be empty

	Type      Type
	Presence  Presence
	Filter    string // parameter by which the list is filtered by the field; empty if it cannot be
	Argument  string // the filter's name in GraphQL, if it is not that of the field
	Catalogue bool   // the filter must be a code of the kind's catalogue
	Counted   bool   // counts take the filter too

	Nullable bool // GraphQL shows the zero value as null
	Detail   bool // only the kind's detail has it
	Content  bool // part of a message or of a server's answer, which only some callers may read

	Column  string // in the store's tables of the kinds; REST by default
	Pattern bool   // the store also keeps the patterns of the texts: see package grouped
	Apart   bool   // the column has a table of its own, because its texts are long: see schema/001_schema.sql
}

// Type is the type of a field.
type Type uint8

// The types of fields.
const (
	Text       Type = iota // any string
	Address                // an email address
	ID                     // the number of a user or sender
	Time                   // Unix seconds
	Flag                   // true or false
	Headers                // custom headers
	BounceType             // "hard" or "soft"
)

// Presence says which rows must have a field.
type Presence uint8

// The kinds of presence.
const (
	Optional Presence = iota // may be missing; it is then zero
	Imported                 // imported rows must have it; a server may leave it out
	Required                 // all rows must have it
)

// ArgumentName is the name of the field's filter in GraphQL.
func (f *Field) ArgumentName() string { return cmp.Or(f.Argument, f.GraphQL) }

// Own lists for each of All the fields by which the lists of only some kinds can be filtered.
var Own = func() (all [][]Field) {
	for _, k := range All {
		all = append(all, slices.DeleteFunc(slices.Clone(k.Fields), func(f Field) bool {
			return f.Filter == "" || slices.ContainsFunc(Shared, func(c Field) bool { return c.REST == f.REST })
		}))
	}
	return all
}()

// Filters are the fields by which the lists of only some kinds can be filtered, each once.
var Filters = func() (all []Field) {
	for _, own := range Own {
		for _, f := range own {
			if !slices.ContainsFunc(all, func(o Field) bool { return o.Filter == f.Filter }) {
				all = append(all, f)
			}
		}
	}
	return all
}()
