package rest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"

	"deliverygraph/upstream"
)

// A body is read to its end, whatever Content-Length announces.
func TestBodyIsReadWhateverItsAnnouncedLength(t *testing.T) {
	t.Parallel()
	const want = `["ab"]`
	c := &Client{o: Options{MaxBodyBytes: 1 << 50}}
	for name, announced := range map[string]int64{
		"its own": 6, "more": 60, "one more": 7, "less": 3, "one less": 5, "none": -1, "zero": 0, "large": largeBody,
		"huge": 1 << 40,
	} {
		for how, body := range map[string]io.Reader{
			"at once": strings.NewReader(want), "byte by byte": iotest.OneByteReader(strings.NewReader(want)),
			"with its end": iotest.DataErrReader(strings.NewReader(want)),
		} {
			if text, f := c.read(t.Context(),
				&http.Response{ContentLength: announced, Body: io.NopCloser(body)}); f != nil || text != want {
				t.Errorf("%s, %s: got %q, %v", name, how, text, f)
			}
		}
		body := io.MultiReader(strings.NewReader(want), iotest.ErrReader(io.ErrUnexpectedEOF))
		if _, f := c.read(t.Context(), &http.Response{ContentLength: announced, Body: io.NopCloser(body)}); f == nil ||
			!f.again {
			t.Errorf("%s, broken off: got %v", name, f)
		}
	}
}

// Decoding further bodies does not change rows decoded before.
func TestLaterBodiesDoNotChangeEarlierRows(t *testing.T) {
	var next atomic.Int64
	c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(bytes.ReplaceAll(pageOf(20), []byte("a@example.com"),
			fmt.Appendf(nil, "%c@example.com", rune('a'+next.Add(1)-1))))
	}))
	var pages [10][]upstream.Bounce
	for i := range pages {
		var err error
		if pages[i], err = c.Bounces(t.Context(), upstream.ListQuery{Window: day, UserID: 21, Offset: i}); err != nil {
			t.Fatal(err)
		}
	}
	for i, rows := range pages {
		for _, b := range rows {
			if want := fmt.Sprintf("%c@example.com", 'a'+i); b.EmailAddress != want ||
				b.XHeaders[0] != (upstream.Header{Name: "X-Campaign", Value: "spring"}) {
				t.Fatalf("page %d has a row of %s with %v, want %s", i, b.EmailAddress, b.XHeaders, want)
			}
		}
	}
}
