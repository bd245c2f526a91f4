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
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/auth/token"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/ledger"
	"deliverygraph/upstream/rest"
)

type serveCommand struct {
	Listen       string        `default:"127.0.0.1:8080" placeholder:"ADDR" help:"Where to serve: /graphql, and the playground at /. Default: ${default}."`
	CorsOrigins  []string      `placeholder:"ORIGIN,…" help:"Origins whose pages may query the gateway, such as https://app.example.com, or * for all. Pages of this machine's loopback always may."`
	AllowedHosts []string      `placeholder:"NAME,…" help:"Host names that the gateway answers to, such as metrics.example.com, or * for any. Localhost and IP addresses are always allowed. Left out, other names are refused only where it listens on loopback without authentication, since web pages can point names of theirs there (DNS rebinding)."`
	Timeout      time.Duration `default:"30s" help:"The most time that one operation may take. Default: ${default}."`
	TLSCert      string        `name:"tls-cert" placeholder:"FILE" help:"Serve HTTPS and HTTP/2 with this certificate (PEM, with its intermediates). The file is read again when it changes."`
	TLSKey       string        `name:"tls-key" placeholder:"FILE" help:"The certificate's private key (PEM)."`
	DrainTime    time.Duration `default:"10s" help:"How long requests under way may still take when the gateway is stopped. Default: ${default}."`

	Auth authSettings `embed:"" prefix:"auth-" group:"Authentication:"`

	Introspection    string `group:"Operations:" default:"auto" enum:"auto,on,off" help:"Whether callers may read the schema: on, off, or auto, which is off only with --trusted-only. Off also leaves suggested names out of messages. Default: ${default}."`
	TrustedDocuments string `group:"Operations:" placeholder:"PATH" help:"A folder of .graphql files, or a manifest of Relay, GraphQL Code Generator or Apollo: documents that callers may name by id. Read again when they change."`
	TrustedOnly      bool   `group:"Operations:" help:"Run no other documents than those."`
	MaxUpstreamCalls int    `group:"Operations:" default:"200" placeholder:"N" help:"The most upstream calls that one operation may make; 0 is unlimited. Default: ${default}."`
	BatchLimit       int    `group:"Operations:" default:"0" placeholder:"N" help:"The most operations that one POST may hold, in an array of requests; each counts as if it were alone. 0 accepts no arrays. Default: ${default}."`
	Explain          string `group:"Operations:" default:"auto" enum:"auto,on,off" help:"Whether requests may ask what they cost and which upstream calls they make: on, off, or auto, which is on where only this machine can connect. Default: ${default}."`

	CostPerMinute int      `group:"Operations:" placeholder:"N" help:"How much each caller may spend in a minute, unless its key has a cost-per-minute: an operation costs 1, and 1 for each upstream call. Without authentication each address is a caller. Default: unlimited."`
	MaxOperations int      `group:"Operations:" placeholder:"N" help:"The most operations under way at once, subscriptions apart. More wait for a second and are then turned away. Default: 64 for each processor."`
	MaxInFlight   byteSize `group:"Operations:" placeholder:"SIZE" help:"The most bytes of requests being read, and of answers being made or waiting to be sent. More requests are turned away. Default: a quarter of the memory, at most 256 MiB."`

	Upstream            string `group:"A remote upstream:" placeholder:"URL" help:"Front this server of the REST API, such as https://metrics.example.com/v4, in place of a store."`
	UpstreamKey         string `group:"A remote upstream:" secret:"" placeholder:"KEY" help:"The API key to send it. Better set in the environment, where no process list shows it."`
	UpstreamCA          string `group:"A remote upstream:" name:"upstream-ca" placeholder:"FILE" help:"Certificates (PEM) of the authorities to trust for it, in place of the system's."`
	UpstreamConcurrency int    `group:"A remote upstream:" default:"16" placeholder:"N" help:"The most calls under way at once. Default: ${default}."`

	Data             string   `group:"The embedded store:" placeholder:"FILE" help:"Serve the store in this file, which deliverygraph import makes and fills. With neither this nor --upstream there is demo data."`
	Create           bool     `group:"The embedded store:" help:"Make the store of --data if there is none, and serve it while it is empty."`
	Retention        span     `group:"The embedded store:" placeholder:"DURATION" help:"Remove events of --data that are older than this, now and each hour, such as P400D or P13M (ISO 8601). Default: all are kept."`
	StoreMemory      byteSize `group:"The embedded store:" default:"64MiB" placeholder:"SIZE" help:"The most memory to use for reading the store. Default: ${default}."`
	RestListen       string   `group:"The embedded store:" placeholder:"ADDR" help:"Serve the REST API of the store there too, such as 127.0.0.1:8081."`
	RestKeys         string   `group:"The embedded store:" placeholder:"FILE" help:"API keys that the REST port requires, one a line: KEY, or KEY users=20,21. Without keys it serves loopback only."`
	RestKeyList      string   `group:"The embedded store:" secret:"" hidden:"" help:"The same as text, with semicolons in place of line ends: only for the environment."`
	RestDuplicate202 bool     `group:"The embedded store:" name:"rest-duplicate-202" help:"Answer 202, without data, to a REST request that is identical to one under way, as the original service did."`

	Ingest ingestSettings `embed:"" prefix:"ingest-" group:"Webhooks:"`

	Subscriptions          int           `group:"Subscriptions:" default:"10000" placeholder:"N" help:"The most subscriptions open at once, and the most WebSockets. Default: ${default}."`
	SubscriptionsPerCaller int           `group:"Subscriptions:" default:"100" placeholder:"N" help:"The most of each for one caller without a limit of its own. Default: ${default}."`
	SubscriptionFilters    int           `group:"Subscriptions:" default:"100" placeholder:"N" help:"The most different filters watched at once; each is polled once for all its subscribers. Default: ${default}."`
	SubscriptionPoll       time.Duration `group:"Subscriptions:" default:"5s" help:"How often to ask the upstream for new bounces. Default: ${default}."`
	SubscriptionOverlap    time.Duration `group:"Subscriptions:" default:"5m" help:"How long after it bounced a bounce may still appear at the upstream. Default: ${default}."`
	SubscriptionHeartbeat  time.Duration `group:"Subscriptions:" default:"15s" help:"How often to send a sign of life on streams and WebSockets, and to check whether their callers may still read them. Default: ${default}."`

	CacheSize    byteSize      `group:"Caching:" default:"64MiB" placeholder:"SIZE" help:"The most memory for upstream answers; 0 turns the cache off. Default: ${default}."`
	CacheFresh   time.Duration `group:"Caching:" default:"5s" help:"How long lists, counts and details may be shown again, and how long operations share the now that windows end at; 0 is not at all. Default: ${default}."`
	CacheSettle  time.Duration `group:"Caching:" default:"1h" help:"How far back events must lie to be taken as final. Answers about such events alone are kept: of a store until older events change, of a remote upstream for this long. 0 takes nothing as final. Default: ${default}."`
	CacheStale   time.Duration `group:"Caching:" default:"10m" help:"How much longer an answer may be shown, marked as stale, while the upstream fails; 0 is not at all. Default: ${default}."`
	CacheCatalog time.Duration `group:"Caching:" default:"1h" help:"How long the catalogues of categories and reasons may be shown again. Default: ${default}."`

	AdminListen string        `group:"Operating:" placeholder:"ADDR" help:"Serve /healthz, /readyz and /metrics there, such as 127.0.0.1:9090, without authentication."`
	AdminPprof  bool          `group:"Operating:" help:"Serve profiles at /debug/pprof/ there too."`
	MemoryLimit byteSize      `group:"Operating:" placeholder:"SIZE" help:"Memory to stay below as far as possible, by collecting garbage more often. Default: GOMEMLIMIT, or nine tenths of the memory."`
	GCPercent   int           `name:"gc-percent" group:"Operating:" placeholder:"N" help:"How much to allocate before garbage is collected, in percent of the memory in use. Less takes less memory and more time. Default: GOGC, or what makes 44 MiB and half of the memory in use."`
	DrainDelay  time.Duration `group:"Operating:" default:"0s" help:"How long to go on as before, but not ready, when the gateway is stopped: until load balancers have seen it. Default: ${default}."`

	TraceOTLP  string  `name:"trace-otlp" group:"Operating:" placeholder:"URL" help:"Send OpenTelemetry traces to this collector, such as http://127.0.0.1:4318. Left out: as OTEL_EXPORTER_OTLP_ENDPOINT says, otherwise none."`
	TraceShare float64 `group:"Operating:" default:"1" help:"The share of traces that begin here to send, from 0 to 1. Traces that callers began are sent if theirs are. Default: ${default}."`

	LogLevel  slog.Level `group:"Logging:" default:"info" placeholder:"LEVEL" help:"debug (shows each upstream call), info, warn or error. Default: ${default}."`
	LogFormat string     `group:"Logging:" default:"text" enum:"text,json" help:"text or json. Default: ${default}."`
}

// authSettings say who may ask. With none of them given the gateway asks nobody, and
// listens on loopback only.
type authSettings struct {
	Open           bool          `help:"Require no authentication, on any address: all who can reach it may read everything."`
	Keys           string        `placeholder:"FILE" help:"Require an API key of this file, whose lines deliverygraph key new prints. It is read again when it changes."`
	JWKS           string        `name:"jwks" placeholder:"URL|FILE" help:"Require a JSON Web Token signed by a key of this set."`
	JWKSRefresh    time.Duration `name:"jwks-refresh" default:"5m" help:"How often to fetch that set again if it is a URL, and so how long a withdrawn key may stay valid. While it cannot be fetched the last one stays in force, for a day. Default: ${default}."`
	JWTIssuer      string        `name:"jwt-issuer" placeholder:"ISSUER" help:"What a token's iss must be, such as https://login.example.com/."`
	JWTAudience    string        `name:"jwt-audience" placeholder:"AUDIENCE" help:"What a token's aud must name, such as https://metrics.example.com/."`
	JWTAlgorithms  []string      `name:"jwt-algorithms" default:"RS256" placeholder:"ALG" help:"What a token may be signed with: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA. Default: ${default}."`
	JWTUsersClaim  string        `name:"jwt-users-claim" default:"users" placeholder:"CLAIM" help:"The claim that lists the users whose data a token's bearer may read: numbers, or * for all. Default: ${default}."`
	JWTScopesClaim string        `name:"jwt-scopes-claim" default:"scope" placeholder:"CLAIM" help:"The claim with the scopes: metrics:read, recipients:read, content:read. Default: ${default}."`
	PassThrough    bool          `help:"Send the caller's own API key to the upstream, and share no answer between keys."`
	MaskSecret     string        `secret:"" placeholder:"SECRET" help:"What masked addresses are derived from, at least 16 bytes. Gateways with the same secret find each other's ids of masked rows. Better set in the environment. Default: a new one at each start."`
}

// minSecret is the least of bytes that a secret must have.
const minSecret = 16

// asks says whether callers are asked who they are.
func (a authSettings) asks() bool { return a.Keys != "" || a.JWKS != "" || a.PassThrough }

// check refuses settings that contradict each other.
func (a authSettings) check(c *serveCommand) error {
	switch {
	case a.Open && a.asks():
		return badSetting("--auth-open asks nobody who they are, and --auth-keys, --auth-jwks and --auth-pass-through do: keep one side")
	case a.PassThrough && (a.Keys != "" || a.JWKS != ""):
		return badSetting("--auth-pass-through leaves it to the upstream who may see what, and --auth-keys and --auth-jwks do not: keep one side")
	case a.PassThrough && c.Upstream == "":
		return badSetting("--auth-pass-through needs an upstream that asks for keys: name it, such as --upstream https://metrics.example.com/v4")
	case a.PassThrough && c.UpstreamKey != "":
		return badSetting("--auth-pass-through sends each caller's own key upstream, so --upstream-key would never be used: leave one out")
	case a.JWKS == "" && (a.JWTIssuer != "" || a.JWTAudience != ""):
		return badSetting("--auth-jwt-issuer and --auth-jwt-audience say which tokens are good: give the keys that sign them too, such as --auth-jwks https://login.example.com/.well-known/jwks.json")
	case a.JWKS != "" && (a.JWTIssuer == "" || a.JWTAudience == ""):
		return badSetting("--auth-jwks needs --auth-jwt-issuer and --auth-jwt-audience, such as --auth-jwt-issuer https://login.example.com/ --auth-jwt-audience https://metrics.example.com/: without them tokens that are meant for others would be good here")
	case a.JWKSRefresh < time.Second:
		return badSetting("--auth-jwks-refresh must be at least 1s, such as 5m")
	case a.MaskSecret != "" && len(a.MaskSecret) < minSecret:
		return badSetting("--auth-mask-secret has %d bytes, and whoever guesses it finds the addresses that are masked: give at least %d, such as openssl rand -base64 32 prints", len(a.MaskSecret), minSecret)
	}
	for _, alg := range a.JWTAlgorithms {
		if !slices.Contains(token.Algorithms, alg) {
			return badSetting("--auth-jwt-algorithms: %q is not one of %s, such as --auth-jwt-algorithms RS256: with a symmetric one whoever can check a token could make one", alg, strings.Join(token.Algorithms, ", "))
		}
	}
	if u, err := url.Parse(a.JWKS); strings.Contains(a.JWKS, "://") && (err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !web.Loopback(u.Hostname()))) {
		return badSetting("--auth-jwks: keys that do not come by https:// may be anybody's: give such a URL, as https://login.example.com/.well-known/jwks.json, or a file")
	}
	return nil
}

// checkListener refuses to serve everything to whoever can reach the address, unless
// that was asked for.
func (a authSettings) checkListener(addr net.Addr) error {
	if loopback(addr) || a.asks() || a.Open {
		return nil
	}
	return badSetting("--listen: %s can be reached from other machines, and nobody would be asked who they are: give --auth-keys FILE (make a key by deliverygraph key new), --auth-jwks URL, or --auth-pass-through; or --auth-open if all who can reach it may read everything", addr)
}

// Help is the text below the usage.
func (serveCommand) Help() string {
	return `With nothing set it serves demo data on 127.0.0.1:8080: open http://127.0.0.1:8080/ for the playground.

Each flag is an environment variable too, --rest-listen being DELIVERYGRAPH_REST_LISTEN; the flag wins.

Other commands: deliverygraph import, prune, erase, backup, info and check for stores; deliverygraph doctor, deliverygraph key new, deliverygraph schema, deliverygraph version; add --help to each.`
}

// check refuses settings that contradict each other or cannot be.
func (c *serveCommand) check() error {
	if c.Upstream != "" {
		for _, s := range []struct {
			flag string
			set  bool
		}{{"data", c.Data != ""}, {"create", c.Create}, {"retention", c.Retention != (span{})}, {"rest-listen", c.RestListen != ""}, {"rest-keys", c.RestKeys != "" || c.RestKeyList != ""}, {"rest-duplicate-202", c.RestDuplicate202}} {
			if s.set {
				return badSetting("--%s is of the embedded store, and --upstream puts a remote server in its place: give one of them", s.flag)
			}
		}
	} else if c.UpstreamKey != "" || c.UpstreamCA != "" {
		return badSetting("--upstream-key or --upstream-ca is given without --upstream: name the server, such as --upstream https://metrics.example.com/v4")
	}
	if c.Retention != (span{}) && c.Data == "" && c.Upstream == "" {
		return badSetting("--retention is of the store in a file: name it, such as --data metrics.db")
	}
	if c.Create && c.Data == "" {
		return badSetting("--create makes the store of --data: name its file, such as --data metrics.db")
	}
	if c.RestListen == "" && (c.RestKeys != "" || c.RestKeyList != "" || c.RestDuplicate202) {
		return badSetting("--rest-keys and --rest-duplicate-202 are of the REST port: open one, such as --rest-listen 127.0.0.1:8081")
	}
	if c.RestKeys != "" && c.RestKeyList != "" {
		return badSetting("--rest-keys and DELIVERYGRAPH_REST_KEY_LIST are both given: keep one")
	}
	if c.TrustedOnly && c.TrustedDocuments == "" {
		return badSetting("--trusted-only refuses all documents without --trusted-documents: name them, such as --trusted-documents persisted.json")
	}
	if c.CostPerMinute < 0 || c.CostPerMinute > 1_000_000 {
		return badSetting("--cost-per-minute must be from 1 to 1000000, such as 2000; leave it out for any")
	}
	if c.MaxOperations < 0 {
		return badSetting("--max-operations must be at least 1, such as 128")
	}
	if c.Timeout <= 0 {
		return badSetting("--timeout must be more than nothing, such as 30s")
	}
	if c.DrainTime < 0 || c.CacheFresh < 0 || c.CacheStale < 0 || c.CacheSettle < 0 || c.CacheCatalog < 0 {
		return badSetting("--drain-time, --cache-fresh, --cache-stale, --cache-settle and --cache-catalog must not be negative: such as 10s")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return badSetting("--tls-cert and --tls-key go together: give both files, such as --tls-cert cert.pem --tls-key key.pem")
	}
	if c.AdminListen == "" && c.AdminPprof {
		return badSetting("--admin-pprof is of the admin port: open it, such as --admin-listen 127.0.0.1:9090")
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
		return badSetting("--gc-percent must be from 1 to 10000, such as 100; leave it out to have it follow the memory in use")
	}
	if c.DrainDelay < 0 {
		return badSetting("--drain-delay must not be negative: such as 5s")
	}
	if c.MaxUpstreamCalls < 0 {
		return badSetting("--max-upstream-calls must not be negative: such as 200, or 0 for any number")
	}
	if c.BatchLimit < 0 || c.BatchLimit > 1000 {
		return badSetting("--batch-limit must be from 0 to 1000, such as 10; 0 takes no arrays")
	}
	if err := c.Auth.check(c); err != nil {
		return err
	}
	if err := c.Ingest.check(c); err != nil {
		return err
	}
	if c.Subscriptions < 1 || c.SubscriptionsPerCaller < 1 || c.SubscriptionFilters < 1 {
		return badSetting("--subscriptions, --subscriptions-per-caller and --subscription-filters must be at least 1, such as 100")
	}
	if c.SubscriptionPoll < 100*time.Millisecond || c.SubscriptionOverlap < time.Second {
		return badSetting("--subscription-poll must be at least 100ms, such as 5s, and --subscription-overlap at least 1s, such as 5m")
	}
	if c.SubscriptionHeartbeat < 100*time.Millisecond {
		return badSetting("--subscription-heartbeat must be at least 100ms, such as 15s")
	}
	if c.UpstreamConcurrency < 1 {
		return badSetting("--upstream-concurrency must be at least 1, such as 16")
	}
	for _, h := range c.AllowedHosts {
		if h != "*" && !hostName.MatchString(h) {
			return badSetting("--allowed-hosts: %q is not a name: write it as in the Host of requests, without scheme, port and spaces, such as metrics.example.com (more than one as metrics.example.com,mail.example.com), or * for any", h)
		}
	}
	for _, o := range c.CorsOrigins {
		if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || strings.Contains(o, "*")) {
			return badSetting("--cors-origins: %s is not an origin: write scheme, host and port alone, such as https://app.example.com", shown(o))
		}
	}
	return nil
}

// hostName is a name of DNS, as browsers send it: letters of other alphabets are written xn--.
var hostName = regexp.MustCompile(`^(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)\.?$`)

// restrictHosts rejects requests whose Host header is not allowed, if there are allowed hosts, or if web pages could
// reach the port by DNS rebinding: on loopback without authentication.
func (c *serveCommand) restrictHosts(at net.Addr, authenticates bool, h http.Handler, refuse web.Refuse) http.Handler {
	if len(c.AllowedHosts) == 0 && (authenticates || !loopback(at)) {
		return h
	}
	return web.NewHosts(c.AllowedHosts, c.CorsOrigins).Handler(h, refuse)
}

// collector is the URL that traces are sent to, and the setting that names it: the flag,
// or else the variables by which OpenTelemetry's own programs are told. It is empty where
// there are to be no traces.
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
			return "", "", badSetting("%s: %q is not spoken here: leave it out, or write http/protobuf, whose port at collectors is 4318", name, v)
		}
	}
	for pair := range strings.SplitSeq(os.Getenv("OTEL_RESOURCE_ATTRIBUTES"), ",") {
		if pair != "" && !strings.Contains(pair, "=") {
			return "", "", badSetting("OTEL_RESOURCE_ATTRIBUTES: %q is not a name and a value: write them as deployment.environment=production,service.namespace=mail", pair)
		}
	}
	if named != whole {
		to = u.JoinPath("v1/traces").String()
	}
	return to, named, nil
}

// hidesSchema reports whether callers may not read the schema. Who may run any document may,
// unless told otherwise: the schema is public, and a playground without it explains nothing.
func (c *serveCommand) hidesSchema() bool {
	return c.Introspection == "off" || c.Introspection == "auto" && c.TrustedOnly
}

// logger makes the log, and a function that writes what is buffered of it.
func (c *serveCommand) logger(w io.Writer) (*slog.Logger, func()) {
	return telemetry.NewLogger(w, telemetry.LogOptions{
		JSON: c.LogFormat == "json", Level: c.LogLevel,
		Attrs: []func(context.Context) slog.Attr{telemetry.TraceAttr, telemetry.RequestIDAttr, ledger.LogAttr, auth.LogAttr},
	})
}

// restKeys reads the keys that the REST port asks for; nil asks for none.
func (c *serveCommand) restKeys() (keys *embedded.Keys, err error) {
	switch {
	case c.RestKeys != "":
		if keys, err = embedded.LoadKeys(c.RestKeys); err != nil {
			return nil, badFile("--rest-keys", err, "give a file with a key of at least 16 characters a line")
		}
	case c.RestKeyList != "":
		if keys, err = embedded.ParseKeys(strings.NewReader(strings.ReplaceAll(c.RestKeyList, ";", "\n"))); err != nil {
			return nil, badSetting("DELIVERYGRAPH_REST_KEY_LIST: %v", err)
		}
	}
	return keys, nil
}

// badUpstream names the flags that fill the options of package rest which are wrong.
func badUpstream(err error) error {
	flags := map[string]string{"BaseURL": "--upstream", "Key": "--upstream-key", "CAFile": "--upstream-ca", "MaxConcurrent": "--upstream-concurrency", "CallTimeout": "--timeout"}
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

// UnmarshalText reads a size.
func (b *byteSize) UnmarshalText(text []byte) error {
	n, err := humanize.ParseBytes(string(text))
	if err != nil || n > 1<<50 {
		return fmt.Errorf("%q is not a size: write it as 64MiB, 1GB or 1000000", text)
	}
	*b = byteSize(n)
	return nil
}
