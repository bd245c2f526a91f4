package grouped

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"maps"
	"strings"
	"sync"

	"deliverygraph/upstream"
)

// Providers maps domains to the providers of their mailboxes, such as gmail.com to Google. What a provider refuses, it
// refuses for all of its domains. The zero Providers knows none. It is safe for concurrent use.
type Providers struct{ of map[string]string }

//go:embed providers.txt
var builtIn string

// DefaultProviders returns the table of well-known providers.
var DefaultProviders = sync.OnceValue(func() *Providers {
	t, err := new(Providers).With(strings.NewReader(builtIn))
	if err != nil {
		panic(err)
	}
	return t
})

// Of returns the provider of a domain in lower case, or the domain itself.
func (t *Providers) Of(domain string) string {
	if name, known := t.of[domain]; known {
		return name
	}
	for rest := domain; ; {
		dot := strings.IndexByte(rest, '.')
		if dot < 0 {
			return domain
		}
		if name, known := t.of[rest[dot:]]; known {
			return name
		}
		rest = rest[dot+1:]
	}
}

// With returns a table with the lines of r added, which win over those of t. A line is a provider's name, a colon, and
// its domains, separated by spaces. A domain that begins with a dot stands for all of its subdomains. Empty lines and
// those that begin with # are ignored. Errors name the line.
func (t *Providers) With(r io.Reader) (*Providers, error) {
	all := maps.Clone(t.of)
	if all == nil {
		all = map[string]string{}
	}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	n := 1
	for ; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\ufeff"))
		if line == "" || line[0] == '#' {
			continue
		}
		name, domains, found := strings.Cut(line, ":")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.TrimSpace(domains) == "" {
			return nil, fmt.Errorf(`line %d is not a provider: write it as "Name: example.com example.net"`, n)
		}
		for _, d := range strings.FieldsFunc(domains, func(c rune) bool { return c == ' ' || c == ',' || c == '\t' }) {
			if strings.Trim(d, ".") == "" || strings.ContainsAny(d, "@/:*") {
				return nil, fmt.Errorf("line %d: %.60q is not a domain", n, d)
			}
			all[upstream.LowerDomain(d)] = name
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d: %w", n, err)
	}
	return &Providers{all}, nil
}
