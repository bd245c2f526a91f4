package event

import (
	"fmt"
	"math/rand/v2"

	"deliverygraph/upstream"
)

// sample is events as an account sends them: about one a second, four headers of a few values each.
func sample() []Event {
	r := rand.New(rand.NewPCG(1, 2))
	out := make([]Event, 4000)
	for i := range out {
		t := upstream.Time(1479772800 + i)
		local := fmt.Sprintf("recipient%d", r.IntN(300000))
		domain := fmt.Sprintf("mail%d.example.com", r.IntN(1+r.IntN(60)))
		out[i] = Event{
			Key: Key{Time: t, EmailID: fmt.Sprintf("%s.%012x@mail6-%d-ussnn1", t.UTC().Format("20060102150405"), r.Uint64()>>16, 40+r.IntN(6)),
				Recipient: local + "@" + domain, User: 20 + upstream.ID(r.IntN(6)), Sender: 100 + upstream.ID(r.IntN(24))},
			Local: local, Domain: domain, Process: t, Delivered: r.IntN(20) > 0,
			Headers: []upstream.Header{{Name: "X-Campaign", Value: fmt.Sprint("c", r.IntN(12))}, {Name: "X-Region", Value: fmt.Sprint("region ", r.IntN(50))},
				{Name: "X-Kind", Value: "newsletter"}, {Name: "X-Opt-In", Value: fmt.Sprint(r.IntN(3))}},
		}
	}
	return out
}
