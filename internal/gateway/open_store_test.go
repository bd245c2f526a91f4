package gateway

import (
	"bytes"
	"strings"
	"testing"
)

func TestNamesOfStoresDoNotShowPasswords(t *testing.T) {
	for _, password := range []string{"secret", "se%cret", "sec#ret", "sec/ret", "sec?ret", "12/34", "se@cret"} {
		got := nameOfData("clickhouse://user:" + password + "@db.example.com:9000/metrics")
		if got != "clickhouse://user:xxxxx@db.example.com:9000/metrics" {
			t.Errorf("with the password %s, the name is %s", password, got)
		}
	}
	if got := nameOfData("clickhouse:/user:secret@db.example.com/m"); got != "clickhouse:/user:xxxxx@db.example.com/m" {
		t.Errorf("with one slash, the name is %s", got)
	}
	for _, name := range []string{"/var/lib/a:b@c.db", "clickhouse://db.example.com/metrics"} {
		if got := nameOfData(name); got != name || strings.Contains(got, "xxxxx") {
			t.Errorf("%s becomes %s", name, got)
		}
	}
}

func TestErrorsAboutStoresInClickHouseNameWhatTheUserSet(t *testing.T) {
	for value, want := range map[string][]string{
		"clickhouse:/127.0.0.1/metrics": {
			"must begin with clickhouse://", `from DELIVERYGRAPH_DATA="clickhouse:/127`,
		},
		"clickhouse://127.0.0.1:1/metrics":  {"cannot be reached", `from DELIVERYGRAPH_DATA="clickhouse://127`},
		"CLICKHOUSE://u:secret@127.0.0.1:1": {"must name one database", "(from DELIVERYGRAPH_DATA)"},
	} {
		t.Setenv("DELIVERYGRAPH_DATA", value)
		for _, command := range []string{"info", "migrate", "serve --listen 127.0.0.1:0", "check"} {
			var out, errs bytes.Buffer
			streams := Streams{In: strings.NewReader(""), Out: &out, Err: &errs}
			if Run(t.Context(), strings.Fields(command), streams) == exitOK {
				t.Errorf("%s succeeds with %s", command, value)
			}
			for _, text := range want {
				if !strings.Contains(errs.String(), text) {
					t.Errorf("%s with %s says %s, want %q", command, value, &errs, text)
				}
			}
			if strings.Contains(errs.String(), "secret") {
				t.Errorf("%s shows the password: %s", command, &errs)
			}
		}
	}
}
