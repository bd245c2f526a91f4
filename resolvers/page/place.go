package page

// verdict is what a page is good for, given a key.
type verdict uint8

const (
	covers verdict = iota // what neighbours the key is in the page without gaps
	short                 // the page ends before the key, and more rows follow
	beyond                // the page begins behind the key, and not with the list
)

// place finds where key k is, or would be, in a page of a sorted list. With ahead
// it gives the index of the first row behind k, otherwise of the first row that
// is not before k; index len(rows) means that k's neighbour on that side is not
// in the page. Where k occurs twice in the page (a remote's fault), the one nearest
// to index expect counts.
//
// Identity goes before order, so that a remote that sorts by time alone works as
// long as no row disappears; loose says that it is one.
func (p *leaf[R]) place(k Key, expect int, ahead, loose bool) (int, verdict) {
	from, to := p.second(k.Time)
	found := -1
	for i := from; i < to; i++ {
		if p.keyAt(i) == k && (found < 0 || distance(i, expect) < distance(found, expect)) {
			found = i
		}
	}
	i := found
	switch {
	case found >= 0 && ahead:
		return found + 1, covers // k itself ties the page to what came before
	case found < 0:
		for i = from; i < to; i++ {
			if p.keyAt(i).compare(k) > 0 {
				break
			}
		}
		if loose && to == len(p.rows) && from < to && p.full {
			return to, short // k may be among the further rows of its second
		}
		if i == len(p.rows) && p.full {
			return i, short
		}
	}
	if i == 0 && !p.begins() {
		return 0, beyond
	}
	return i, covers
}

func distance(a, b int) int { return max(a-b, b-a) }
