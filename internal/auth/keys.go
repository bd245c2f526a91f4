package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"deliverygraph/internal/web"
)

// Keys is the [Authenticator] of the callers in a file, which has the digest of each caller's API key and what the
// caller may read. Keys have 256 random bits, so their plain SHA-256 reveals nothing, and the file does not let its
// readers act as a caller. See [ParseKeys] for the file and [NewKey] for a new key.
type Keys struct {
	file  *web.File
	table atomic.Pointer[KeyTable]
}

// OpenKeys reads the file at path. Errors say which line is wrong.
func OpenKeys(path string) (*Keys, error) {
	k := &Keys{}
	file, err := web.OpenFile(path, func(text []byte) error {
		t, err := ParseKeys(text)
		if errors.Is(err, errNoKey) && k.table.Load() != nil {
			t, err = &KeyTable{}, nil // the last key has been withdrawn
		}
		if err == nil {
			k.table.Store(t)
		}
		return err
	})
	k.file = file
	return k, err
}

// Follow reloads the file when it changes, until ctx ends. If the new contents are invalid, it logs an error and the
// previous keys stay in force.
func (k *Keys) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	k.file.Follow(ctx, every, logger)
}

// Authenticate returns the caller with a key.
func (k *Keys) Authenticate(_ context.Context, cred Credential) (Caller, error) {
	if cred.Secret == "" {
		return Caller{},
			Refuse("this API requires authentication: send your API key as Authorization: Bearer KEY, " +
				"Authorization: apikey=KEY or X-API-Key: KEY")
	}
	c, known := k.table.Load().find(cred.Secret)
	if !known {
		return Caller{}, Refuse("this API key is unknown: it is mistyped or no longer valid")
	}
	return c, nil
}

// KeyPrefix begins every key that [NewKey] makes, so that accidentally published keys are recognised.
const KeyPrefix = "dg_"

// keyEncoding writes keys in letters and digits only, so that a double click selects all of one.
var keyEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewKey returns a new key of 256 random bits, and the line of the file for a caller with it. Errors say what is wrong
// with the name.
func NewKey(c Caller) (key, line string, err error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	if err := checkName(c.Name); err != nil {
		return "", "", err
	}
	key = KeyPrefix + strings.ToLower(keyEncoding.EncodeToString(secret[:]))
	return key, keyLine(c, sha256.Sum256([]byte(key))), nil
}

func keyLine(c Caller, digest [sha256.Size]byte) string {
	words := []string{
		c.Name, "sha256=" + hex.EncodeToString(digest[:]), "users=" + c.Users.String(),
		"scopes=" + strings.ReplaceAll(c.Scopes.String(), " ", ","),
	}
	for _, l := range keyLimits {
		if n := *l.of(&c.Limits); n != 0 {
			words = append(words, l.name+"="+strconv.Itoa(n))
		}
	}
	return strings.Join(words, " ")
}
