package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/rest"
)

type serveCommand struct {
	Listen       string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"The address to serve on: /graphql, and the playground at /. Default: ${default}."`
	CorsOrigins  []string      `placeholder:"ORIGIN,…" help:"Origins whose pages may query the gateway, such as https://app.example.com, or * for all. Pages from this machine's loopback addresses always may."`
	AllowedHosts []string      `placeholder:"NAME,…" help:"Host names that the gateway answers to, such as metrics.example.com, or * for any. Localhost and IP addresses are always allowed. By default, other names are refused only if it listens on loopback without authentication, since web pages could reach it there by DNS rebinding."`
	Timeout      time.Duration `default:"30s" help:"The time limit of an operation. Default: ${default}."`
	TLSCert      string        `name:"tls-cert" placeholder:"FILE" help:"Serve HTTPS and HTTP/2 with this certificate (PEM, with its intermediates). The file is reloaded when it changes."`
	TLSKey       string        `name:"tls-key" placeholder:"FILE" help:"The certificate's private key (PEM)."`
	DrainTime    time.Duration `default:"10s" help:"How long requests in progress may take when the gateway stops. Default: ${default}."`

	Auth authSettings `embed:"" prefix:"auth-" group:"Authentication:"`

	Introspection    string `group:"Operations:" default:"auto" enum:"auto,on,off" help:"Whether callers may read the schema: on, off, or auto, which is off only with --trusted-only. Off also leaves suggested names out of messages. Default: ${default}."`
	TrustedDocuments string `group:"Operations:" placeholder:"PATH" help:"A folder of .graphql files, or a manifest of Relay, GraphQL Code Generator or Apollo: documents that callers may request by id. They are reloaded when they change."`
	TrustedOnly      bool   `group:"Operations:" help:"Refuse all other documents."`
	MaxUpstreamCalls int    `group:"Operations:" default:"200" placeholder:"N" help:"The maximum number of upstream calls of an operation; 0 is unlimited. Default: ${default}."`
	BatchLimit       int    `group:"Operations:" default:"0" placeholder:"N" help:"The maximum number of operations in one POST, as an array of requests; each counts like a request of its own. 0 refuses arrays. Default: ${default}."`
	Explain          string `group:"Operations:" default:"auto" enum:"auto,on,off" help:"Whether requests may ask what they cost and which upstream calls they make: on, off, or auto, which is on if only this machine can connect. Default: ${default}."`

	CostPerMinute int      `group:"Operations:" placeholder:"N" help:"How much each caller may spend per minute, unless its key has a cost-per-minute. An operation costs 1, plus 1 for each upstream call. Without authentication, each IP address is a caller. Default: unlimited."`
	MaxOperations int      `group:"Operations:" placeholder:"N" help:"The maximum number of operations running at once, without subscriptions. Further ones wait up to a second and are then refused. Default: 64 per processor."`
	MaxInFlight   byteSize `group:"Operations:" placeholder:"SIZE" help:"The maximum memory for requests being read, and for responses being made or waiting to be sent. Further requests are refused. Default: a quarter of the memory, at most 256 MiB."`

	Upstream            string `group:"A remote upstream:" placeholder:"URL" help:"Serve data from this server of the REST API, such as https://metrics.example.com/v4, instead of a store."`
	UpstreamKey         string `group:"A remote upstream:" secret:"" placeholder:"KEY" help:"The API key to send it. Prefer the environment variable: flags show up in process lists."`
	UpstreamCA          string `group:"A remote upstream:" name:"upstream-ca" placeholder:"FILE" help:"Certificates (PEM) of the authorities to trust for it, instead of the system's."`
	UpstreamConcurrency int    `group:"A remote upstream:" default:"16" placeholder:"N" help:"The maximum number of calls at once. Default: ${default}."`

	Data             string   `group:"The embedded store:" placeholder:"FILE" help:"Serve the store in this file, which deliverygraph import creates and fills. Without it and --upstream, the gateway serves demo data."`
	Create           bool     `group:"The embedded store:" help:"Create the store of --data if it does not exist, and serve it even while it is empty."`
	Retention        span     `group:"The embedded store:" placeholder:"DURATION" help:"Remove events older than this from --data, at the start and every hour, such as P400D or P13M (ISO 8601). Default: keep all."`
	StoreMemory      byteSize `group:"The embedded store:" default:"64MiB" placeholder:"SIZE" help:"The maximum memory for reading the store. Default: ${default}."`
	Rules            string   `group:"The embedded store:" placeholder:"FILE" help:"Rules of your own for sorting bounces, which add to the embedded ones or replace them: those by which webhooks and imports are sorted."`
	RestListen       string   `group:"The embedded store:" placeholder:"ADDR" help:"Also serve the store's REST API, on this address, such as 127.0.0.1:8081."`
	RestKeys         string   `group:"The embedded store:" placeholder:"FILE" help:"A file of API keys for the REST port, one per line: KEY, or KEY users=20,21. Without keys, the REST port must be on loopback."`
	RestKeyList      string   `group:"The embedded store:" secret:"" hidden:"" help:"The lines of --rest-keys, separated by semicolons: for the environment only."`
	RestDuplicate202 bool     `group:"The embedded store:" name:"rest-duplicate-202" help:"Answer 202, without data, to a REST request that is identical to one in progress, as the original service did."`

	Ingest ingestSettings `embed:"" prefix:"ingest-" group:"Webhooks:"`

	Subscriptions          int           `group:"Subscriptions:" default:"10000" placeholder:"N" help:"The maximum number of open subscriptions, and of open WebSockets. Default: ${default}."`
	SubscriptionsPerCaller int           `group:"Subscriptions:" default:"100" placeholder:"N" help:"The same for each caller whose key has no limit of its own. Default: ${default}."`
	SubscriptionFilters    int           `group:"Subscriptions:" default:"100" placeholder:"N" help:"The maximum number of different filters that subscriptions use at once; each is polled once for all its subscribers. Default: ${default}."`
	SubscriptionPoll       time.Duration `group:"Subscriptions:" default:"5s" help:"How often to poll the upstream for new bounces. Default: ${default}."`
	SubscriptionOverlap    time.Duration `group:"Subscriptions:" default:"5m" help:"How long after its time a bounce may still appear upstream. Default: ${default}."`
	SubscriptionHeartbeat  time.Duration `group:"Subscriptions:" default:"15s" help:"How often to send a heartbeat on streams and WebSockets, and to check whether their callers are still allowed. Default: ${default}."`

	CacheSize    byteSize      `group:"Caching:" default:"64MiB" placeholder:"SIZE" help:"The maximum memory for cached upstream answers; 0 disables the cache. Default: ${default}."`
	CacheFresh   time.Duration `group:"Caching:" default:"5s" help:"How long lists, counts and details may be served from the cache, and how long operations share the same now for windows that end at it; 0 is not at all. Default: ${default}."`
	CacheSettle  time.Duration `group:"Caching:" default:"1h" help:"How old events must be to count as final. Answers about final events only are cached longer: of a store until such events change, of a remote upstream for this duration. 0: no events are final. Default: ${default}."`
	CacheStale   time.Duration `group:"Caching:" default:"10m" help:"How much longer a cached answer may be served, marked as stale, while the upstream fails; 0 is not at all. Default: ${default}."`
	CacheCatalog time.Duration `group:"Caching:" default:"1h" help:"How long the catalogues of categories and reasons may be served from the cache. Default: ${default}."`

	AdminListen string        `group:"Operating:" placeholder:"ADDR" help:"The address for /healthz, /readyz and /metrics, such as 127.0.0.1:9090, which require no authentication."`
	AdminPprof  bool          `group:"Operating:" help:"Also serve profiles there, at /debug/pprof/."`
	MemoryLimit byteSize      `group:"Operating:" placeholder:"SIZE" help:"The memory to stay below as far as possible, by collecting garbage more often. Default: GOMEMLIMIT, or 90 % of the memory."`
	GCPercent   int           `name:"gc-percent" group:"Operating:" placeholder:"N" help:"How much to allocate before garbage is collected, in percent of the memory in use. Lower values save memory and take more time. Default: GOGC, or otherwise 44 MiB plus half of the memory in use."`
	DrainDelay  time.Duration `group:"Operating:" default:"0s" help:"How long the gateway serves on, but reports that it is not ready, when it is stopped, so that load balancers notice. Default: ${default}."`

	TraceOTLP  string  `name:"trace-otlp" group:"Operating:" placeholder:"URL" help:"Send OpenTelemetry traces to this collector, such as http://127.0.0.1:4318. Default: OTEL_EXPORTER_OTLP_ENDPOINT, or no traces."`
	TraceShare float64 `group:"Operating:" default:"1" help:"The share of traces to send, from 0 to 1, of those that begin here. Traces that callers began are sent if the caller samples them. Default: ${default}."`

	LogLevel  slog.Level `group:"Logging:" default:"info" placeholder:"LEVEL" help:"debug (shows each upstream call), info, warn or error. Default: ${default}."`
	LogFormat string     `group:"Logging:" default:"text" enum:"text,json" help:"text or json. Default: ${default}."`
}

// Help returns the text below the usage.
func (serveCommand) Help() string {
	return `Without settings it serves demo data on 127.0.0.1:8080: open http://127.0.0.1:8080/ for the playground.

Each flag can also be set by an environment variable, such as DELIVERYGRAPH_REST_LISTEN for --rest-listen; the flag takes precedence.

Other commands: deliverygraph import, prune, erase, backup, info, check and reclassify for stores; deliverygraph classify, deliverygraph doctor, deliverygraph key new, deliverygraph schema, deliverygraph version (or --version); add --help to each.`
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
	} else if c.UpstreamKey != "" || c.UpstreamCA != "" {
		return badSetting("--upstream-key or --upstream-ca is given without --upstream: " +
			"name the server, such as --upstream https://metrics.example.com/v4")
	}
	if c.Retention != (span{}) && c.Data == "" && c.Upstream == "" {
		return badSetting("--retention needs a store in a file: name it, such as --data metrics.db")
	}
	if c.Create && c.Data == "" {
		return badSetting("--create creates the store of --data: name its file, such as --data metrics.db")
	}
	if c.RestListen == "" && (c.RestKeys != "" || c.RestKeyList != "" || c.RestDuplicate202) {
		return badSetting("--rest-keys and --rest-duplicate-202 configure the REST port: " +
			"open it, such as --rest-listen 127.0.0.1:8081")
	}
	if c.RestKeys != "" && c.RestKeyList != "" {
		return badSetting("--rest-keys and DELIVERYGRAPH_REST_KEY_LIST are both set: leave one out")
	}
	if c.TrustedOnly && c.TrustedDocuments == "" {
		return badSetting("--trusted-only without --trusted-documents refuses all documents: " +
			"name some, such as --trusted-documents persisted.json")
	}
	if c.CostPerMinute < 0 || c.CostPerMinute > 1_000_000 {
		return badSetting("--cost-per-minute must be from 1 to 1000000, such as 2000; leave it out for no limit")
	}
	if c.MaxOperations < 0 {
		return badSetting("--max-operations must be at least 1, such as 128")
	}
	if c.Timeout <= 0 {
		return badSetting("--timeout must be positive, such as 30s")
	}
	if c.DrainTime < 0 || c.CacheFresh < 0 || c.CacheStale < 0 || c.CacheSettle < 0 || c.CacheCatalog < 0 {
		return badSetting("--drain-time, --cache-fresh, --cache-stale, " +
			"--cache-settle and --cache-catalog must not be negative: " +
			"such as 10s")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return badSetting("--tls-cert and --tls-key must be given together, " +
			"such as --tls-cert cert.pem --tls-key key.pem")
	}
	if c.AdminListen == "" && c.AdminPprof {
		return badSetting("--admin-pprof needs the admin port: open it, such as --admin-listen 127.0.0.1:9090")
	}
	if _, _, err := c.collector(); err != nil {
		return err
	}
	if !(c.TraceShare >= 0 && c.TraceShare <= 1) {
		return badSetting("--trace-share must be from 0 to 1, such as 0.1")
	}
	if c.MemoryLimit != 0 && c.MemoryLimit < minMemory {
		return badSetting("--memory-limit must be at least 32MiB, such as 512MiB")
	}
	if c.GCPercent < 0 || c.GCPercent > 10_000 {
		return badSetting("--gc-percent must be from 1 to 10000, such as 100; " +
			"leave it out to adapt it to the memory in use")
	}
	if c.DrainDelay < 0 {
		return badSetting("--drain-delay must not be negative: such as 5s")
	}
	if c.MaxUpstreamCalls < 0 {
		return badSetting("--max-upstream-calls must not be negative: such as 200, or 0 for no limit")
	}
	if c.BatchLimit < 0 || c.BatchLimit > 1000 {
		return badSetting("--batch-limit must be from 0 to 1000, such as 10; 0 refuses arrays")
	}
	if err := c.Auth.check(c); err != nil {
		return err
	}
	if err := c.Ingest.check(c); err != nil {
		return err
	}
	if c.Subscriptions < 1 || c.SubscriptionsPerCaller < 1 || c.SubscriptionFilters < 1 {
		return badSetting("--subscriptions, --subscriptions-per-caller and --subscription-filters must be at least " +
			"1, such as 100")
	}
	if c.SubscriptionPoll < 100*time.Millisecond || c.SubscriptionOverlap < time.Second {
		return badSetting("--subscription-poll must be at least 100ms, such as 5s, " +
			"and --subscription-overlap at least 1s, such as 5m")
	}
	if c.SubscriptionHeartbeat < 100*time.Millisecond {
		return badSetting("--subscription-heartbeat must be at least 100ms, such as 15s")
	}
	if c.UpstreamConcurrency < 1 {
		return badSetting("--upstream-concurrency must be at least 1, such as 16")
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
		if o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" ||
			strings.Contains(o, "*")) {
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
	switch {
	case c.TraceOTLP != "":
		to, named = c.TraceOTLP, "--trace-otlp"
	case off:
		return "", "", nil
	case os.Getenv(whole) != "":
		to, named = os.Getenv(whole), whole
	case os.Getenv(base) != "":
		to, named = os.Getenv(base), base
	default:
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

// hidesSchema reports whether callers may not read the schema. By default, callers who may run any document may read
// it: the schema is public, and a playground without it explains nothing.
func (c *serveCommand) hidesSchema() bool {
	return c.Introspection == "off" || c.Introspection == "auto" && c.TrustedOnly
}

// logger returns the log, and a function that flushes it.
func (c *serveCommand) logger(w io.Writer) (*slog.Logger, func()) {
	return telemetry.NewLogger(w, telemetry.LogOptions{
		JSON: c.LogFormat == "json", Level: c.LogLevel,
		Attrs: []func(context.Context) slog.Attr{
			telemetry.TraceAttr, telemetry.RequestIDAttr, operation.LogAttr, auth.LogAttr,
		},
	})
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

// badUpstream translates the options of package rest in an error to the flags that set them.
func badUpstream(err error) error {
	flags := map[string]string{
		"BaseURL": "--upstream", "Key": "--upstream-key", "CAFile": "--upstream-ca",
		"MaxConcurrent": "--upstream-concurrency", "CallTimeout": "--timeout",
	}
	all := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		all = joined.Unwrap()
	}
	for i, err := range all {
		var o *rest.OptionError
		if errors.As(err, &o) && flags[o.Option] != "" {
			all[i] = fmt.Errorf("%s %s", flags[o.Option], o.Message)
		}
	}
	return badSetting("%v", errors.Join(all...))
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
