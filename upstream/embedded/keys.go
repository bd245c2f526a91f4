package embedded

import (
	"bufio"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"

	"deliverygraph/upstream"
)

// MinKeyLength is the minimum length of an API key: shorter ones could be guessed.
const MinKeyLength = 16

// Keys is a set of valid API keys. It stores only their SHA-256 digests, so neither
// logs nor memory dumps reveal them. The zero Keys rejects every key.
type Keys struct {
	all []key
}

// A key is the digest of one API key and the users whose data it may see.
type key struct {
	digest [sha256.Size]byte
	only   []upstream.ID // sorted; nil is all users
	line   int           // its line in the file, for messages
}

// ParseKeys reads keys, one per line:
//
//	# comment
//	KEY
//	KEY users=20,21
//
// The second form limits the key to the data of some users; other data does not exist
// for it. A "#" at the start of a line or after a space starts a comment. Errors name
// the line but never contain a key. It is an error if there is no key, since such a
// server would reject every request.
func ParseKeys(r io.Reader) (*Keys, error) {
	ks := &Keys{}
	lines := bufio.NewScanner(r)
	for n := 1; lines.Scan(); n++ {
		k, ok, err := parseKey(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if !ok {
			continue
		}
		if i := slices.IndexFunc(ks.all, func(o key) bool { return o.digest == k.digest }); i >= 0 {
			return nil, fmt.Errorf("line %d: duplicate of the key in line %d", n, ks.all[i].line)
		}
		k.line = n
		ks.all = append(ks.all, k)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(ks.all) == 0 {
		return nil, errors.New("no API key: write one per line, such as KEY or KEY users=20,21")
	}
	return ks, nil
}

// LoadKeys reads keys from the file at path, as [ParseKeys] does.
func LoadKeys(path string) (*Keys, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("load API keys: %w", err)
	}
	defer f.Close()
	ks, err := ParseKeys(f)
	if err != nil {
		return nil, fmt.Errorf("load API keys: %s: %w", path, err)
	}
	return ks, nil
}

// parseKey parses one line. ok is false if the line has no key.
func parseKey(line string) (k key, ok bool, err error) {
	fields := strings.Fields(line)
	for i, f := range fields {
		if strings.HasPrefix(f, "#") {
			fields = fields[:i]
			break
		}
	}
	if len(fields) == 0 {
		return key{}, false, nil
	}
	word := fields[0]
	switch {
	case strings.HasPrefix(word, "users="):
		return key{}, false, errors.New("the key is missing before users=")
	case strings.IndexFunc(word, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		return key{}, false, errors.New("a key must be printable ASCII, since it is sent in a header")
	case len(word) < MinKeyLength:
		return key{}, false, fmt.Errorf("the key has %d characters, but needs at least %d", len(word), MinKeyLength)
	case len(fields) > 2:
		return key{}, false, errors.New("too many words: write KEY or KEY users=20,21 without spaces in the list")
	}
	k.digest = sha256.Sum256([]byte(word))
	if len(fields) == 2 {
		list, isUsers := strings.CutPrefix(fields[1], "users=")
		if !isUsers {
			return key{}, false, errors.New("only users=… may follow a key, such as users=20,21")
		}
		if k.only, err = parseUsers(list); err != nil {
			return key{}, false, err
		}
	}
	return k, true, nil
}

// parseUsers parses a list such as "20,21" into sorted ids.
func parseUsers(list string) ([]upstream.ID, error) {
	var ids []upstream.ID
	for word := range strings.SplitSeq(list, ",") {
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a user id: users= takes positive numbers, such as users=20,21", word)
		}
		ids = append(ids, upstream.ID(n))
	}
	slices.Sort(ids)
	return slices.Compact(ids), nil
}

// Len returns the number of keys.
func (ks *Keys) Len() int { return len(ks.all) }

// find returns the key in an Authorization header, or nil if it is not valid. It
// compares every key in constant time, so its duration does not help to guess one.
func (ks *Keys) find(authorization []string) *key {
	if len(authorization) != 1 {
		return nil
	}
	word, ok := strings.CutPrefix(authorization[0], "apikey=")
	if !ok {
		return nil
	}
	digest := sha256.Sum256([]byte(word))
	var found *key
	for i := range ks.all {
		if subtle.ConstantTimeCompare(digest[:], ks.all[i].digest[:]) == 1 {
			found = &ks.all[i]
		}
	}
	return found
}

// CheckListener returns an error if ks is nil and other machines can reach a, the
// address of a listener. Take a from the listener itself: there, host names and empty
// hosts are already resolved.
func CheckListener(a net.Addr, ks *Keys) error {
	if ks != nil || a.Network() == "unix" {
		return nil
	}
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("cannot serve the REST API on %s without API keys: listen on a loopback address, "+
		"such as 127.0.0.1:8081, or give keys (--rest-keys)", a)
}
