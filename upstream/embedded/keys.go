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

// MinKeyLength is the fewest characters that an API key may have: a shorter one
// can be guessed.
const MinKeyLength = 16

// Keys are the API keys that a handler asks for. They are held as SHA-256 digests
// alone, so that neither a log nor a memory dump shows one. The zero Keys let
// nobody in.
type Keys struct {
	all []key
}

// A key is the digest of one API key and the users whose data it may see.
type key struct {
	digest [sha256.Size]byte
	only   []upstream.ID // sorted; nil is all users
	line   int           // where it was read, for messages
}

// ParseKeys reads keys, one a line:
//
//	# comment
//	KEY
//	KEY users=20,21
//
// The second form limits the key to some users: data of any other is to it as if
// it did not exist. A "#" begins a comment at the start of a line or after a
// space. Errors name the line but never show a key. A text without a key is an
// error: a server with such keys would let nobody in.
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
			return nil, fmt.Errorf("line %d: the key of line %d again: each key may stand in one line only", n, ks.all[i].line)
		}
		k.line = n
		ks.all = append(ks.all, k)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read keys: %w", err)
	}
	if len(ks.all) == 0 {
		return nil, errors.New("no API key: put one a line, such as KEY or KEY users=20,21")
	}
	return ks, nil
}

// LoadKeys is [ParseKeys] on the file at path.
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

// parseKey reads one line; ok is false where it holds no key.
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
		return key{}, false, errors.New("a key must stand before users=")
	case strings.IndexFunc(word, func(c rune) bool { return c <= ' ' || c > '~' }) >= 0:
		return key{}, false, errors.New("a key may hold visible ASCII characters only, as it travels in a header")
	case len(word) < MinKeyLength:
		return key{}, false, fmt.Errorf("the key has %d characters: it needs at least %d", len(word), MinKeyLength)
	case len(fields) > 2:
		return key{}, false, errors.New("too many words: a line is KEY or KEY users=20,21 without spaces in the list")
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

// parseUsers reads "20,21" into sorted ids.
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

// Len is the number of keys.
func (ks *Keys) Len() int { return len(ks.all) }

// find gives the key that the value of an Authorization header shows, or nil. Every
// key is compared, each in constant time, so that the time taken says nothing of
// how near a guess came.
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

// CheckListener refuses to serve without keys (nil) on an address that other
// machines can reach. It takes the listener's own address, where names and empty
// hosts are already resolved.
func CheckListener(a net.Addr, ks *Keys) error {
	if ks != nil || a.Network() == "unix" {
		return nil
	}
	if tcp, ok := a.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("serve the REST API on %s: without API keys it may listen on loopback only, such as 127.0.0.1:8081; give it keys to listen elsewhere", a)
}
