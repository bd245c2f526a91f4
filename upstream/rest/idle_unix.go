//go:build unix

package rest

import (
	"net"
	"syscall"
)

// stillIdle reports whether an idle connection is open and the server has sent nothing. Bytes that arrive before a
// request cannot be its response: some servers send a 408 before they close the connection.
func stillIdle(c net.Conn) bool {
	s, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return false
	}
	var read error
	err = raw.Read(func(fd uintptr) bool {
		_, read = syscall.Read(int(fd), make([]byte, 1))
		return true
	})
	return err == nil && (read == syscall.EAGAIN || read == syscall.EWOULDBLOCK)
}
