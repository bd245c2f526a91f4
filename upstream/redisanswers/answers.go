// Package redisanswers keeps answers of the metrics API in Redis, for all gateways that use it, and lets only one of
// them at a time ask for an answer: the API answers only the first of equal requests under way.
//
// The gateway that asks holds a lease, which it extends while its call lasts. The others look for the answer until it
// is there, or until the lease is gone: then one of them asks. So a gateway that dies holds up the others for no longer
// than its lease. While Redis is down, each gateway asks for itself.
package redisanswers

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	gatewayredis "deliverygraph/internal/redis"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
)

// Lease is the recommended duration of a lease.
const Lease = 3 * time.Second

const (
	// errorFor is how long those who waited for an answer can find the error instead.
	errorFor = 2 * time.Second
	// firstLook and lastLook are how soon those who wait look again, at first and later.
	firstLook, lastLook = 4 * time.Millisecond, 64 * time.Millisecond
	// maxValue is the size of the largest value that is kept, in bytes.
	maxValue = 1 << 20
)

// Memory is a [cached.Shared] in Redis. It is safe for concurrent use.
type Memory struct {
	redis redis.UniversalClient
	lease time.Duration
}

// New returns the memory in a Redis. A gateway that dies in the middle of a call holds up the others for at most the
// lease. Commands of the client must fail soon if Redis does not answer.
func New(client redis.UniversalClient, lease time.Duration) *Memory { return &Memory{client, lease} }

// A value begins with what it is.
const (
	isAnswer = 'a'
	isError  = 'e'
)

// names returns the names in Redis of a value and of its lease, which are on the same server of a cluster.
func names(key string) []string {
	value := "deliverygraph:answer:{" + key + "}"
	return []string{value, value + ":lease"}
}

var (
	// take returns the value and the milliseconds that it has left; or 1 if the lease is ours now, or 0 if it is
	// another's. Errors are only for those who waited for the call that failed. Its arguments are our token, the
	// duration of the lease, and 1 for those who waited.
	take = redis.NewScript(`
		local value = redis.call('GET', KEYS[1])
		if value and (ARGV[3] == '1' or value:sub(1, 1) ~= 'e') then
			return {value, redis.call('PTTL', KEYS[1])}
		end
		local holder = redis.call('GET', KEYS[2])
		if holder and holder ~= ARGV[1] then
			return 0
		end
		redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
		redis.call('DEL', KEYS[1])
		return 1`)
	// extend extends our lease, also if Redis has lost it. PEXPIRE works in a Redis without free memory, SET does not.
	extend = redis.NewScript(`
		local holder = redis.call('GET', KEYS[2])
		if holder == ARGV[1] then
			redis.call('PEXPIRE', KEYS[2], ARGV[2])
		elseif not holder then
			redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
		end
		return 0`)
	// release ends our lease, and keeps a value for some milliseconds if there are any. The lease ends also if Redis
	// has no memory for the value. An error replaces nothing that others kept after the lease was lost.
	release = redis.NewScript(`
		local ours = redis.call('GET', KEYS[2]) == ARGV[1]
		if ARGV[3] ~= '0' and (ours or ARGV[2]:sub(1, 1) ~= 'e') then
			redis.pcall('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
		end
		if ours then
			redis.call('DEL', KEYS[2])
		end
		return 0`)
)

// Ask implements [cached.Shared].
func (m *Memory) Ask(ctx context.Context, key string, fill cached.Fill) (value []byte, left time.Duration, err error) {
	names, token, waited := names(key), rand.Text(), 0
	var held time.Time // when another gateway held the lease
	for look := firstLook; ; look = min(2*look, lastLook) {
		// If the caller leaves meanwhile, the lease may be ours all the same, and must end.
		lease := m.lease.Milliseconds()
		found, err := take.Run(context.WithoutCancel(ctx), m.redis, names, token, lease, waited).Result()
		late, ok := errors.AsType[net.Error](err)
		switch found := found.(type) {
		case []any:
			text, _ := found[0].(string)
			ms, _ := found[1].(int64)
			return read(text, time.Duration(ms)*time.Millisecond)
		case int64:
			if found == 1 {
				return nil, 0, m.lead(ctx, names, token, fill)
			}
			held, waited = time.Now(), 1
		default:
			switch {
			case gatewayredis.IsDown(err) && time.Since(held) < m.lease: // it may come back, and the call is being made
			case ok && late.Timeout():
				return nil, 0, m.lead(ctx, names, token, fill) // the lease may be ours if the answer is late
			default:
				_, _, err := fill(ctx) // without Redis
				return nil, 0, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, 0, ctx.Err()
		case <-time.After(look/2 + mathrand.N(look)):
		}
	}
}

// lead fills a value while it holds the lease, and lets those who wait have the value or the error.
func (m *Memory) lead(ctx context.Context, names []string, token string, fill cached.Fill) (err error) {
	commands := context.WithoutCancel(ctx) // they are short
	stop := make(chan struct{})
	var extending sync.WaitGroup
	extending.Go(func() { m.hold(commands, stop, names, token) })
	var value []byte
	var keep time.Duration
	defer func() { // also if fill panics
		close(stop)
		extending.Wait() // otherwise it could take the lease again
		if len(value) > maxValue {
			value, keep = nil, 0
		}
		_ = release.Run(commands, m.redis, names, token, value, keep.Milliseconds()).Err()
	}()
	content, keep, err := fill(ctx)
	if err != nil {
		value, keep = shareable(ctx, err)
	} else if keep > 0 {
		value = append([]byte{isAnswer}, content()...)
	}
	return err
}

// hold extends the lease until stop is closed.
func (m *Memory) hold(ctx context.Context, stop <-chan struct{}, names []string, token string) {
	tick := time.Tick(m.lease / 3)
	for {
		select {
		case <-stop:
			return
		case <-tick:
			_ = extend.Run(ctx, m.redis, names, token, m.lease.Milliseconds()).Err()
		}
	}
}

// shareable returns the value for an error of the API. It returns none for other errors, which concern only this
// gateway: the callers left, their operation has used up its calls, the circuit breaker is open, or its time was up
// while the API answered an equal request of someone else (202).
func shareable(ctx context.Context, err error) (value []byte, keep time.Duration) {
	e, ok := errors.AsType[*upstream.Error](err)
	if !ok || ctx.Err() != nil || e.Code == upstream.Exhausted || e.Status == http.StatusAccepted ||
		e.Code == upstream.Unavailable && e.Status == 0 && e.Err == nil {
		return nil, 0
	}
	shown := *e
	shown.Err = nil
	text, err := json.Marshal(shown)
	if err != nil {
		return nil, 0
	}
	return append([]byte{isError}, text...), errorFor
}

// read reads a value.
func read(text string, left time.Duration) ([]byte, time.Duration, error) {
	if text == "" || text[0] == isAnswer {
		return []byte(text[min(1, len(text)):]), left, nil
	}
	e := &upstream.Error{}
	if err := json.Unmarshal([]byte(text[1:]), e); err != nil {
		return []byte{}, 0, nil
	}
	return nil, 0, e
}

// Get implements [cached.Shared].
func (m *Memory) Get(ctx context.Context, key string) (value []byte, left time.Duration) {
	var text *redis.StringCmd
	var ttl *redis.DurationCmd
	_, err := m.redis.Pipelined(ctx, func(p redis.Pipeliner) error {
		name := names(key)[0]
		text, ttl = p.Get(ctx, name), p.PTTL(ctx, name)
		return nil
	})
	if err != nil {
		return nil, 0
	}
	value, _, _ = read(text.Val(), 0)
	return value, ttl.Val()
}

// Put implements [cached.Shared].
func (m *Memory) Put(ctx context.Context, key string, value []byte, keep time.Duration) {
	if len(value) < maxValue {
		_ = m.redis.Set(ctx, names(key)[0], append([]byte{isAnswer}, value...), keep).Err()
	}
}
