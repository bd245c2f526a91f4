package page

// verdict says whether a page covers a key.
type verdict uint8

const (
	covers verdict = iota // the page holds the neighbours of the key, without gaps
	short                 // the page ends before the key, and more rows follow
	beyond                // the page begins after the key, and not at the start of the list
)

// place finds where key k is, or would be, in a page of a sorted list. With ahead, it returns the index of the
// first row after k; otherwise that of the first row not before k. An index of len(rows) means that k's
// neighbour on that side is not in the page. If the remote wrongly returned k twice, the occurrence nearest to
// index expect counts.
//
// Identity takes precedence over order, so paging works on a remote that sorts by time alone, as long as no row
// disappears. The argument loose says that the remote is one of those.
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
		return found + 1, covers // k itself connects the page to what came before
	case found < 0:
		for i = from; i < to; i++ {
			if p.keyAt(i).Compare(k) > 0 {
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
