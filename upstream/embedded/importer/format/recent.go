package format

// minRecent is the minimum number of values that a Recent keeps.
const minRecent = 100_000

// Recent keeps the values that were put last, between 100,000 and 200,000 of them. The zero value is empty.
type Recent[K comparable, V any] struct{ young, old map[K]V }

// Put adds or replaces the value of a key, and reports whether it has dropped older values.
func (r *Recent[K, V]) Put(key K, value V) (dropped bool) {
	if len(r.young) >= minRecent {
		dropped = r.old != nil
		r.young, r.old = nil, r.young
	}
	if r.young == nil {
		r.young = map[K]V{}
	}
	r.young[key] = value
	return dropped
}

// Get returns the value of a key, if there is one.
func (r *Recent[K, V]) Get(key K) (value V, ok bool) {
	if value, ok = r.young[key]; !ok {
		value, ok = r.old[key]
	}
	return value, ok
}
