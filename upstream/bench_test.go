package upstream_test

import (
	"fmt"
	"testing"

	. "deliverygraph/upstream"
)

// pageOfBounces returns the answer for a page of n rows, like those of the document's example but varied as real ones
// are.
func pageOfBounces(n int) []byte {
	states := []string{"New Hampshire", "North Carolina", "Maine", "Vermont", "Ohio"}
	rows := make([]Bounce, n)
	for i := range rows {
		rows[i] = Bounce{
			UserID: ID(20 + i%5), SenderID: ID(17 + i%20),
			EmailID: fmt.Sprintf("20161122000000.%012d@mail6-%d-ussnn1", i*7919, 40+i%6),
			Local:   fmt.Sprintf("recipient%d", i), Domain: "example.com",
			EmailAddress: fmt.Sprintf("recipient%d@example.com", i),
			Type:         Soft, Category: "policy-related", Code: "4.2.0",
			BounceTime: Time(1479772800 + i), ProcessTime: Time(1479772798 + i),
		}
		if i%10 != 9 {
			rows[i].XHeaders = []Header{
				{Name: "X-Subscription11", Value: "None"}, {Name: "X-CampaignMaster11", Value: "Notification"},
				{Name: "X-DistrictMaster11", Value: states[i%len(states)]}, {Name: "X-OptIn11", Value: "Refused"},
			}
		}
	}
	return AppendBounces(nil, rows)
}

func BenchmarkDecodeBounces(b *testing.B) {
	body := string(pageOfBounces(PageSize))
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := DecodeBounces(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendBounces(b *testing.B) {
	body := pageOfBounces(PageSize)
	rows, err := DecodeBounces(string(body))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		body = AppendBounces(body[:0], rows)
	}
}
