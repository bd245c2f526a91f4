package demo

import "deliverygraph/upstream"

// headerSets are the custom headers of an account's emails, by sender, topic and
// recipient.traits. Emails with the same headers share them.
type headerSets [4][][][]upstream.Header

func newHeaderSets(a *account) headerSets {
	var h headerSets
	for n, s := range a.senders {
		for _, t := range append(s.topics, topic{name: importTopic}) {
			var sets [][]upstream.Header
			if !s.plain {
				for _, x := range a.traits[0] {
					for _, y := range a.traits[1] {
						for _, z := range a.traits[2] {
							sets = append(sets, a.header(t.name, x, y, z))
						}
					}
				}
			}
			h[n] = append(h[n], sets)
		}
	}
	return h
}

func (a *account) header(values ...string) []upstream.Header {
	var l []upstream.Header
	for i, v := range values {
		l = append(l, upstream.Header{Name: a.headers[i], Value: v})
	}
	return l
}
