package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// pick returns the server for a call, preferably none of those that have failed it.
func (h *hosts) pick(failed []*host) *host {
	rest := slices.DeleteFunc(slices.Clone(h.list), func(x *host) bool { return slices.Contains(failed, x) })
	if len(rest) == 0 {
		rest = h.list
	}
	return slices.MinFunc(rest, func(a, b *host) int { return cmp.Compare(a.is(), b.is()) })
}

// do runs f on the first server that answers. If that server stops answering, it tries the next one. Again says whether
// f may run again after it has begun.
func (h *hosts) do(ctx context.Context, again bool, f func(context.Context) error) error {
	var failed []*host
	var errs hostErrors
	for range max(2, len(h.list)) {
		x := h.pick(failed)
		begun, err := x.run(ctx, f)
		_, refused := errors.AsType[*driver.Exception](err)
		lost := isLost(err) || err != nil && !begun
		switch {
		case ctx.Err() != nil && err != nil:
			return err
		case lost:
			h.failed(x, err)
		case x.is() > behind:
			x.look() // it answers
		}
		if !lost && !refused {
			return err
		}
		failed, errs = append(failed, x), append(errs, &hostError{x.name, err})
		if !lost || begun && !again || !begun && len(failed) == len(h.list) {
			break
		}
	}
	return errs
}

// run runs f on a server. It returns whether it has begun.
func (x *host) run(ctx context.Context, f func(context.Context) error) (begun bool, err error) {
	calls := x.inProgress()
	running, cancel := context.WithCancelCause(context.WithValue(ctx, used{}, x.conn))
	defer cancel(nil)
	defer context.AfterFunc(calls, func() { cancel(context.Cause(calls)) })()
	settings, err := x.settingsOf(running)
	if err == nil {
		begun = true
		err = f(driver.Context(running, driver.WithSettings(settings)))
	}
	if deadline, ok := ctx.Deadline(); ok && err != nil && !time.Now().Before(deadline) {
		<-ctx.Done() // the connection's deadline may pass a moment before that of the context
	}
	if err != nil && running.Err() != nil {
		err = context.Cause(running)
	}
	return begun, err
}

// used is the context key of the connections to the server that a call uses.
type used struct{}

// on returns the connections to the server that a call uses: see [Store.use].
func on(ctx context.Context) driver.Conn { return ctx.Value(used{}).(driver.Conn) }

// settingsOf returns the settings of calls. Old servers refuse settings that they do not know.
func (x *host) settingsOf(ctx context.Context) (driver.Settings, error) {
	x.mu.Lock()
	settings := x.settings
	x.mu.Unlock()
	if settings != nil {
		return settings, nil
	}
	var version string
	if err := x.conn.QueryRow(ctx, "select version()").Scan(&version); err != nil {
		return nil, err
	}
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil {
		return nil, fmt.Errorf("the server has the version %q, which cannot be read: %w", version, err)
	}
	settings = driver.Settings{"max_query_size": 64 << 20, "max_ast_elements": 10_000_000,
		"max_expanded_ast_elements": 10_000_000, "insert_distributed_sync": 1, "insert_deduplicate": 0,
		"max_read_buffer_size": 128 << 10} // FINAL opens all columns of all parts at once
	if cmp.Or(cmp.Compare(major, 20), cmp.Compare(minor, 8)) >= 0 {
		settings["do_not_merge_across_partitions_select_final"] = 1 // versions of an event are in one partition
		settings["max_partitions_per_insert_block"] = 0
		settings["async_insert"] = 0
		settings["load_balancing"] = "in_order" // to read the replicas that were written to; old ones take only numbers
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.settings = settings
	return settings, nil
}

// hostError is the error of a server, with its name.
type hostError struct {
	host string
	err  error
}

func (e *hostError) Error() string { return e.host + ": " + reason(e.err) }
func (e *hostError) Unwrap() error { return e.err }

// hostErrors are the errors of the servers that a call has tried.
type hostErrors []error

func (e hostErrors) Error() string {
	var all []string
	for _, err := range e {
		all = append(all, err.Error())
	}
	return strings.Join(all, "; ")
}

func (e hostErrors) Unwrap() []error { return e }

// reason returns an error's text, without the stack trace with which exceptions of a server may end.
func reason(err error) string {
	refused, ok := errors.AsType[*driver.Exception](err)
	if !ok {
		return err.Error()
	}
	message, _, _ := strings.Cut(refused.Message, ". Stack trace")
	return fmt.Sprintf("code %d: %s", refused.Code, message)
}

// isLost reports whether err says that a server did not answer.
func isLost(err error) bool {
	if errors.Is(err, errHangs) {
		return true
	}
	if _, refused := errors.AsType[*driver.Exception](err); refused || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	_, network := errors.AsType[net.Error](err)
	return network || slices.ContainsFunc([]error{
		io.EOF, io.ErrUnexpectedEOF, net.ErrClosed, syscall.EPIPE, syscall.ECONNRESET, driver.ErrConnectionClosed,
	}, func(e error) bool { return errors.Is(err, e) })
}

// errHangs is the cause with which calls end if their server does not answer probes.
var errHangs = errors.New("the server does not answer")
