package gateway

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/net/http/httpguts"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/embedded"
)

type serveCommand struct {
	Listen       string        `default:"127.0.0.1:8080" placeholder:"ADDR"`
	CorsOrigins  []string      `placeholder:"ORIGIN"`
	AllowedHosts []string      `placeholder:"NAME"`
	Timeout      time.Duration `default:"30s"`
	TLSCert      string        `name:"tls-cert" placeholder:"FILE"`
	TLSKey       string        `name:"tls-key" placeholder:"FILE"`
	DrainTime    time.Duration `default:"10s"`

	Auth authSettings `embed:"" prefix:"auth-" group:"Authentication:"`

	Introspection    string `group:"Operations:" default:"auto" enum:"auto,on,off"`
	TrustedDocuments string `group:"Operations:" placeholder:"PATH"`
	TrustedOnly      bool   `group:"Operations:"`
	MaxUpstreamCalls int    `group:"Operations:" default:"200" placeholder:"N"`
	BatchLimit       int    `group:"Operations:" default:"0" placeholder:"N"`
	Explain          string `group:"Operations:" default:"auto" enum:"auto,on,off"`

	CostPerMinute int      `group:"Operations:" placeholder:"N"`
	MaxOperations int      `group:"Operations:" placeholder:"N"`
	MaxInFlight   byteSize `group:"Operations:" placeholder:"SIZE"`

	upstreamSettings `group:"A remote upstream:"`

	Data             string   `group:"The embedded store:" placeholder:"FILE"`
	Create           bool     `group:"The embedded store:"`
	Retention        span     `group:"The embedded store:" placeholder:"DURATION"`
	StoreMemory      byteSize `group:"The embedded store:" default:"64MiB" placeholder:"SIZE"`
	Rules            string   `group:"The embedded store:" placeholder:"FILE"`
	Providers        string   `group:"The embedded store:" placeholder:"FILE"`
	RestListen       string   `group:"The embedded store:" placeholder:"ADDR"`
	RestKeys         string   `group:"The embedded store:" placeholder:"FILE"`
	RestKeyList      string   `group:"The embedded store:" secret:"" hidden:""`
	RestDuplicate202 bool     `group:"The embedded store:" name:"rest-duplicate-202"`

	Ingest ingestSettings `embed:"" prefix:"ingest-" group:"Webhooks:"`

	Subscriptions          int           `group:"Subscriptions:" default:"10000" placeholder:"N"`
	SubscriptionsPerCaller int           `group:"Subscriptions:" default:"100" placeholder:"N"`
	SubscriptionFilters    int           `group:"Subscriptions:" default:"100" placeholder:"N"`
	SubscriptionPoll       time.Duration `group:"Subscriptions:" default:"5s"`
	SubscriptionOverlap    time.Duration `group:"Subscriptions:" default:"5m"`
	SubscriptionHeartbeat  time.Duration `group:"Subscriptions:" default:"15s"`

	CacheSize    byteSize      `group:"Caching:" default:"64MiB" placeholder:"SIZE"`
	CacheFresh   time.Duration `group:"Caching:" default:"5s"`
	CacheSettle  time.Duration `group:"Caching:" default:"1h"`
	CacheStale   time.Duration `group:"Caching:" default:"10m"`
	CacheCatalog time.Duration `group:"Caching:" default:"1h"`

	Redis     string `group:"Several gateways:" secret:"" placeholder:"URL"`
	RedisCA   string `group:"Several gateways:" name:"redis-ca" placeholder:"FILE"`
	RedisKeep string `group:"Several gateways:" default:"all" enum:"all,counts"`

	AdminListen string        `group:"Operating:" placeholder:"ADDR"`
	AdminPprof  bool          `group:"Operating:"`
	MemoryLimit byteSize      `group:"Operating:" placeholder:"SIZE"`
	GCPercent   int           `name:"gc-percent" group:"Operating:" placeholder:"N"`
	DrainDelay  time.Duration `group:"Operating:" default:"0s"`

	TraceOTLP  string  `name:"trace-otlp" group:"Operating:" placeholder:"URL"`
	TraceShare float64 `group:"Operating:" default:"1"`

	LogLevel  slog.Level `group:"Logging:" default:"info" placeholder:"LEVEL"`
	LogFormat string     `group:"Logging:" default:"text" enum:"text,json"`
}

// check refuses settings that are invalid or contradict each other.
func (c *serveCommand) check() error {
	if c.Upstream != "" {
		for _, s := range []struct {
			flag string
			set  bool
		}{
			{"data", c.Data != ""}, {"create", c.Create}, {"retention", c.Retention != (span{})},
			{"rest-listen", c.RestListen != ""}, {"rest-keys", c.RestKeys != "" || c.RestKeyList != ""},
			{"rest-duplicate-202", c.RestDuplicate202},
		} {
			if s.set {
				return badSetting("--%s configures the embedded store, "+
					"but --upstream replaces it by a remote server: leave one out",
					s.flag)
			}
		}
	}
	if err := c.upstreamSettings.check(); err != nil {
		return err
	}
	for _, s := range []struct {
		wrong   bool
		message string
	}{
		{c.Retention != (span{}) && c.Data == "" && c.Upstream == "",
			"--retention needs a store in a file: name it, such as --data metrics.db"},
		{c.Create && c.Data == "", "--create creates the store of --data: name its file, such as --data metrics.db"},
		{c.RestListen == "" && (c.RestKeys != "" || c.RestKeyList != "" || c.RestDuplicate202),
			"--rest-keys and --rest-duplicate-202 configure the REST port: open it, such as --rest-listen " +
				"127.0.0.1:8081"},
		{c.RestKeys != "" && c.RestKeyList != "",
			"--rest-keys and DELIVERYGRAPH_REST_KEY_LIST are both set: leave one out"},
		{c.TrustedOnly && c.TrustedDocuments == "",
			"--trusted-only without --trusted-documents refuses all documents: name some, such as " +
				"--trusted-documents persisted.json"},
		{c.CostPerMinute < 0 || c.CostPerMinute > 1_000_000,
			"--cost-per-minute must be from 1 to 1000000, such as 2000; leave it out for no limit"},
		{c.MaxOperations < 0, "--max-operations must be at least 1, such as 128"},
		{c.Timeout <= 0, "--timeout must be positive, such as 30s"},
		{c.DrainTime < 0 || c.CacheFresh < 0 || c.CacheStale < 0 || c.CacheSettle < 0 || c.CacheCatalog < 0,
			"--drain-time, --cache-fresh, --cache-stale, --cache-settle and --cache-catalog must not be negative: " +
				"such as 10s"},
		{(c.TLSCert == "") != (c.TLSKey == ""),
			"--tls-cert and --tls-key must be given together, such as --tls-cert cert.pem --tls-key key.pem"},
		{c.RedisCA != "" && c.Redis == "",
			"--redis-ca is given without --redis: name the server, such as --redis rediss://host:6379"},
		{c.AdminListen == "" && c.AdminPprof,
			"--admin-pprof needs the admin port: open it, such as --admin-listen 127.0.0.1:9090"},
		{!(c.TraceShare >= 0 && c.TraceShare <= 1), "--trace-share must be from 0 to 1, such as 0.1"},
		{c.MemoryLimit != 0 && c.MemoryLimit < minMemory, "--memory-limit must be at least 32MiB, such as 512MiB"},
		{c.MaxInFlight != 0 && c.MaxInFlight < 1<<20, "--max-in-flight must be at least 1MiB, such as 256MiB"},
		{c.GCPercent < 0 || c.GCPercent > 10_000,
			"--gc-percent must be from 1 to 10000, such as 100; leave it out to adapt it to the memory in use"},
		{c.DrainDelay < 0, "--drain-delay must not be negative: such as 5s"},
		{c.MaxUpstreamCalls < 0, "--max-upstream-calls must not be negative: such as 200, or 0 for no limit"},
		{c.BatchLimit < 0 || c.BatchLimit > 1000, "--batch-limit must be from 0 to 1000, such as 10; 0 refuses arrays"},
		{c.Subscriptions < 1 || c.SubscriptionsPerCaller < 1 || c.SubscriptionFilters < 1,
			"--subscriptions, --subscriptions-per-caller and --subscription-filters must be at least 1, such as 100"},
		{c.SubscriptionPoll < 100*time.Millisecond || c.SubscriptionOverlap < time.Second,
			"--subscription-poll must be at least 100ms, such as 5s, and --subscription-overlap at least 1s, such " +
				"as 5m"},
		{c.SubscriptionHeartbeat < 100*time.Millisecond,
			"--subscription-heartbeat must be at least 100ms, such as 15s"},
	} {
		if s.wrong {
			return badSetting("%s", s.message)
		}
	}
	if _, _, err := c.collector(); err != nil {
		return err
	}
	if err := c.Auth.check(c); err != nil {
		return err
	}
	if err := c.Ingest.check(c); err != nil {
		return err
	}
	for _, h := range c.AllowedHosts {
		if h != "*" && !hostName.MatchString(h) {
			return badSetting("--allowed-hosts: %q is not a host name: write it as in the Host header, "+
				"without scheme, port and spaces, such as metrics.example.com "+
				"(several as metrics.example.com,mail.example.com), or * for any", h)
		}
	}
	for _, o := range c.CorsOrigins {
		u, err := url.Parse(o)
		if o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || u.Path != "" ||
			strings.ContainsAny(o, "*?#")) {
			return badSetting("--cors-origins: %s is not an origin: write scheme, host and port only, "+
				"such as https://app.example.com",
				shown(o))
		}
	}
	return nil
}

// hostName matches DNS names as browsers send them, with other alphabets in Punycode (xn--).
var hostName = regexp.MustCompile(
	`^(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)\.?$`)

// restrictHosts rejects requests whose Host header is not allowed, if there are allowed hosts, or if web pages could
// reach the port by DNS rebinding: on loopback without authentication.
func (c *serveCommand) restrictHosts(at net.Addr, authenticates bool, h http.Handler, refuse web.Refuse) http.Handler {
	if len(c.AllowedHosts) == 0 && (authenticates || !loopback(at)) {
		return h
	}
	return web.NewHosts(c.AllowedHosts, c.CorsOrigins).Handler(h, refuse)
}

// collector returns the URL to send traces to, and the setting that names it: the flag, or else OpenTelemetry's
// standard environment variables. The URL is empty if tracing is off.
func (c *serveCommand) collector() (to, named string, err error) {
	const base, whole = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
	off := strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") || os.Getenv("OTEL_TRACES_EXPORTER") == "none"
	to, named = c.TraceOTLP, "--trace-otlp"
	for _, name := range []string{whole, base} {
		if to == "" && !off {
			to, named = os.Getenv(name), name
		}
	}
	if to == "" {
		return "", "", nil
	}
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return "", "", badSetting("%s: %s is not a URL: write it as http://127.0.0.1:4318", named, shown(to))
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if v := os.Getenv(name); v != "" && v != "http/protobuf" {
			return "", "",
				badSetting("%s: %q is not supported: leave it out, or set http/protobuf, "+
					"which collectors serve on port 4318",
					name, v)
		}
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"} {
		if value := strings.TrimSpace(os.Getenv(name)); value != "" && !areHeaders(value) {
			return "", "", badSetting("%s (not shown, as it may be secret) is not a list of headers: "+
				"write them as api-key=SECRET,x-tenant=mail, with %%20 for a space and %%25 for %%", name)
		}
	}
	for pair := range strings.SplitSeq(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"), ",") {
		if pair != "" && !strings.Contains(pair, "=") {
			return "", "", badSetting("OTEL_RESOURCE_ATTRIBUTES: %q is not a name and a value: "+
				"write them as deployment.environment=production,service.namespace=mail", pair)
		}
	}
	if named != whole {
		to = u.JoinPath("v1/traces").String()
	}
	return to, named, nil
}

// areHeaders reports whether a text is a list of headers as OpenTelemetry wants them: it prints what it cannot read.
func areHeaders(text string) bool {
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(pair, "=")
		_, err := url.PathUnescape(value)
		if !ok || err != nil || !httpguts.ValidHeaderFieldName(strings.TrimSpace(name)) {
			return false
		}
	}
	return true
}

// hidesSchema reports whether callers may not read the schema. By default, callers who may run any document may read
// it: the schema is public, and a playground without it explains nothing.
func (c *serveCommand) hidesSchema() bool {
	return c.Introspection == "off" || c.Introspection == "auto" && c.TrustedOnly
}

// logger returns the log, and a function that flushes it.
func (c *serveCommand) logger(w io.Writer) (*slog.Logger, func()) {
	o := telemetry.LogOptions{
		JSON: c.LogFormat == "json", Level: c.LogLevel,
		Attrs: []func(context.Context) slog.Attr{telemetry.RequestIDAttr, operation.LogAttr, auth.LogAttr},
	}
	if collector, _, _ := c.collector(); collector != "" {
		o.Attrs = slices.Insert(o.Attrs, 0, telemetry.TraceAttr)
	}
	return telemetry.NewLogger(w, o)
}

// restKeys reads the keys for the REST port; nil requires none.
func (c *serveCommand) restKeys() (keys *embedded.Keys, err error) {
	switch {
	case c.RestKeys != "":
		if keys, err = embedded.LoadKeys(c.RestKeys); err != nil {
			return nil, badFile("--rest-keys", err, "give a file with one key of at least 16 characters per line")
		}
	case c.RestKeyList != "":
		if keys, err = embedded.ParseKeys(strings.NewReader(strings.ReplaceAll(c.RestKeyList, ";", "\n"))); err != nil {
			return nil, badSetting("DELIVERYGRAPH_REST_KEY_LIST: %v", err)
		}
	}
	return keys, nil
}

// byteSize is a number of bytes, such as "64MiB" or "1000000".
type byteSize int64

// UnmarshalText parses a size.
func (b *byteSize) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<50 {
		return fmt.Errorf("%q is not a size: write it as 64MiB, 1GB or 1000000", text)
	}
	*b = byteSize(n)
	return nil
}
