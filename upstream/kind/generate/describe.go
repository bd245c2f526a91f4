package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"deliverygraph/upstream/kind"
)

// description is what templates read.
type description struct {
	Kinds []row
	Keys  []field // the fields of all kinds, each REST name once

	Columns []field  // in the store, which not all kinds have, each once
	Filters []filter // by which only some kinds' lists can be filtered

	MaxCodes, MaxContents int // of a row
}

// row is a kind as templates read it.
type row struct {
	kind.Kind
	Index   int
	Fields  []field  // of the list's rows, in the order of the struct
	Details []field  // that only the detail has
	Listed  []member // the list's rows' members, in the order in which they are encoded
	Whole   []member // the same of the detail
	Needed  []field  // that a server must send, the time first, besides ids and email id
	Time    field
}

// Var is the name of unexported identifiers that belong to the kind, such as blockedEmail.
func (r row) Var() string { return strings.ToLower(r.Type[:1]) + r.Type[1:] }

// Detailed says that the kind has a detail.
func (r row) Detailed() bool { return len(r.Details) > 0 }

// All returns all fields, those of the detail last.
func (r row) All() []field { return slices.Concat(r.Fields, r.Details) }

// Shown returns the fields of the GraphQL type.
func (r row) Shown() []field {
	return slices.DeleteFunc(slices.Clone(r.Fields), func(f field) bool { return f.GraphQL == "" })
}

// Own returns the fields by which only some kinds' lists can be filtered.
func (r row) Own() (own []field) {
	for _, f := range kind.Own[r.Index] {
		own = append(own, field{f})
	}
	return own
}

// Columns returns the fields that the store keeps in columns that not all kinds have, those of the detail last. The
// time of the row is in its id.
func (r row) Columns() []field {
	return slices.DeleteFunc(r.All(), func(f field) bool {
		return f.REST == r.Kind.Time || f.Common() && !f.Is("time")
	})
}

// Names returns the kind's own texts that lists can be filtered by.
func (r row) Names() []field {
	return slices.DeleteFunc(r.All(), func(f field) bool { return !f.Is("text") || f.Filter == "" || f.Common() })
}

// field is a field as templates read it.
type field struct{ kind.Field }

// filter is a field by which the lists of some kinds can be filtered.
type filter struct {
	field
	Words string // the kinds
}

// ColumnName is the name of the field's column in the store.
func (f field) ColumnName() string { return cmp.Or(f.Column, f.REST) }

// FilterName is the name of the filter's Go field.
func (f field) FilterName() string { return exported(f.Filter) }

// member is a field in the JSON object of a row.
type member struct {
	field
	Before string // the brace or comma before it
}

// Key is the constant that stands for the member's name in the codec, such as userIDKey.
func (f field) Key() string {
	return camel(f.REST) + "Key"
}

// camel returns a REST name as an unexported Go name.
func camel(rest string) string {
	first, others, _ := strings.Cut(rest, "_")
	return first + exported(others)
}

// exported returns a REST name as an exported Go name.
func exported(rest string) string {
	var b strings.Builder
	for word := range strings.FieldsFuncSeq(rest, func(r rune) bool { return r == '_' }) {
		if word == "id" {
			word = "ID"
		}
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

// method returns the Go name for a GraphQL name.
func method(name string) string {
	if start, ok := strings.CutSuffix(name, "Id"); ok {
		name = start + "ID"
	}
	return strings.ToUpper(name[:1]) + name[1:]
}

// Method is the name of the method of package model that returns the field.
func (f field) Method() string { return method(f.GraphQL) }

// FilterMethod is the name of the field of the GraphQL filter's Go type.
func (f field) FilterMethod() string { return method(f.ArgumentName()) }

// ModelType is the field's type in package model.
func (f field) ModelType() string {
	switch f.GoType() {
	case "ID", "Time":
		return "upstream." + f.GoType()
	case "[]Header":
		return "[]upstream.Header"
	}
	return f.GoType()
}

// Local is the beginning of the names of local variables about the field.
func (f field) Local() string { return strings.TrimSuffix(f.Key(), "Key") }

// GoType is the field's type in package upstream.
func (f field) GoType() string {
	return [...]string{
		kind.Text: "string", kind.Address: "string", kind.ID: "ID", kind.Time: "Time", kind.Flag: "bool",
		kind.Headers: "[]Header", kind.BounceType: "BounceType",
	}[f.Type]
}

// Is reports whether the field has one of the named types.
func (f field) Is(types ...string) bool {
	return slices.Contains(types, [...]string{
		kind.Text: "text", kind.Address: "address", kind.ID: "id", kind.Time: "time", kind.Flag: "flag",
		kind.Headers: "headers", kind.BounceType: "bounceType",
	}[f.Type])
}

// IsRequired reports whether a server must send the field.
func (f field) IsRequired() bool { return f.Presence == kind.Required }

// IsImported reports whether imported rows must have the field.
func (f field) IsImported() bool { return f.Presence != kind.Optional }

// Common reports whether rows of every kind have the field.
func (f field) Common() bool {
	return slices.ContainsFunc(kind.Shared, func(o kind.Field) bool { return o.REST == f.REST })
}

// IsCode reports whether the field is a short text that is neither part of the recipient nor the email id.
func (f field) IsCode() bool { return f.Is("text", "bounceType") && !f.Common() && !f.Content }

func describe() (*description, error) {
	d := &description{}
	seen := map[string]bool{}
	for i, k := range kind.All {
		r := row{Kind: k, Index: i}
		for _, f := range k.Fields {
			f := field{f}
			if f.Content && !f.Detail {
				return nil, fmt.Errorf("%s of %s: only details can have contents, which some callers may not read",
					f.Name, k.Type)
			}
			if !seen[f.REST] {
				seen[f.REST] = true
				d.Keys = append(d.Keys, f)
			}
			if f.REST == k.Time {
				f.Doc = strings.TrimSuffix(f.Doc, "; "+sorted) + "; " + sorted
				r.Time = f
			}
			if f.Detail {
				r.Details = append(r.Details, f)
			} else {
				r.Fields = append(r.Fields, f)
			}
		}
		if r.Time.REST == "" {
			return nil, fmt.Errorf("%s has no field %q", k.Type, k.Time)
		}
		var err error
		if r.Listed, err = ordered(k.Example, r.Fields); err != nil {
			return nil, fmt.Errorf("the example of %s: %w", k.Type, err)
		}
		if r.Whole, err = ordered(k.DetailExample, r.All()); err != nil {
			return nil, fmt.Errorf("the example of a %s's detail: %w", k.Type, err)
		}
		r.Needed = []field{r.Time}
		codes, contents := 0, 0
		for _, f := range r.Fields {
			if f.IsRequired() && !f.Common() && f.REST != k.Time {
				r.Needed = append(r.Needed, f)
			}
			if f.IsRequired() && f.Is("flag") && r.Detailed() {
				return nil, fmt.Errorf("%s of %s: rows that have a detail cannot have a required flag", f.Name, k.Type)
			}
		}
		for _, f := range r.All() {
			switch {
			case f.Content:
				contents++
			case f.IsCode():
				codes++
			}
		}
		d.MaxCodes, d.MaxContents = max(d.MaxCodes, codes), max(d.MaxContents, contents)
		// Flags come last in the struct, so that they share a word.
		slices.SortStableFunc(r.Fields, func(a, b field) int {
			switch {
			case a.Is("flag") == b.Is("flag"):
				return 0
			case a.Is("flag"):
				return 1
			}
			return -1
		})
		d.Kinds = append(d.Kinds, r)
		for _, f := range r.Columns() {
			if !slices.ContainsFunc(d.Columns, func(o field) bool { return o.Name == f.Name }) {
				d.Columns = append(d.Columns, f)
			}
		}
		for _, f := range r.Own() {
			i := slices.IndexFunc(d.Filters, func(o filter) bool { return o.Filter == f.Filter })
			if i < 0 {
				d.Filters = append(d.Filters, filter{f, r.Words})
			} else {
				d.Filters[i].Words += " and " + r.Words
			}
		}
	}
	return d, nil
}

// sorted is what the comment of a kind's time says.
const sorted = "lists are filtered and sorted by it"

// ordered returns the fields in the order of an example. Those that it lacks follow.
func ordered(example string, fields []field) ([]member, error) {
	var all []field
	for name := range strings.FieldsSeq(example) {
		i := slices.IndexFunc(fields, func(f field) bool { return f.REST == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no field %q", name)
		}
		all = append(all, fields[i])
	}
	for _, f := range fields {
		if !slices.Contains(all, f) {
			all = append(all, f)
		}
	}
	members := make([]member, len(all))
	for i, f := range all {
		members[i] = member{f, ","}
	}
	members[0].Before = "{"
	return members, nil
}
