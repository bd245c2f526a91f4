package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// ClickHouse has no locks. Processes whose writes must wait for one another take turns by Lamport's bakery algorithm:
// each has a row in the table turn. It chooses a ticket that is higher than all others, and waits until no other process
// is choosing, or has a lower ticket. A process that dies loses its turn after some time, by the server's clock.

const (
	// turnTime is for how long a turn lasts. A longer write fails, unless all of it was sent before.
	turnTime = 2 * time.Minute
	turnPoll = 10 * time.Millisecond
)

func newOwner() string { return rand.Text() }

// inTurn is write for one writer at a time of all processes.
func (s *Store) inTurn(ctx context.Context, what string, f func(context.Context) error) error {
	return s.write(ctx, what, func(ctx context.Context) error {
		err := s.takeTurn(ctx)
		if err == nil {
			bounded, cancel := context.WithTimeout(ctx, turnTime)
			defer cancel()
			if err = f(bounded); err != nil && bounded.Err() != nil && ctx.Err() == nil {
				err = fmt.Errorf("it took longer than %v: %w", turnTime, err)
			}
		}
		// It must end even if the call was canceled.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return errors.Join(err, s.setTurn(ending, 0, 0))
	})
}

// setTurn sets the ticket and for how long it is valid.
func (s *Store) setTurn(ctx context.Context, ticket uint64, valid time.Duration) error {
	return s.conn.Exec(ctx, fmt.Sprintf("insert into turn (owner, ticket, until, version) select %s, toUInt64(%d), %s + %d, "+
		"toUInt64(%d)", quote(s.owner), ticket, serverTime, valid.Milliseconds(), s.next(0)))
}

// serverTime is the expression for the server's time in milliseconds.
const serverTime = "toUInt64(now()) * 1000"

func (s *Store) takeTurn(ctx context.Context) error {
	ctx = driver.Context(ctx, driver.WithSettings(s.settings))
	if err := s.setTurn(ctx, 0, turnTime); err != nil {
		return err
	}
	highest, err := first[uint64](ctx, s, "select max(ticket) from turn final where until > "+serverTime)
	if err == nil {
		err = s.setTurn(ctx, highest+1, 2*turnTime) // a safety margin over the turn
	}
	for err == nil {
		var before uint64
		before, err = first[uint64](ctx, s, fmt.Sprintf("select count() from turn final where until > %s and owner != %s and "+
			"(ticket, owner) < (toUInt64(%d), %s)", serverTime, quote(s.owner), highest+1, quote(s.owner)))
		if err != nil || before == 0 {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(turnPoll):
		}
	}
	return err
}
