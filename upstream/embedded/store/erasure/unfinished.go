package erasure

import (
	"encoding/json"
	"slices"
	"strings"

	"deliverygraph/upstream/embedded/store"
)

// UnfinishedIn returns the changes that remove the address from the unfinished messages in the state of imports.
func (a *Address) UnfinishedIn(state map[string]string) (changes map[string]string) {
	changes = map[string]string{}
	for key, value := range state {
		if !strings.HasPrefix(key, store.UnfinishedPrefix) {
			continue
		}
		if kept := a.unfinished(value); a.IsIn(key) {
			changes[key] = ""
		} else if kept != value {
			changes[key] = kept
		}
	}
	return changes
}

// unfinished returns the state of an unfinished message of an import, which is a JSON value, without the elements of
// lists that contain the address, or "" if more contains it.
func (a *Address) unfinished(value string) string {
	var v any
	d := json.NewDecoder(strings.NewReader(value))
	d.UseNumber()
	if err := d.Decode(&v); err != nil && a.IsIn(value) {
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

// IsIn reports whether a text contains the address.
func (a *Address) IsIn(s string) bool { return a.Without(s) != s }

// inside reports whether a JSON value contains the address.
func (a *Address) inside(v any) bool {
	switch v := v.(type) {
	case string:
		return a.IsIn(v)
	case []any:
		return slices.ContainsFunc(v, a.inside)
	case map[string]any:
		for name, x := range v {
			if a.IsIn(name) || a.inside(x) {
				return true
			}
		}
	}
	return false
}

// thin removes the elements of lists that contain the address from a JSON value.
func (a *Address) thin(v any) any {
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
