package gateway

import (
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
	for _, name := range []string{"/var/lib/a:b@c.db", "clickhouse://db.example.com/metrics"} {
		if got := nameOfData(name); got != name || strings.Contains(got, "xxxxx") {
			t.Errorf("%s becomes %s", name, got)
		}
	}
}
