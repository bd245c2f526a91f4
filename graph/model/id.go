// Package model holds the Go types behind the GraphQL schema: hand-written objects, edges and connections, and
// generated inputs (models_gen.go).
//
// Objects are thin views of upstream rows. Fields are converted when selected, so a page of rows costs one slice.
// Whatever needs an upstream call is in package resolvers. IDs and scalars parse only their own text forms.
//
// Start reading at [Bounce]; [NodeID] describes opaque ids.
package model

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// NodeID is the content of an opaque id of the Node interface: the natural key of the object. Any gateway in front of
// the same upstream can find the object by it.
//
// Its text is a version byte, the type's letter and the key's parts (numbers as varints, strings with their length) in
// URL-safe base64 without padding.
type NodeID struct {
	Type      NodeType
	UserID    upstream.ID   // of a user or row
	SenderID  upstream.ID   // of a sender or row
	Time      upstream.Time // of a row, by which its list is sorted
	EmailID   string
	Recipient string
}

// NodeType is the letter that stands for an object's type in its id.
type NodeType byte

// The types of objects with ids, besides those of rows.
const (
	UserNode   NodeType = 'U'
	SenderNode NodeType = 'S'
)

const (
	idVersion = 1
	maxIDText = 4096 // String returns no longer texts
)

// String returns the id as callers see it.
func (id NodeID) String() string {
	b := make([]byte, 0, 48+len(id.EmailID)+len(id.Recipient))
	b = append(b, idVersion, byte(id.Type))
	switch id.Type {
	case UserNode:
		b = binary.AppendVarint(b, int64(id.UserID))
	case SenderNode:
		b = binary.AppendVarint(b, int64(id.SenderID))
	default:
		b = binary.AppendVarint(b, int64(id.UserID))
		b = binary.AppendVarint(b, int64(id.SenderID))
		b = binary.AppendVarint(b, int64(id.Time))
		b = binary.AppendUvarint(b, uint64(len(id.EmailID)))
		b = append(b, id.EmailID...)
		b = append(b, id.Recipient...)
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// ParseNodeID parses an id returned by String. For any other text it returns an error that may be shown to the caller.
func ParseNodeID(s string) (NodeID, error) {
	bad := badInput("%q is not an id that this API gave out", Excerpt(s))
	if len(s) > maxIDText {
		return NodeID{}, bad
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < 3 || b[0] != idVersion {
		return NodeID{}, bad
	}
	id := NodeID{Type: NodeType(b[1])}
	b = b[2:]
	ok := true
	number := func() int64 {
		v, n := binary.Varint(b)
		if n <= 0 {
			ok = false
			return 0
		}
		b = b[n:]
		return v
	}
	switch id.Type {
	case UserNode:
		id.UserID = upstream.ID(number())
	case SenderNode:
		id.SenderID = upstream.ID(number())
	default:
		if _, ok := id.Type.RowKind(); !ok {
			return NodeID{}, bad
		}
		id.UserID, id.SenderID, id.Time = upstream.ID(number()), upstream.ID(number()), upstream.Time(number())
		size, n := binary.Uvarint(b)
		if !ok || n <= 0 || size > uint64(len(b)-n) {
			return NodeID{}, bad
		}
		id.EmailID, id.Recipient = string(b[n:n+int(size)]), string(b[n+int(size):])
		b = nil
	}
	// An object has exactly one id: accept only the text that String returns.
	if !ok || len(b) != 0 || !id.sound() || id.String() != s {
		return NodeID{}, bad
	}
	return id, nil
}

// sound reports whether an object can have this id. A missing part would not filter, so the id could find the wrong
// object.
func (id NodeID) sound() bool {
	switch id.Type {
	case UserNode:
		return id.UserID > 0
	case SenderNode:
		return id.SenderID > 0
	}
	return id.UserID > 0 && id.SenderID > 0 && minTime <= id.Time && id.Time <= maxTime &&
		id.EmailID != "" && id.Recipient != "" && utf8.ValidString(id.EmailID) && utf8.ValidString(id.Recipient)
}

// MarshalNodeID writes the id as a JSON string.
func MarshalNodeID(id NodeID) graphql.Marshaler { return appended(id, AppendNodeID) }

// UnmarshalNodeID parses an opaque id.
func UnmarshalNodeID(v any) (NodeID, error) {
	s, ok := v.(string)
	if !ok {
		return NodeID{}, badInput("an id must be a string")
	}
	return ParseNodeID(s)
}

// MarshalKey writes a user or sender number as a JSON string, because JavaScript cannot represent all of them as
// numbers.
func MarshalKey(id upstream.ID) graphql.Marshaler { return appended(id, AppendKey) }

// UnmarshalKey parses a user or sender number from a string or a number.
func UnmarshalKey(v any) (upstream.ID, error) {
	s, err := graphql.UnmarshalID(v)
	if err != nil {
		return 0, err
	}
	return ParseKey(s)
}

// ParseKey parses a user or sender number.
func ParseKey(s string) (upstream.ID, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 || s[0] == '+' || s[0] == '0' {
		return 0, badInput("%q is not a user or sender number: it must be a positive whole number such as \"21\"",
			Excerpt(s))
	}
	return upstream.ID(n), nil
}
