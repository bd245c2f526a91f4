// Package apikey identifies callers by API keys that an operator issues. [Keys] is an [auth.Authenticator] over a file
// in which each line has a caller's name, the digest of its key, and what it may read.
//
// Keys have 256 random bits, so their plain SHA-256 reveals nothing, and the file does not let its readers act as a
// caller. Start reading at [New] and [Parse].
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strconv"
	"strings"

	"deliverygraph/internal/auth"
)

// Prefix begins every key that [New] makes, so that accidentally published keys are recognised.
const Prefix = "dg_"

// encoding of a key: letters and digits only, so that a double click selects all of it.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// New returns a new key of 256 random bits, and the line of the file for a caller with it. Errors say what is wrong
// with the name.
func New(c auth.Caller) (key, line string, err error) {
	var secret [32]byte
	_, _ = rand.Read(secret[:]) // never fails
	if err := checkName(c.Name); err != nil {
		return "", "", err
	}
	key = Prefix + strings.ToLower(encoding.EncodeToString(secret[:]))
	return key, write(c, sha256.Sum256([]byte(key))), nil
}

func write(c auth.Caller, digest [sha256.Size]byte) string {
	words := []string{
		c.Name, "sha256=" + hex.EncodeToString(digest[:]), "users=" + c.Users.String(),
		"scopes=" + strings.ReplaceAll(c.Scopes.String(), " ", ","),
	}
	for _, l := range limits {
		if n := *l.of(&c.Limits); n != 0 {
			words = append(words, l.name+"="+strconv.Itoa(n))
		}
	}
	return strings.Join(words, " ")
}
