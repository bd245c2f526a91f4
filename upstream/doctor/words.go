package doctor

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"deliverygraph/upstream"
)

// Reports are read on terminals and passed on in mails: what a server says appears in
// them short and printable, without addresses in full, and never with the key.

// show is a request as messages show it: in one line, unescaped, with addresses
// shortened.
func (a *asker) show(r request) string {
	s := r.method + " " + r.path
	for i, pair := range strings.FieldsFunc(r.query, func(c rune) bool { return c == '&' }) {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		switch name {
		case "recipient", "sender", "local":
			value = shortAddress(value)
		}
		s += string("?&"[min(i, 1)]) + name + "=" + excerpt(addresses.ReplaceAllStringFunc(value, shortAddress), 60)
	}
	if r.accept != "" {
		s += " with Accept: " + r.accept
	}
	if r.key != "" {
		s += " with a wrong key"
	}
	return printable(s)
}

// clean is a server's own text, fit for a message.
func (a *asker) clean(s string) string {
	if a.key != "" {
		s = strings.ReplaceAll(s, a.key, "[key]")
		s = strings.ReplaceAll(s, url.QueryEscape(a.key), "[key]")
	}
	return excerpt(addresses.ReplaceAllStringFunc(printable(s), shortAddress), 160)
}

// statusAndWords is the status of an answer, with the message if it brings one.
func (a *asker) statusAndWords(got answer) string {
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
	return contentType(got.header) == "text/html" || strings.HasPrefix(strings.TrimSpace(string(got.body[:min(len(got.body), 64)])), "<")
}

var addresses = regexp.MustCompile(`[^\s<>"'(),;:=]+@[^\s<>"'(),;:=]+`)

// shortAddress is an address of which only the first letter and the domain are left;
// or a local part, of which only the letter is.
func shortAddress(s string) string {
	local, domain := s, ""
	if cut := strings.LastIndexByte(s, '@'); cut >= 0 {
		local, domain = s[:cut], s[cut:]
	}
	first, size := utf8.DecodeRuneInString(local)
	if size == 0 || size == len(local) && domain == "" {
		return s
	}
	return string(first) + "…" + domain
}

// printable replaces whatever could steer a terminal.
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

func excerpt(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// at is a moment as messages show it, in both of the API's forms.
func at(t upstream.Time) string {
	return fmt.Sprintf("%d (%s)", t, t.UTC().Format("2006-01-02 15:04:05"))
}

// plural is a number of things.
func plural[N int | int64](n N, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
