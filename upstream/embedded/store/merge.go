package store

import (
	"cmp"
	"strings"

	"deliverygraph/upstream"
)

// Merge returns the rows of one kind of a batch as a [Writer] writes them if [Batch].Merge is set: one for each
// message, merged with those of the batch and of the store, which old returns. It calls remove for rows of the store
// that the merged one replaces at another time. R is a row as a store keeps it, and event returns its event.
func Merge[R any](
	k upstream.Kind, rows []R, event func(*R) *Event, old func(*R) []R, remove func(R), n *Written,
) []R {
	merged := make([]R, 0, len(rows))
	at := map[upstream.Identity]int{} // without the time
	for i := range rows {
		e := event(&rows[i])
		message := e.Identity
		message.Time = 0
		if same, ok := at[message]; ok {
			n.Unchanged++ // counts as if it says nothing new
			event(&merged[same]).Merge(k, e)
			continue
		}
		at[message] = len(merged)
		merged = append(merged, rows[i])
	}
	for i := range merged {
		e, stored := event(&merged[i]), old(&merged[i])
		for j := range stored {
			e.Merge(k, event(&stored[j]))
		}
		moved := len(stored) > 0 // to another time
		for j := range stored {
			if event(&stored[j]).Time == e.Time {
				moved = false
			} else {
				remove(stored[j])
			}
		}
		if moved {
			n.Replaced++
			n.New--
		}
	}
	return merged
}

// Merge combines e with another event of the same kind and message. An email gets the earlier time, and is delivered
// if one of them is. Of bounces and blocked emails, the one that says more stays. The event gets the other's headers if
// the other has more. If both have the same number, the text decides, so that the order of events does not matter.
func (e *Event) Merge(k upstream.Kind, o *Event) {
	headers, process := e.XHeaders, min(e.ProcessTime, o.ProcessTime)
	if headers == nil || cmp.Or(len(headers)-len(o.XHeaders),
		strings.Compare(EncodeHeaders(headers), EncodeHeaders(o.XHeaders))) < 0 {
		headers = o.XHeaders
	}
	switch {
	case k == upstream.Emails:
		e.Time = min(e.Time, o.Time)
		e.Delivered = e.Delivered || o.Delivered
	case o.saysMore(e):
		*e = *o
	}
	e.XHeaders, e.ProcessTime = headers, process
}

// saysMore reports whether of two failures of a message e is the one to keep: the one with the whole message, or the
// earlier one. The other comparisons only make the choice independent of the order.
func (e *Event) saysMore(o *Event) bool {
	if whole := e.FullContent != ""; whole != (o.FullContent != "") {
		return whole
	}
	return cmp.Or(cmp.Compare(e.Time, o.Time), cmp.Compare(e.Code, o.Code),
		cmp.Compare(e.DiagnosticCode, o.DiagnosticCode), cmp.Compare(e.FullContent, o.FullContent),
		cmp.Compare(e.Reason, o.Reason)) < 0
}
