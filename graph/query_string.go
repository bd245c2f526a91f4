package graph

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"golang.org/x/text/encoding/unicode"
)

// readGet reads a GraphQL request from the URL of a GET.
func readGet(r *http.Request, p *graphql.RawParams) *refusal {
	q := queryString(r.URL.RawQuery)
	var repeated *refusal
	one := func(name string) string {
		if len(q[name]) > 1 && repeated == nil {
			repeated = refuse(http.StatusBadRequest, "the URL gives %q more than once", name)
		}
		return q.Get(name)
	}
	object := func(name string, to *map[string]any) *refusal {
		raw := []byte(one(name))
		if len(raw) > 0 && jsonProblem(raw) != "" {
			return refuse(http.StatusBadRequest, "%q must be a JSON object: %s", name, jsonProblem(raw))
		}
		return readObject(raw, name, to)
	}
	// The text is kept in caches, and must not keep the whole URL with it.
	p.Headers, p.Query, p.OperationName = r.Header, strings.Clone(one("query")), one("operationName")
	problem := cmp.Or(
		object("variables", &p.Variables),
		object("extensions", &p.Extensions),
		readDocumentID(p, func(name string) (string, *refusal) { return one(name), nil }),
		wanted(p),
	)
	return cmp.Or(repeated, problem)
}

// queryString parses a URL's query as URLSearchParams does (https://url.spec.whatwg.org/#urlencoded-parsing), because
// browsers and fetch produce that format. Unlike [url.ParseQuery] it never fails: semicolons and percent signs that
// begin no escape stand for themselves, and invalid UTF-8 becomes U+FFFD.
func queryString(raw string) url.Values {
	q := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" {
			name, value, _ := strings.Cut(pair, "=")
			q.Add(unescaped(name), unescaped(value))
		}
	}
	return q
}

// unescaped decodes a name or value of a URL's query.
func unescaped(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		var b strings.Builder
		for i := range len(s) {
			b.WriteByte(s[i])
			if s[i] == '%' && (i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2])) {
				b.WriteString("25")
			}
		}
		plain, _ = url.QueryUnescape(b.String()) // cannot fail, as each percent sign begins an escape now
	}
	if !utf8.ValidString(plain) {
		plain, _ = unicode.UTF8.NewDecoder().String(plain) // replaces invalid bytes, and cannot fail
	}
	return plain
}

func isHex(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F' }
