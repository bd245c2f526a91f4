package auth

import (
	"bytes"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// KeyTable holds the callers of a file.
type KeyTable struct{ all []keyEntry }

type keyEntry struct {
	digest [sha256.Size]byte // of the key
	caller Caller
	line   int
}

// find returns the caller with a key. It compares every entry, each in constant time, so that the time taken does not
// reveal how close a guess is.
func (t *KeyTable) find(key string) (c Caller, known bool) {
	digest := sha256.Sum256([]byte(key))
	for i := range t.all {
		if subtle.ConstantTimeCompare(digest[:], t.all[i].digest[:]) == 1 {
			c, known = t.all[i].caller, true
		}
	}
	return c, known
}

// add adds an entry, unless its name or key already exists.
func (t *KeyTable) add(e keyEntry) error {
	for _, o := range t.all {
		switch {
		case o.caller.Name == e.caller.Name:
			return fmt.Errorf("the name %q is already in line %d: give each caller a different one", e.caller.Name,
				o.line)
		case o.digest == e.digest:
			return fmt.Errorf("it has the key of line %d: give each caller a different one", o.line)
		}
	}
	t.all = append(t.all, e)
	return nil
}

// ParseKeys reads a file with one caller per line:
//
//	# NAME sha256=DIGEST users=USERS scopes=SCOPES [cost-per-minute=N] [streams=N]
//	dashboard sha256=3b0c44…7852b855 users=* scopes=metrics:read
//	partner-a sha256=9f86d0…b0f00a08 users=20,21 scopes=metrics:read,recipients:read cost-per-minute=2000
//
// A "#" begins a comment at the start of a line or after a space. The fields after the name may be in any order; users
// and scopes are required. Each name and each key may occur once. Errors name the line. A file without callers is an
// error, as it would admit no one.
func ParseKeys(text []byte) (*KeyTable, error) {
	t := &KeyTable{}
	n := 0
	for line := range bytes.Lines(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))) {
		n++
		words := wordsOf(string(line))
		if len(words) == 0 {
			continue
		}
		e, err := parseKeyLine(words)
		if err == nil {
			e.line = n
			err = t.add(e)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	if len(t.all) == 0 {
		return nil, errNoKey
	}
	return t, nil
}

var errNoKey = errors.New("it has no keys, so no one could query the gateway: make one with deliverygraph key new, " +
	"and put the line that it prints into the file")

func wordsOf(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if strings.HasPrefix(w, "#") {
			return words[:i]
		}
	}
	return words
}

const keyExample = "NAME sha256=DIGEST users=20,21 scopes=metrics:read"

func parseKeyLine(words []string) (e keyEntry, err error) {
	e.caller.Name = words[0]
	if err := checkName(e.caller.Name); err != nil {
		return e, err
	}
	seen := map[string]bool{}
	for _, w := range words[1:] {
		name, value, _ := strings.Cut(w, "=")
		if seen[name] {
			return e, fmt.Errorf("%.40q occurs twice", name+"=")
		}
		seen[name] = true
		if err := e.set(name, value); err != nil {
			return e, err
		}
	}
	for _, name := range []string{"sha256", "users", "scopes"} {
		if !seen[name] {
			return e, fmt.Errorf("%s= is missing: a line must be %s", name, keyExample)
		}
	}
	return e, nil
}

func (e *keyEntry) set(name, value string) (err error) {
	switch name {
	case "sha256":
		b, err := hex.DecodeString(value)
		if err != nil || len(b) != len(e.digest) {
			return errors.New("sha256= must be the SHA-256 of the key, 64 hexadecimal digits, " +
				"as deliverygraph key new prints it")
		}
		copy(e.digest[:], b)
		return nil
	case "users":
		e.caller.Users, err = ParseUsers(value)
		return err
	case "scopes":
		e.caller.Scopes, err = ParseScopes(value)
		if err == nil && e.caller.Scopes == 0 {
			err = errors.New("scopes= is empty: metrics:read is required")
		}
		return err
	}
	return setLimit(&e.caller.Limits, name, value)
}

// checkName returns an error unless the name can be used in logs, metrics and the file.
func checkName(name string) error {
	if strings.HasPrefix(name, KeyPrefix) {
		return errors.New("this is a key: the file must contain only the digests of keys, " +
			"and a line begins with the caller's name, as deliverygraph key new prints it")
	}
	bad := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && !strings.ContainsRune("-_.@", r)
	}
	if name == "" || len(name) > 64 || strings.ContainsFunc(name, bad) {
		// The name is not repeated, as it may be a key, and messages end up in logs.
		return errors.New("not a valid name: use up to 64 letters, digits and -_.@, such as partner-a")
	}
	return nil
}

// MaxLimit is the largest limit that a line of the file of keys can have.
const MaxLimit = 1_000_000_000

var keyLimits = []struct {
	name string
	of   func(*Limits) *int
}{
	{"cost-per-minute", func(l *Limits) *int { return &l.CostPerMinute }},
	{"streams", func(l *Limits) *int { return &l.Streams }},
}

func setLimit(to *Limits, name, value string) error {
	for _, l := range keyLimits {
		if l.name != name {
			continue
		}
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > MaxLimit {
			return fmt.Errorf("%s= must be a positive whole number, such as %s=100; "+
				"leave it out for the gateway's limit",
				name, name)
		}
		*l.of(to) = n
		return nil
	}
	word := "a word that is not shown, as it may be a key,"
	if value != "" && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz-") == "" {
		word = fmt.Sprintf("%.40q", name)
	}
	return fmt.Errorf("%s is unknown: a line must be %s, and may continue with cost-per-minute=2000 and streams=10",
		word, keyExample)
}
