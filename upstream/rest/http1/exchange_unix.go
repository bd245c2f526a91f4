//go:build unix

package http1

import (
	"net"
	"syscall"
)

// exchange writes a request to a connection that was idle and waits for the answer to
// begin. Of a connection that is used again it must be known that nothing comes from
// it: neither bytes, nor its end, nor an error. Then there is nothing to read yet, so
// that to look for an answer right behind the request, as net does, would be in vain.
type exchange struct {
	raw     syscall.RawConn // nil where there is none
	step    func(fd uintptr) (done bool)
	request []byte // what is left to be written of it
	state   exchangeState
}

type exchangeState uint8

const (
	idle    exchangeState = iota // nothing was looked at yet
	stale                        // something had come before the request, which was not written
	partly                       // not all of the request could be written at once
	waiting                      // the request is written
)

func newExchange(c net.Conn) *exchange {
	e := &exchange{}
	if s, ok := c.(syscall.Conn); ok {
		e.raw, _ = s.SyscallConn()
	}
	// Called again when there is something to read. Whatever comes from its first call on
	// ends the wait.
	e.step = func(fd uintptr) bool {
		if e.state != idle {
			return true
		}
		var one [1]byte
		if _, err := syscall.Read(int(fd), one[:]); err != syscall.EAGAIN && err != syscall.EWOULDBLOCK {
			e.state = stale
			return true
		}
		n, err := syscall.Write(int(fd), e.request)
		if err == nil && n == len(e.request) {
			e.state = waiting
			return false
		}
		e.state, e.request = partly, e.request[max(n, 0):]
		return true
	}
	return e
}

// send writes the request and waits for an answer.
func (e *exchange) send(c net.Conn, request []byte) error {
	if e.raw == nil {
		_, err := c.Write(request)
		return err
	}
	e.state, e.request = idle, request
	err := e.raw.Read(e.step)
	switch {
	case err != nil:
		return err
	case e.state == stale:
		return errStale
	case e.state == partly: // or there was an error, which comes again
		_, err = c.Write(e.request)
	}
	return err
}
