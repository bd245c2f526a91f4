package clickhouse

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/internal/web"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Scheme begins the names of stores in ClickHouse.
const Scheme = "clickhouse://"

// Form is how they are written.
const Form = "clickhouse://user:password@host:9000,host2:9000/database"

// Store is a ClickHouse database. Reads continue during a Write.
type Store struct {
	conn     *hosts
	slots    chan struct{} // contains the calls in progress
	database string
	clock    atomic.Uint64 // the last version that was given
	owner    string        // of turns; see lock.go

	cluster string // "" if the tables are those of one server
	local   string // the suffix of the names of tables that contain events

	writing  chan struct{} // contains the writer
	counting chan struct{} // contains the reader that counts hours
	numbers  sync.Map      // those of accounts and senders
	places   store.Places[place]

	calls  sync.WaitGroup
	mu     sync.Mutex // guards closed
	closed bool
}

var _ store.Store = (*Store)(nil)

// plainName matches names of databases and clusters that need no quotes in any place of a statement.
var plainName = regexp.MustCompile(`^[\w.-]+$`)

// options parses the name of a store. With ?secure=true the connection uses TLS, and with &ca=FILE it trusts the
// authorities in that file instead of the system's.
func options(name string) (*driver.Options, error) {
	bad := func(format string, args ...any) (*driver.Options, error) {
		return nil, fmt.Errorf(format+": write it as "+Form, args...)
	}
	if len(name) < len(Scheme) || !strings.EqualFold(name[:len(Scheme)], Scheme) {
		return bad("it must begin with " + Scheme)
	}
	u, err := url.Parse(name)
	if err != nil {
		return bad("the name of the database cannot be read") // the cause may quote the password
	}
	o := &driver.Options{
		Compression: &driver.Compression{Method: driver.CompressionLZ4},
		DialTimeout: dialLimit, MaxOpenConns: 2 * maxCalls, MaxIdleConns: 8, ConnMaxLifetime: time.Hour,
		ReadTimeout: 12 * time.Hour, // for all of an answer; merging all parts takes long
	}
	o.Auth.Database = strings.TrimPrefix(u.Path, "/")
	if !plainName.MatchString(o.Auth.Database) {
		// The error must not quote the path, which may be a part of the password.
		return bad("it must name one database, of letters, digits, dots, _ and -")
	}
	if u.User != nil {
		o.Auth.Username = u.User.Username()
		o.Auth.Password, _ = u.User.Password()
	}
	authorities := ""
	for option, values := range u.Query() {
		secure, err := strconv.ParseBool(values[0])
		switch {
		case option == "ca":
			authorities = values[0]
		case option != "secure" || err != nil:
			return bad("%s=%s is no option; those are secure=true, for TLS, and ca=FILE, with authorities to trust",
				option, values[0])
		case secure:
			o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
	}
	if authorities != "" {
		if o.TLS == nil {
			return bad("ca=%s needs secure=true", authorities)
		}
		if o.TLS.RootCAs, err = web.ReadAuthorities(authorities); err != nil {
			return nil, fmt.Errorf("ca=%s: %w", authorities, err)
		}
	}
	port := ":9000"
	if o.TLS != nil {
		port = ":9440"
	}
	for host := range strings.SplitSeq(u.Host, ",") {
		if host == "" {
			return bad("a host is missing")
		}
		if !strings.Contains(host[strings.LastIndexByte(host, ']')+1:], ":") {
			host += port
		}
		if slices.Contains(o.Addr, host) {
			return bad("the host %s is named twice", host)
		}
		o.Addr = append(o.Addr, host)
	}
	return o, nil
}

// Open connects to a database: see [Form]. It fails with [store.ErrNoStore] if [Migrate] has not made the tables.
func Open(ctx context.Context, name string) (*Store, error) {
	o, err := options(name)
	if err != nil {
		return nil, err
	}
	s, err := connect(o)
	if err != nil {
		return nil, err
	}
	if err := s.read(ctx, "open the store", s.open); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// connect returns a store in a database that may be empty.
func connect(o *driver.Options) (*Store, error) {
	conn, err := newHosts(o)
	return &Store{conn: conn, database: o.Auth.Database, owner: newOwner(), slots: make(chan struct{}, maxCalls),
		writing: make(chan struct{}, 1), counting: make(chan struct{}, 1)}, err
}

// Hosts returns the state of the servers, in the order of the store's name.
func (s *Store) Hosts() (all []Host) {
	for _, x := range s.conn.list {
		all = append(all, x.current())
	}
	return all
}

// Follow calls note for each server that is not available, and from now on when one becomes available or unavailable.
func (s *Store) Follow(note func(Host)) {
	s.conn.changed.Store(&note)
	for _, x := range s.Hosts() {
		if x.Err != nil {
			note(x)
		}
	}
}

func (s *Store) open(ctx context.Context) error {
	version, err := s.version(ctx)
	if err != nil {
		return err
	}
	if err := s.checkVersion(version); err != nil {
		return err
	}
	if s.cluster, err = madeFor(ctx); s.cluster != "" {
		s.local = "_local"
	}
	return err
}

// madeFor returns the cluster for which the tables were made, or "".
func madeFor(ctx context.Context) (cluster string, err error) {
	return first[string](ctx, "select max(cluster) from schema_version where version = 1")
}

// checkVersion fails unless this release knows the tables.
func (s *Store) checkVersion(version int) error {
	switch {
	case version == 0:
		return store.ErrNoStore
	case version < tablesVersion:
		return wrongTables("its tables are of version %d, and this release needs %d: run deliverygraph migrate",
			version, tablesVersion)
	case version > tablesVersion:
		return wrongTables("its tables are of version %d, and this release knows only %d: use a newer release",
			version, tablesVersion)
	}
	return nil
}

func wrongTables(format string, args ...any) error {
	return &upstream.Error{Code: upstream.Internal, Message: fmt.Sprintf(format, args...)}
}

// from returns the table of a kind, so that each event is read once, in its last version.
func (s *Store) from(k *kind) string { return k.table + " final" }

// Close waits for calls in progress: see [store.Store].
func (s *Store) Close() error {
	s.mu.Lock()
	before := s.closed
	s.closed = true
	s.mu.Unlock()
	if before {
		return nil
	}
	s.calls.Wait()
	return s.conn.close()
}

// Sync does nothing: what ClickHouse has confirmed is as durable as its settings say.
func (s *Store) Sync() error { return nil }

// Finish does nothing: there is nothing that writing leaves out.
func (s *Store) Finish(context.Context) error { return nil }

const (
	// maxCalls is the maximum number of calls in progress. Others wait.
	maxCalls = 16
	// maxWait is for how long a call that reads waits for others.
	maxWait = 20 * time.Second
)

// use runs f on a server: see [hosts.do]. What says in errors what f does.
func (s *Store) use(ctx context.Context, what string, again bool, f func(context.Context) error) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return store.ErrClosed
	}
	s.calls.Add(1)
	s.mu.Unlock()
	defer s.calls.Done()
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.explain(ctx, what, s.conn.do(ctx, again, f))
}

// read is use for calls that only read. It may run f again on another server.
func (s *Store) read(ctx context.Context, what string, f func(context.Context) error) error {
	if err := s.conn.hang(); err != nil {
		return s.explain(ctx, what, err)
	}
	if err := s.takeSlot(ctx, what); err != nil {
		return err
	}
	defer func() { <-s.slots }()
	return s.use(ctx, what, true, f)
}

// takeSlot waits until fewer calls are in progress.
func (s *Store) takeSlot(ctx context.Context, what string) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	limit := time.NewTimer(maxWait)
	defer limit.Stop()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-limit.C:
		return &upstream.Error{Code: upstream.Unavailable, RetryAfter: 5 * time.Second, Message: fmt.Sprintf(
			"%s: all %d connections to ClickHouse have been in use for %v", what, maxCalls, maxWait)}
	}
}

// write is use for one writer at a time of this process.
func (s *Store) write(ctx context.Context, what string, f func(context.Context) error) error {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.writing }()
	return s.use(ctx, what, ctx.Value(repeats{}) != nil, f)
}

// repeatable returns a context for writes that may run again on another server.
func repeatable(ctx context.Context) context.Context { return context.WithValue(ctx, repeats{}, true) }

type repeats struct{}

// explain returns an error for callers outside the package. It names the hosts only in its cause, which is for logs.
func (s *Store) explain(ctx context.Context, what string, err error) error {
	var explained *upstream.Error
	switch {
	case err == nil || errors.As(err, &explained) ||
		errors.Is(err, store.ErrNoStore) || errors.Is(err, store.ErrChanged):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	code, why := upstream.Unavailable, "ClickHouse cannot be reached"
	err = fmt.Errorf("ClickHouse, database %s: %w", s.database, err)
	if refused, ok := errors.AsType[*driver.Exception](err); ok {
		code, why = upstream.Internal, "ClickHouse refused it"
		hasCode := func(r refusal) bool { return slices.Contains(r.codes, refused.Code) }
		if i := slices.IndexFunc(refusals, hasCode); i >= 0 {
			code, why = refusals[i].code, refusals[i].why
		}
		if code == upstream.Internal && slices.Contains(refusals[0].codes, refused.Code) {
			err = fmt.Errorf("%w: %w", store.ErrDiskFull, err)
		}
	}
	return &upstream.Error{Code: code, Message: what + ": " + why, Err: err}
}

// refusal is what an exception of a server means.
type refusal struct {
	codes []int32
	code  upstream.Code
	why   string
}

var refusals = []refusal{
	{[]int32{243}, upstream.Internal, "the disk of the ClickHouse server is full"},
	{[]int32{192, 193, 194, 516}, upstream.Internal, "ClickHouse does not accept the user or the password"},
	{[]int32{497, 164, 291}, upstream.Internal, "the ClickHouse user may not do this"},
	{[]int32{81}, upstream.Internal, "the ClickHouse database does not exist: deliverygraph migrate makes it"},
	{[]int32{159, 160, 209}, upstream.Timeout, "ClickHouse took too long"},
	{[]int32{241, 173}, upstream.Unavailable, "ClickHouse has too little memory for it"},
	{[]int32{202, 203}, upstream.Unavailable, "ClickHouse has too many queries in progress"},
	{[]int32{252}, upstream.Unavailable, "ClickHouse does not keep up with merging what was written; try again later"},
	{[]int32{225, 242, 285, 319, 999}, upstream.Unavailable, "a ClickHouse server or ZooKeeper is not available"},
}
