package store

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// UnfinishedPrefix begins the keys of the state that imports keep of unfinished messages, which is personal data. The
// values are JSON. A recipient is an element of a list. The largest integer is the time of the last line about the
// message, in milliseconds since 1970.
const UnfinishedPrefix = "queue/"

// UnfinishedChange is the key of the state whose value changes when Erase or Prune changes unfinished messages.
const UnfinishedChange = "store/unfinished"

// changeUnfinished returns the changes of the state that replace unfinished messages by what f returns, "" for none,
// and the number of these messages. Imports that are running notice the change: see [Batch].Given. The state may be
// larger than memory.
func changeUnfinished(
	state iter.Seq2[string, string], f func(key, value string) string,
) (changes map[string]string, messages int64) {
	changes = map[string]string{}
	changed := 0
	for key, value := range state {
		switch {
		case key == UnfinishedChange:
			changed, _ = strconv.Atoi(value)
		case strings.HasPrefix(key, UnfinishedPrefix):
			if now := f(key, value); now != value {
				changes[key] = now
				messages++
			}
		}
	}
	if messages > 0 {
		changes[UnfinishedChange] = strconv.Itoa(changed + 1)
	}
	return changes, messages
}

// PruneUnfinished returns the changes of the state that remove the unfinished messages whose last line is from before a
// time.
func PruneUnfinished(state iter.Seq2[string, string], before upstream.Time) (changes map[string]string) {
	changes, _ = changeUnfinished(state, func(_, value string) string {
		if v, err := decodeUnfinished(value); err == nil && latest(v) < int64(before)*1000 {
			return ""
		}
		return value
	})
	return changes
}

// Unfinished returns the changes of the state that remove the address from unfinished messages, and the number of these
// messages.
func (a *Erasure) Unfinished(state iter.Seq2[string, string]) (changes map[string]string, messages int64) {
	return changeUnfinished(state, func(key, value string) string {
		if a.isIn(key) {
			return ""
		}
		return a.unfinished(value)
	})
}

// unfinished returns the state of an unfinished message without the elements of lists that contain the address, or ""
// if more contains it.
func (a *Erasure) unfinished(value string) string {
	v, err := decodeUnfinished(value)
	if err != nil && a.isIn(value) {
		return ""
	} else if err != nil || !a.inside(v) {
		return value
	}
	v = a.thin(v)
	kept, err := json.Marshal(v)
	if err != nil || a.inside(v) { // outside of a list, such as a return path
		return ""
	}
	return string(kept)
}

func decodeUnfinished(value string) (v any, err error) {
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// latest returns the largest integer in a JSON value.
func latest(v any) (n int64) {
	switch v := v.(type) {
	case json.Number:
		n, _ = v.Int64()
	case []any:
		for _, x := range v {
			n = max(n, latest(x))
		}
	case map[string]any:
		for _, x := range v {
			n = max(n, latest(x))
		}
	}
	return n
}

// inside reports whether a JSON value contains the address.
func (a *Erasure) inside(v any) bool {
	switch v := v.(type) {
	case string:
		return a.isIn(v)
	case []any:
		return slices.ContainsFunc(v, a.inside)
	case map[string]any:
		for name, x := range v {
			if a.isIn(name) || a.inside(x) {
				return true
			}
		}
	}
	return false
}

// thin removes the elements of lists that contain the address from a JSON value.
func (a *Erasure) thin(v any) any {
	switch v := v.(type) {
	case []any:
		return slices.DeleteFunc(v, a.inside)
	case map[string]any:
		for name, x := range v {
			v[name] = a.thin(x)
		}
	}
	return v
}
