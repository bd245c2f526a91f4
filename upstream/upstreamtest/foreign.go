package upstreamtest

import (
	"context"
	"net/http"

	"deliverygraph/upstream"
)

// foreign is a client for servers that may use any format in the document. It reads answers with the codecs of package
// upstream.
type foreign struct{ Server }

// Ask implements [upstream.Asker].
func (f foreign) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	path, parameters := request(q)
	a, err := f.get(ctx, path, parameters.Encode())
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return nil, &upstream.Error{Code: upstream.CodeOfStatus(a.status), Status: a.status}
	}
	return q.Decode(string(a.body))
}
