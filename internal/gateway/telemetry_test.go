package gateway

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

// The flag names the collector, or else OpenTelemetry's variables do; errors name the one that set it.
func TestCollectorSettings(t *testing.T) {
	for name, c := range map[string]struct {
		flag string
		env  map[string]string
		want string // the URL and what set it, or part of an error
	}{
		"none": {want: " "},
		"a flag": {
			flag: "http://c.example.com:4318/", want: "http://c.example.com:4318/v1/traces --trace-otlp",
		},
		"a variable": {
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c.example.com/otlp"},
			want: "https://c.example.com/otlp/v1/traces OTEL_EXPORTER_OTLP_ENDPOINT",
		},
		"that of traces": {
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT":        "https://c.example.com",
				"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://t.example.com/in",
			}, want: "https://t.example.com/in OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
		},
		"the flag wins": {
			flag: "http://c.example.com", env: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "nonsense"},
			want: "http://c.example.com/v1/traces --trace-otlp",
		},
		"switched off": {
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c.example.com", "OTEL_SDK_DISABLED": "true"},
			want: " ",
		},
		"no exporter": {
			env: map[string]string{
				"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c.example.com", "OTEL_TRACES_EXPORTER": "none",
			}, want: " ",
		},
		"a flag that is no URL": {
			flag: "c.example.com:4318",
			want: `--trace-otlp: "c.example.com:4318" is not a URL: write it as http://127.0.0.1:4318`,
		},
		"a variable that is none": {
			env:  map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": "c.example.com"},
			want: `OTEL_EXPORTER_OTLP_ENDPOINT: "c.example.com" is not a URL: write it as http://127.0.0.1:4318`,
		},
		"that of traces likewise": {
			env:  map[string]string{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "4318"},
			want: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: "4318" is not a URL: write it as http://127.0.0.1:4318`,
		},
		"a protocol of others": {
			flag: "http://c.example.com", env: map[string]string{"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
			want: `OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" is not supported: leave it out, or set http/protobuf, ` +
				`which collectors serve on port 4318`,
		},
		"attributes without value": {
			flag: "http://c.example.com", env: map[string]string{"OTEL_RESOURCE_ATTRIBUTES": "a=b,production"},
			want: `OTEL_RESOURCE_ATTRIBUTES: "production" is not a name and a value: write them as ` +
				`deployment.environment=production,service.namespace=mail`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			to, named, err := (&serveCommand{TraceOTLP: c.flag}).collector()
			got := to + " " + named
			if err != nil {
				got = err.Error()
			}
			if got != c.want {
				t.Errorf("%s\nwant %s", got, c.want)
			}
		})
	}
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector")
	var out bytes.Buffer
	if code := Run(context.Background(), []string{"--listen", "127.0.0.1:0"},
		Streams{strings.NewReader(""), &out, &out}); code != exitUsage ||
		!strings.Contains(out.String(), "OTEL_EXPORTER_OTLP_ENDPOINT") {
		t.Errorf("%d: %s", code, out.String())
	}
}

// With only the environment set, spans of the operation, its loader's batch, its calls and its requests reach a
// collector, under the service's name, and the log names their trace.
func TestOperationsAreTraced(t *testing.T) {
	var got strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.WriteString(r.URL.Path + " as " + r.Header.Get("Content-Type") + " ")
		got.Write(body)
	}))
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	t.Setenv("OTEL_SERVICE_NAME", "mail-metrics")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=staging")
	p := start(t)
	p.query(`query Owners { senders(window: {last: "P7D"}, first: 10) { nodes { user { userId } } } }`, nil)
	p.stop()
	collector.Close() // when all that was sent has been read
	for _, want := range []string{
		"/v1/traces as application/x-protobuf", "mail-metrics", "staging", "Owners", "load owners of senders",
		"deliverygraph.keys", "deliverygraph.calls", "ask /email/counts", "GET",
	} {
		if !strings.Contains(got.String(), want) {
			t.Errorf("the collector did not get %q", want)
		}
	}
	if !regexp.MustCompile(`msg=operation .*name=Owners .*trace_id=[0-9a-f]{32}`).MatchString(p.log()) {
		t.Errorf("the log does not name the trace:\n%s", p.log())
	}
}
