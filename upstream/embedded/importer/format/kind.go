package format

import "deliverygraph/upstream"

// TypeOf returns the type of bounces of a category, for formats that have categories and no
// types: hard where mail to the recipient is in vain from now on.
func TypeOf(category string) upstream.BounceType {
	switch category {
	case "bad-mailbox", "bad-domain", "inactive-mailbox", "routing-errors":
		return upstream.Hard
	}
	return upstream.Soft
}
