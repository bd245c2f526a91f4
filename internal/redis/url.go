package redis

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"

	"deliverygraph/internal/web"
)

// Options configure a client.
type Options struct {
	// URL names Redis in one of these forms. Each has a form with TLS, which begins with rediss.
	//
	//	redis://user:password@host:6379/0                   one server, and the number of a database
	//	redis+sentinel://host:26379,host2:26379/mymaster    the server that Sentinel calls mymaster
	//	redis+cluster://host:6379,host2:6379                the cluster that has these nodes
	//
	// Options may follow, such as ?read_timeout=100ms: see [redis.ParseURL] for what they mean. Those of Sentinel are
	// sentinel_username and sentinel_password.
	URL string
	// CAFile names a PEM file of certificate authorities to trust instead of the system's.
	CAFile string
	// Logger gets a line when Redis stops answering, and when it answers again.
	Logger *slog.Logger
}

// Defaults of the timeouts that a URL may set. Redis usually answers within a millisecond.
const (
	dialTimeout = 100 * time.Millisecond
	readTimeout = 50 * time.Millisecond
)

// open returns the client of the URL, and the time limit of a command with its retries.
func (o Options) open() (redis.UniversalClient, time.Duration, error) {
	u, cluster, err := parse(o.URL)
	if err != nil {
		return nil, 0, err
	}
	if o.CAFile != "" {
		if u.TLSConfig == nil {
			return nil, 0, errors.New("does not use TLS, but authorities to trust are given: begin it with rediss")
		}
		if u.TLSConfig.RootCAs, err = web.ReadAuthorities(o.CAFile); err != nil {
			return nil, 0, fmt.Errorf("has no authorities to trust: %w", err)
		}
	}
	u.DialTimeout, u.ReadTimeout = cmp.Or(u.DialTimeout, dialTimeout), cmp.Or(u.ReadTimeout, readTimeout)
	u.MaxRetries, u.DialerRetries = cmp.Or(u.MaxRetries, 1), 1
	u.MinRetryBackoff, u.MaxRetryBackoff = time.Millisecond, 10*time.Millisecond
	u.ContextTimeoutEnabled, u.DisableIdentity = true, true
	u.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	limit := u.DialTimeout + u.ReadTimeout
	switch {
	case u.MasterName != "":
		return guard(redis.NewFailoverClient(u.Failover())), limit, nil
	case cluster:
		c := u.Cluster()
		c.NewClient = func(o *redis.Options) *redis.Client { return guard(redis.NewClient(o)) }
		return redis.NewClusterClient(c), limit, nil
	}
	return guard(redis.NewClient(u.Simple())), limit, nil
}

// parse parses a URL. Its errors do not show it, because it may contain a password.
func parse(text string) (u *redis.UniversalOptions, cluster bool, err error) {
	scheme, rest, _ := strings.Cut(text, "://")
	scheme, mode, _ := strings.Cut(scheme, "+")
	if scheme != "redis" && scheme != "rediss" || mode != "" && mode != "sentinel" && mode != "cluster" {
		return nil, false, errors.New("is not a URL of Redis: write it as redis://host:6379, rediss://host:6379 " +
			"for TLS, redis+sentinel://host:26379,host2:26379/mymaster or redis+cluster://host:6379,host2:6379")
	}
	end := len(rest)
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		end = i
	}
	if strings.Contains(rest[end:], "@") {
		return nil, false, errors.New("has a / or ? in the user or the password, or an @ in an option: " +
			"write %2F, %3F or %40 for it")
	}
	user := rest[:strings.LastIndex(rest[:end], "@")+1]
	hosts := strings.Split(rest[len(user):end], ",")
	port := "6379"
	if mode == "sentinel" {
		port = "26379"
	}
	u = &redis.UniversalOptions{}
	for _, h := range hosts {
		at, err := url.Parse("//" + h)
		if err != nil || at.Hostname() == "" || at.Host != h || !isPort(cmp.Or(at.Port(), port)) {
			if user == "" && strings.Contains(h, ":") { // what follows it may be a password
				return nil, false, fmt.Errorf("has a port that is not a number from 1 to 65535: write 127.0.0.1:%s, "+
					"and user:password@ before it if Redis asks for them", port)
			}
			return nil, false, fmt.Errorf("%q is not a host, such as 127.0.0.1:%s", h, port)
		}
		u.Addrs = append(u.Addrs, net.JoinHostPort(at.Hostname(), cmp.Or(at.Port(), port)))
	}
	one, err := url.Parse(scheme + "://" + user + hosts[0] + rest[end:])
	if err != nil {
		return nil, false, errors.New("has a character in the user, the password or an option that a URL must " +
			"escape: write %25 for %, or %20 for a space")
	}
	if len(hosts) > 1 && mode == "" {
		return nil, false, errors.New("has several hosts: begin it with redis+cluster:// or redis+sentinel://")
	}
	values := one.Query()
	u.SentinelUsername, u.SentinelPassword = values.Get("sentinel_username"), values.Get("sentinel_password")
	if mode == "sentinel" {
		values.Del("sentinel_username")
		values.Del("sentinel_password")
		u.MasterName, one.Path, _ = strings.Cut(strings.TrimPrefix(one.Path, "/"), "/")
		if u.MasterName == "" {
			return nil, false, errors.New("lacks the name that Sentinel gives the server: " +
				"write it as redis+sentinel://host:26379/mymaster")
		}
	}
	if one.RawQuery = values.Encode(); mode == "cluster" && strings.Trim(one.Path, "/") != "" {
		return nil, false, errors.New("has a path, but a cluster has no databases: leave it out")
	}
	if err := check(values); err != nil {
		return nil, false, err
	}
	if db := strings.Trim(one.Path, "/"); db != "" && strings.Trim(db, "0123456789") != "" {
		return nil, false, errors.New("has a database that is not a number: write it as redis://host:6379/0, " +
			"and %2F for a / in the password")
	}
	p, err := redis.ParseURL(one.String())
	if err != nil {
		return nil, false, errors.New(strings.TrimPrefix(err.Error(), "redis: "))
	}
	if p.TLSConfig != nil && mode != "" {
		p.TLSConfig.ServerName = "" // each server has its own
	}
	u.DB, u.Username, u.Password, u.TLSConfig, u.Protocol = p.DB, p.Username, p.Password, p.TLSConfig, p.Protocol
	u.DialTimeout, u.ReadTimeout, u.WriteTimeout = p.DialTimeout, p.ReadTimeout, p.WriteTimeout
	u.PoolSize, u.PoolTimeout, u.MinIdleConns = p.PoolSize, p.PoolTimeout, p.MinIdleConns
	u.MaxRetries, u.ClientName = p.MaxRetries, p.ClientName
	return u, mode == "cluster", nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// parameters are the options that a URL may set, with an example of each.
var parameters = map[string]string{
	"dial_timeout": "100ms", "read_timeout": "50ms", "write_timeout": "50ms", "pool_timeout": "150ms",
	"max_retries": "1", "pool_size": "20", "min_idle_conns": "2", "protocol": "3", "client_name": "gateway",
	"skip_verify": "true",
}

// maxNumber is the largest value of an option that is a number: a pool takes memory for each of its connections.
const maxNumber = 10_000

// check checks the options of a URL, since go-redis takes some that have no effect here.
func check(values url.Values) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		example, ok := parameters[name]
		if !ok {
			return fmt.Errorf("has the option %q: there are only %s, and for Sentinel sentinel_username and "+
				"sentinel_password", name, strings.Join(slices.Sorted(maps.Keys(parameters)), ", "))
		}
		for _, value := range values[name] {
			var err error
			if _, isTime := time.ParseDuration(example); isTime == nil {
				_, err = time.ParseDuration(value)
			} else if _, isNumber := strconv.Atoi(example); isNumber == nil {
				var n int
				n, err = strconv.Atoi(value)
				if err == nil && (n > maxNumber || n < 0 && name != "max_retries") { // -1 is none
					return fmt.Errorf("has %s=%s: write a number from 0 to %d, such as %[1]s=%[4]s", name, value,
						maxNumber, example)
				}
			}
			if err != nil || len(values[name]) > 1 {
				return fmt.Errorf("has %s=%s: write it once, such as %[1]s=%[3]s", name, value, example)
			}
		}
	}
	return nil
}
