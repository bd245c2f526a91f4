package doctor_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deliverygraph/upstream/doctor"
)

// Servers need not have the extension. Wrong groups are a fault.
func TestGroupsAreOptionalButMustAddUp(t *testing.T) {
	t.Parallel()
	next := sample()
	with := func(status int, body string) doctor.Report {
		return examine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.URL.Path, "/groups") {
				next.ServeHTTP(w, r)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprint(w, body)
		}))
	}
	none := with(http.StatusNotFound, `{"error": {"code": 404, "message": "unknown"}}`)
	if text := table(t, none); none.Verdict() == doctor.WillNotDo || !strings.Contains(text, "made of counts") {
		t.Errorf("verdict %d:\n%s", none.Verdict(), text)
	}
	wrong := with(http.StatusOK, `{"data": {"total": 3, "groups": [{"keys": ["example.com"], "count": 2}], `+
		`"other": {"groups": 1, "count": 1}}}`)
	if text := table(t, wrong); wrong.Verdict() != doctor.WillNotDo || !strings.Contains(text, "groups of 3 bounces") {
		t.Errorf("verdict %d:\n%s", wrong.Verdict(), text)
	}
}
