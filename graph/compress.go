package graph

import (
	"net/http"

	"github.com/klauspost/compress/gzhttp"
	"github.com/klauspost/compress/gzip"
)

// minCompressed is the size, in bytes, from which an answer is compressed. Smaller ones fit about one packet anyway.
const minCompressed = 1 << 10

// compressed compresses answers with gzip or zstd, whichever Accept-Encoding prefers, and with gzip if it prefers
// neither: clients that list every encoding of their platform may fail on zstd, as @whatwg-node/fetch does under
// Node.js 20. Both run at their fastest level, which makes a page of rows four times smaller; higher levels cost more
// time than they save on the network.
//
// The size of a compressed answer can reveal secrets in it to an attacker who makes a victim's browser send requests
// and watches the network (BREACH). That does not work here: callers authenticate with headers, which a page of another
// origin cannot make a browser send, and never with cookies.
//
// Requests that accept no encoding bypass the library, which is faster.
func compressed(h http.Handler) http.Handler {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.MinSize(minCompressed),
		gzhttp.CompressionLevel(gzip.BestSpeed),
		gzhttp.PreferZstd(false),
		gzhttp.ContentTypes([]string{mediaGraphQL, mediaJSON}),
	)
	if err != nil {
		panic(err) // the settings above are constant
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
