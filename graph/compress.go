package graph

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// minCompressed is the least size of an answer, in bytes, that is compressed: smaller
// ones fit a packet or so as they are.
const minCompressed = 1 << 10

// compressed compresses answers by gzip or zstd, whichever Accept-Encoding gives more
// weight, and by gzip where both have the same: clients that list all encodings of their
// platform may fail on zstd, as @whatwg-node/fetch does under Node.js 20. Of both the
// fastest level is taken: it makes a page of rows a quarter of its size, and more would
// cost more time than it spares on the way.
//
// An answer's size tells who can make its caller ask, and can watch the wire, of what
// the answer repeats (BREACH). Here nobody can: callers show who they are by headers,
// which no page of another origin can have a browser send, and never by cookies.
//
// The library is spared requests that accept nothing of the kind.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(minCompressed),
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.PreferZstd(false),
		gzhttp.ContentTypes([]string{mediaGraphQL, mediaJSON}),
	)
	if err != nil {
		panic(err) // these settings are wrong, whatever is asked
	}
	compressing := wrap(h)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.Header["Accept-Encoding"]) > 0 {
			compressing(w, r)
			return
		}
		w.Header().Add("Vary", "Accept-Encoding")
		h.ServeHTTP(w, r)
	})
}
