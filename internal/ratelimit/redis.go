package ratelimit

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
)

// Shared has the accounts of callers in Redis, for gateways that run side by side. It is safe for concurrent use.
//
// The scripts are our own: those of redis_rate take nothing if it is not there, so a caller could not owe what an
// operation used beyond its plan, and they forget a refund of all that was used.
type Shared struct {
	client   redis.UniversalClient
	name     string // of this gateway
	gateways atomic.Int64
}

// NewShared returns the accounts in the client's Redis. The client's commands must end soon, with or without an answer.
func NewShared(client redis.UniversalClient) *Shared {
	s := &Shared{client: client, name: rand.Text()}
	s.gateways.Store(1)
	return s
}

var (
	//go:embed charge.lua
	chargeText string
	charge     = redis.NewScript(chargeText)
	//go:embed announce.lua
	announceText string
	announce     = redis.NewScript(announceText)
)

// charge takes first the units of debts, which may be negative, then one, and then more, if the caller has them. It
// returns whether it took all, and how long it takes until the caller has all units again.
func (s *Shared) charge(ctx context.Context, caller string, limit, owed, more int) (bool, time.Duration, error) {
	ctx = context.WithoutCancel(ctx) // a caller that leaves is charged as well
	command := newCharge(ctx, "evalsha", charge.Hash(), caller, limit, owed, 1, more)
	if err := s.client.Process(ctx, command); redis.HasErrorPrefix(err, "NOSCRIPT") {
		command = newCharge(ctx, "eval", chargeText, caller, limit, owed, 1, more)
		_ = s.client.Process(ctx, command)
	}
	got, err := command.Int64Slice()
	if err != nil {
		return false, 0, err
	}
	return got[0] == 1, time.Duration(got[1]) * time.Microsecond, nil
}

// settle takes the units of debts.
func (s *Shared) settle(debts map[string]debt) {
	ctx := context.Background() // the client has a time limit of its own
	_, _ = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for caller, d := range debts {
			_ = p.Process(ctx, newCharge(ctx, "eval", chargeText, caller, d.limit, d.units, 0, 0))
		}
		return nil
	})
}

// chargeCommand runs charge.lua. The client does not send it again if Redis answers late, as it does with other
// commands: that would charge the caller twice.
type chargeCommand struct{ *redis.Cmd }

// NoRetry implements [redis.Cmder].
func (chargeCommand) NoRetry() bool { return true }

// newCharge returns the command "evalsha" or "eval" for a script and its arguments: see charge.lua.
func newCharge(ctx context.Context, name, script, caller string, limit, owed, first, more int) chargeCommand {
	return chargeCommand{redis.NewCmd(ctx, name, script, 1, accountKey(caller), unit(limit), owed, first, more)}
}

// accountKey returns the key of a caller's account. It does not show the caller's name or address.
func accountKey(caller string) string {
	sum := sha256.Sum256([]byte(caller))
	return "deliverygraph:rate:" + hex.EncodeToString(sum[:16])
}

// unit returns the time that restores a unit, in microseconds.
func unit(limit int) float64 { return float64(RestoreTime(limit, 1)) / float64(time.Microsecond) }

const (
	gatewaysKey = "deliverygraph:gateways"
	// announceEvery is how often a gateway tells the others that it runs. It counts as stopped after three times that.
	announceEvery = 5 * time.Second
)

// Gateways returns how many gateways ran when Redis last answered, at least 1.
func (s *Shared) Gateways() int { return int(s.gateways.Load()) }

// Announce tells the other gateways that this one runs, and counts them, until ctx ends.
func (s *Shared) Announce(ctx context.Context) {
	tick := time.Tick(announceEvery)
	for {
		alive := int((3 * announceEvery).Milliseconds())
		if n, err := announce.Run(ctx, s.client, []string{gatewaysKey}, s.name, alive).Int64(); err == nil {
			s.gateways.Store(n)
		}
		select {
		case <-tick:
		case <-ctx.Done():
			s.client.ZRem(context.WithoutCancel(ctx), gatewaysKey, s.name)
			return
		}
	}
}
