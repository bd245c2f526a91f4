package http1

import (
	"bytes"
	"net/http"
	"strconv"
	"strings"
)

// readHead reads the head of an answer to GET that is as nearly all are: it has come
// whole, in plain lines, with one Content-Length and nothing else that says how it is
// framed or what becomes of its connection. The body follows. Of anything else it reads
// nothing and gives nil: that is for [http.ReadResponse], to which this one is a short
// cut and no more, with the same answer.
func (c *conn) readHead(req *http.Request) *http.Response {
	if req.Method != http.MethodGet && req.Method != "" {
		return nil
	}
	_, _ = c.r.Peek(1) // or else an error, which comes again
	come, _ := c.r.Peek(c.r.Buffered())
	end := bytes.Index(come, []byte("\r\n\r\n"))
	if end < 0 {
		return nil
	}
	line, rest, _ := strings.Cut(string(come[:end+len("\r\n")]), "\r\n")
	resp := &http.Response{Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1, Request: req}
	var ok bool
	if resp.Status, ok = strings.CutPrefix(line, "HTTP/1.1 "); !ok || !plain(line) || !status(resp) {
		return nil
	}
	n := strings.Count(rest, "\r\n")
	resp.Header = make(http.Header, n)
	values := make([]string, n) // all of one piece
	for rest != "" {
		line, rest, _ = strings.Cut(rest, "\r\n")
		name, value, ok := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if !ok || !token(name) || !plain(value) {
			return nil
		}
		name = http.CanonicalHeaderKey(name)
		switch name {
		case "Content-Length":
			size, err := strconv.ParseInt(value, 10, 64)
			if err != nil || value[0] < '0' || resp.ContentLength >= 0 {
				return nil
			}
			resp.ContentLength = size
		case "Transfer-Encoding", "Trailer", "Connection", "Upgrade", "Pragma":
			return nil
		}
		if of := resp.Header[name]; of != nil {
			resp.Header[name] = append(of, value)
			continue
		}
		values[0] = value
		resp.Header[name], values = values[:1:1], values[1:]
	}
	if resp.ContentLength < 0 {
		return nil
	}
	_, _ = c.r.Discard(end + len("\r\n\r\n"))
	return resp
}

// status reads the code of a status that has a body behind it.
func status(resp *http.Response) bool {
	code, _, _ := strings.Cut(resp.Status, " ")
	n, err := strconv.ParseUint(code, 10, 16)
	resp.StatusCode = int(n)
	return err == nil && len(code) == 3 && n >= 200 && n != http.StatusNoContent && n != http.StatusNotModified
}

// plain says whether s is printable ASCII, with no blank at an end.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return s == "" || s[0] != ' ' && s[len(s)-1] != ' '
}
