package clickhouse_test

import (
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/clickhouse"
)

func TestWrongNamesSayHowToWriteThem(t *testing.T) {
	for name, want := range map[string]string{
		"clickhouse://127.0.0.1:9000":                  "must name one database",
		"clickhouse://127.0.0.1:9000/a/b":              "must name one database",
		"clickhouse://127.0.0.1:9000/a'b":              "of letters, digits",
		"clickhouse://127.0.0.1:9000/a%60b":            "of letters, digits",
		"clickhouse:/127.0.0.1/metrics":                "must begin with clickhouse://",
		"clickhouse://127.0.0.1/m?ca=a.pem":            "needs secure=true",
		"clickhouse://a,a:9000/metrics":                "a:9000 is named twice",
		"clickhouse:///metrics":                        "a host is missing",
		"clickhouse://a:9000,,b:9000/metrics":          "a host is missing",
		"clickhouse://127.0.0.1:9000/metrics?secur=1":  "secur=1 is no option",
		"clickhouse://127.0.0.1:9000/metrics?secure=2": "secure=2 is no option",
		"clickhouse://user:secret%zz@127.0.0.1/m":      "cannot be read",
	} {
		_, err := clickhouse.Open(t.Context(), name)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), clickhouse.Form) {
			t.Errorf("%s gives %v, want %q and the form", name, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

func TestServerThatIsDownIsUnavailable(t *testing.T) {
	_, err := clickhouse.Open(t.Context(), "clickhouse://user:secret@127.0.0.1:1/metrics")
	if upstream.CodeOf(err) != upstream.Unavailable || !strings.Contains(err.Error(), "127.0.0.1:1") {
		t.Errorf("got %v, want an error that names the host", err)
	}
	if err != nil && strings.Contains(err.Error(), "secret") {
		t.Errorf("the error shows the password: %v", err)
	}
}
