//go:build unix

package http1

import (
	"net"
	"syscall"
)

// probe looks whether something comes from a connection: bytes, its end, an error.
type probe struct {
	raw     syscall.RawConn // nil where there is none
	look    func(fd uintptr) bool
	nothing bool
}

func newProbe(c net.Conn) *probe {
	p := &probe{}
	if s, ok := c.(syscall.Conn); ok {
		p.raw, _ = s.SyscallConn()
	}
	p.look = func(fd uintptr) bool {
		var one [1]byte
		_, err := syscall.Read(int(fd), one[:])
		p.nothing = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK
		return true
	}
	return p
}

// silent says whether nothing comes. It does not wait.
func (p *probe) silent() bool {
	if p.raw == nil {
		return true
	}
	p.nothing = false
	return p.raw.Read(p.look) == nil && p.nothing
}
