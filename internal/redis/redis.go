// Package redis connects gateways that run side by side with the Redis that they share: one server, Sentinel or a
// cluster. What lies there are copies that can be lost, so nothing waits for Redis for long. While it does not answer,
// commands fail at once, and each gateway does without it.
package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/sony/gobreaker/v2"
)

// Client is a connection to Redis. A command fails with an error, and soon, whatever happens to Redis: callers go on
// without the answer. It is safe for concurrent use.
type Client struct {
	redis.UniversalClient

	logger *slog.Logger
	up     atomic.Bool
}

// Open returns the client of the Redis that the options name. It does not wait for Redis, which may be down: see
// [Client.Follow]. Its errors say what is wrong with the URL or the file. Call Close when done.
func Open(o Options) (*Client, error) {
	logging.Disable() // errors reach their callers, and Follow logs whether Redis answers
	opened, limit, err := o.open()
	if err != nil {
		return nil, err
	}
	opened.AddHook(around(func(ctx context.Context, command func(context.Context) error) error {
		ctx, cancel := context.WithTimeout(ctx, limit)
		defer cancel()
		return command(ctx)
	}))
	return &Client{UniversalClient: opened, logger: o.Logger}, nil
}

// Up reports whether Redis answered lately, as [Client.Follow] sees it: all servers that hold a part of the keys.
func (c *Client) Up() bool { return c.up.Load() }

// Follow tries every second until ctx ends whether Redis takes writes, and logs when that changes.
func (c *Client) Follow(ctx context.Context) {
	tick := time.Tick(time.Second)
	for failures := 0; ; {
		err := c.probe(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && !c.up.Swap(true):
			c.logger.Info("redis answers")
		case err != nil && failures == 1: // a single failure may be chance
			c.up.Store(false)
			c.logger.Warn("redis does not answer: until it does, the gateway works without it", "error", err)
		}
		if failures++; err == nil {
			failures = 0
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}

// probe writes a key to each server that holds a part of the keys.
func (c *Client) probe(ctx context.Context) error {
	write := func(ctx context.Context, to redis.Cmdable) error {
		return to.Set(ctx, "deliverygraph:probe", 1, time.Minute).Err()
	}
	err := write(ctx, c)
	cluster, ok := c.UniversalClient.(*redis.ClusterClient)
	if !ok || err != nil { // such as a cluster in which no server holds keys yet
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		if err := write(ctx, node); !redis.HasErrorPrefix(err, "MOVED") { // another server's key
			return err
		}
		return nil
	})
}

// guard returns the client with a circuit breaker: after three failures in a row its commands fail at once. Every half
// second one is tried.
func guard(c *redis.Client) *redis.Client {
	var last atomic.Pointer[error] // of a command that was sent
	b := gobreaker.NewCircuitBreaker[struct{}](gobreaker.Settings{
		Timeout:      time.Second / 2,
		ReadyToTrip:  func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= 3 },
		IsSuccessful: func(err error) bool { return !IsDown(err) },
		IsExcluded: func(err error) bool {
			return errors.Is(err, context.Canceled) || errors.Is(err, redis.ErrPoolTimeout)
		},
	})
	c.AddHook(around(func(ctx context.Context, command func(context.Context) error) error {
		if ctx.Value(guarded{}) != nil { // the greeting of a connection that a command opens
			return command(ctx)
		}
		ctx = context.WithValue(ctx, guarded{}, true)
		_, err := b.Execute(func() (struct{}, error) {
			err := command(ctx)
			if err != nil {
				last.Store(&err)
			}
			return struct{}{}, err
		})
		if why := last.Load(); why != nil && errors.Is(err, gobreaker.ErrOpenState) {
			err = fmt.Errorf("%w after: %w", err, *why)
		}
		return err
	}))
	return c
}

// IsDown reports whether a command failed because Redis does not answer or cannot work yet, rather than refused it.
func IsDown(err error) bool {
	_, answered := errors.AsType[redis.Error](err)
	return err != nil && (!answered || redis.HasErrorPrefix(err, "LOADING") ||
		redis.HasErrorPrefix(err, "CLUSTERDOWN") || redis.HasErrorPrefix(err, "MASTERDOWN"))
}

// guarded is the context key of commands that the circuit breaker lets pass.
type guarded struct{}

// around is a hook that runs commands and pipelines.
type around func(ctx context.Context, command func(context.Context) error) error

// DialHook implements [redis.Hook].
func (around) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook implements [redis.Hook].
func (a around) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		return a(ctx, func(ctx context.Context) error { return next(ctx, cmd) })
	}
}

// ProcessPipelineHook implements [redis.Hook].
func (a around) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		sent := false
		err := a(ctx, func(ctx context.Context) error { sent = true; return next(ctx, cmds) })
		for _, cmd := range cmds {
			if !sent {
				cmd.SetErr(err)
			}
		}
		return err
	}
}
