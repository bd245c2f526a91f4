package graph

import (
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

// Of the errors of a response, only those that it may show stay in memory, but all are counted.
func TestErrorsBeyondTheLimitAreCountedOnly(t *testing.T) {
	t.Parallel()
	const most, failed = 3, 1000
	x := execution{record: record{Context: t.Context(), maxErrors: most}}
	ctx := graphql.WithResponseContext(&x.record, x.presenter(), recovered)
	for range failed {
		graphql.AddError(ctx, errors.New("a field failed"))
	}
	resp := &graphql.Response{Errors: graphql.GetErrors(ctx)}
	if len(resp.Errors) != most {
		t.Errorf("%d errors are kept", len(resp.Errors))
	}
	x.record.take(resp)
	x.record.conclude(ctx, nil)
	none := record{omitted: map[string]int{codeInternal: 2}} // it panicked before it had a response
	none.conclude(ctx, nil)
	if none.Errors != 2 || none.Codes[codeInternal] != 2 {
		t.Errorf("without a response %d errors are counted, by code %v", none.Errors, none.Codes)
	}
	if x.record.Errors != failed || x.record.Codes[codeInternal] != failed {
		t.Errorf("%d errors are counted, by code %v", x.record.Errors, x.record.Codes)
	}
}
