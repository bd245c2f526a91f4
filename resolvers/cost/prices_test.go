package cost

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/generated"
)

// Every field that returns objects is priced, or known to cost nothing.
func TestEveryFieldHasAPrice(t *testing.T) {
	t.Parallel()
	free := map[string]bool{
		"BounceEvent.node": true /* by Subscription.bounces */, "BounceDetail.rule": true,
		"Message.recipients": true /* by Query.message */, "Suppression.because": true, /* by Recipient.suppression */
		"Query.viewer": true, "Viewer.rateLimit": true,
	}
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	for name, typ := range schema.Types {
		if typ.Kind != ast.Object || typ.BuiltIn || strings.HasSuffix(name, "Connection") ||
			strings.HasSuffix(name, "Edge") || strings.HasPrefix(name, "Breakdown") {
			continue
		}
		for _, f := range typ.Fields {
			at := name + "." + f.Name
			if schema.Types[f.Type.Name()].IsCompositeType() && !strings.HasPrefix(f.Name, "__") && !free[at] &&
				f.Name != "xHeaders" && prices[name][f.Name] == nil {
				t.Errorf("%s is not priced", at)
			}
		}
	}
}
