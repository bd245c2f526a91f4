package rest

import (
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// How counts are described.
var (
	per = [...]string{upstream.Hour: " per hour", upstream.Day: " per day"}
	by  = [...]string{upstream.BySender: " by sender", upstream.ByUser: " by user"}
)

// doing describes q as the beginning of an error message, such as "list bounces of user 21". Because errors are logged,
// it names users and senders by number and contains no addresses.
func doing(q *upstream.Question) string {
	var s string
	switch q.Shape {
	case upstream.ShapeList:
		s = "list " + q.Kind.String()
	case upstream.ShapeDetail:
		s = "get a bounce"
	case upstream.ShapeCatalogue:
		return "get " + kind.All[q.Kind].Codes
	case upstream.ShapeGroups:
		s = "group " + q.Kind.String() + " by " + q.Names(" and ")
	default:
		s = "count " + q.Kind.String() + per[q.Interval] + by[q.Rollup]
	}
	switch {
	case q.UserID != 0 && q.SenderID != 0:
		return fmt.Sprintf("%s of user %d and sender %d", s, q.UserID, q.SenderID)
	case q.UserID != 0:
		return fmt.Sprintf("%s of user %d", s, q.UserID)
	case q.SenderID != 0:
		return fmt.Sprintf("%s of sender %d", s, q.SenderID)
	}
	return s
}
