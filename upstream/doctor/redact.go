package doctor

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"deliverygraph/internal/auth/address"
	"deliverygraph/upstream"
)

// Reports are read on terminals and forwarded by mail. Text from the server therefore
// appears in them shortened and printable, without addresses and without the key.

// show formats a request for messages, without the values that are or may contain addresses.
func (a *asker) show(r request) string {
	path := r.path
	if k, err := upstream.ParseBounceKey(path); err == nil && shownEmailID(k.EmailID) != k.EmailID {
		path = path[:strings.LastIndexByte(path, '/')+1] + "…"
	}
	s := cmp.Or(r.method, http.MethodGet) + " " + path
	if r.query != "" {
		s += "?" + upstream.RedactQuery(r.query)
	}
	if r.accept != "" {
		s += " with Accept: " + r.accept
	}
	if r.key != "" {
		s += " with a wrong key"
	}
	return printable(s)
}

// shownEmailID returns an email id, or only the time that it begins with if the rest may contain an address.
func shownEmailID(id string) string {
	if address.InEmailID(id, "") {
		return address.TimeOf(id) + "…"
	}
	return id
}

// clean makes text from the server fit for a message.
func (a *asker) clean(s string) string {
	if a.key != "" {
		s = strings.ReplaceAll(s, a.key, "[key]")
		s = strings.ReplaceAll(s, url.QueryEscape(a.key), "[key]")
	}
	return excerpt(addresses.ReplaceAllString(printable(s), "…"), 160)
}

// statusAndMessage describes an answer by its status and its error message, if it has one.
func (a *asker) statusAndMessage(got answer) string {
	s := fmt.Sprintf("status %d", got.status)
	switch e := upstream.DecodeError(string(got.body)); {
	case e.Message != "":
		s += ": " + a.clean(e.Message)
	case looksLikeHTML(got):
		s += " and a web page"
	case http.StatusText(got.status) != "":
		s += " " + http.StatusText(got.status)
	}
	return s
}

func looksLikeHTML(got answer) bool {
	start := strings.TrimSpace(string(got.body[:min(len(got.body), 64)]))
	return contentType(got.header) == "text/html" || strings.HasPrefix(start, "<")
}

var addresses = regexp.MustCompile(`[^\s<>"'(),;:=]+@[^\s<>"'(),;:=]+`)

// printable replaces control characters and others that could affect a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r) && r != utf8.RuneError:
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return '?'
	}, s)
}

// excerpt returns the first n characters of s.
func excerpt(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n]) + "…"
}

// at formats a time for messages, as Unix seconds and readable.
func at(t upstream.Time) string {
	return fmt.Sprintf("%d (%s)", t, t.UTC().Format("2006-01-02 15:04:05"))
}

// plural formats a number of things, such as "2 rows".
func plural[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
