package rest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"testing"

	"deliverygraph/upstream"
)

// inMemory returns a transport that answers every request with body, without a socket, so that benchmarks measure only
// the client.
func inMemory(body []byte) roundTrip {
	return func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode:    200,
			Header:        http.Header{"Content-Type": {"application/json"}},
			ContentLength: int64(len(body)),
			Body:          io.NopCloser(bytes.NewReader(body)),
			Request:       r,
		}, nil
	}
}

// pageOf returns a page of n minimal bounces.
func pageOf(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"data":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b,
			`{"user_id":21,"sender_id":17,"email_id":"20161122000000.%d@mail6-40","bounce_time":1479772800,`+
				`"process_time":1479772800,"bounce_type":"hard","bounce_code":"5.1.1","bounce_category":"bad-mailbox",`+
				`"email_address":"a@example.com","local":"a","domain":"example.com","postback_time":0,`+
				`"xheaders":{"X-Campaign":"spring"}}`, i)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// BenchmarkCall measures successful calls: by a single caller, and by many that ask for different pages.
func BenchmarkCall(b *testing.B) {
	for _, rows := range []int{1, upstream.PageSize} {
		body := pageOf(rows)
		newClient := func() *Client {
			c, err := New(Options{BaseURL: "http://api.example.com", Key: testKey, Transport: inMemory(body)})
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		b.Run("rows="+strconv.Itoa(rows), func(b *testing.B) {
			c := newClient()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Bounces(b.Context(), upstream.ListQuery{Window: day, UserID: 21}); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run("rows="+strconv.Itoa(rows)+"/parallel", func(b *testing.B) {
			c := newClient()
			b.ReportAllocs()
			b.SetParallelism(32) // more than there are slots
			var n atomic.Int64
			b.RunParallel(func(pb *testing.PB) {
				q := upstream.ListQuery{Window: day, UserID: 21, Offset: int(n.Add(1))}
				for pb.Next() {
					if _, err := c.Bounces(b.Context(), q); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}
