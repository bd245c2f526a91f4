package clickhouse

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// ClickHouse has no locks. Processes whose writes must wait for one another take turns by Lamport's bakery algorithm:
// each has a row in the table turn. It chooses a ticket that is higher than all others, and waits until no other
// process is choosing, or has a lower ticket. A process that dies loses its turn after some time, by the server's
// clock.

const (
	// turnTime is how long a turn lasts unless its process renews it.
	turnTime  = 2 * time.Minute
	turnRenew = 20 * time.Second
	turnPoll  = 10 * time.Millisecond
)

func newOwner() string { return rand.Text() }

// inTurn is write for one writer at a time of all processes.
func (s *Store) inTurn(ctx context.Context, what string, f func(context.Context) error) error {
	return s.write(ctx, what, func(ctx context.Context) error {
		ticket, err := s.takeTurn(ctx)
		if err == nil {
			err = s.renewing(ctx, ticket, f)
		}
		// The turn must end even if the call was canceled.
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		return errors.Join(err, s.setTurn(ending, 0, 0))
	})
}

// renewing runs f while it renews the turn. If that is impossible for too long, f ends.
func (s *Store) renewing(ctx context.Context, ticket uint64, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		renewed, tick := time.Now(), time.NewTicker(turnRenew)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if time.Since(renewed) > turnTime { // the process was paused, and another may have the turn
				cancel(errors.New("the turn to write was lost"))
				return
			}
			if err := s.setTurn(ctx, ticket, turnTime); err == nil {
				renewed = time.Now()
			} else if time.Since(renewed) > turnTime/2 {
				cancel(fmt.Errorf("the turn to write could not be renewed: %w", err))
			}
		}
	}()
	err := f(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	cancel(nil)
	<-ended
	return err
}

// setTurn sets the ticket and for how long it is valid.
func (s *Store) setTurn(ctx context.Context, ticket uint64, valid time.Duration) error {
	return on(ctx).Exec(ctx, fmt.Sprintf("insert into turn (owner, ticket, until, version) "+
		"select %s, toUInt64(%d), %s + %d, toUInt64(%d)",
		quote(s.owner), ticket, serverTime, valid.Milliseconds(), s.next(0)))
}

// serverTime is the expression for the server's time in milliseconds.
const serverTime = "toUInt64(now()) * 1000"

// takeTurn waits for the turn of this process, and returns its ticket.
func (s *Store) takeTurn(ctx context.Context) (ticket uint64, err error) {
	if err := s.setTurn(ctx, 0, turnTime); err != nil {
		return 0, err
	}
	ticket, err = first[uint64](ctx, "select max(ticket) + 1 from turn final where until > "+serverTime)
	for set := (time.Time{}); err == nil; {
		if time.Since(set) > turnRenew {
			set = time.Now()
			if err := s.setTurn(ctx, ticket, turnTime); err != nil {
				return 0, err
			}
		}
		var before uint64
		before, err = first[uint64](ctx, fmt.Sprintf("select count() from turn final"+
			" where until > %s and owner != %s and (ticket, owner) < (toUInt64(%d), %[2]s)",
			serverTime, quote(s.owner), ticket))
		if err != nil || before == 0 {
			break
		}
		select {
		case <-ctx.Done():
			err = ctx.Err()
		case <-time.After(turnPoll):
		}
	}
	return ticket, err
}
