// Package apikey tells callers by API keys that an operator gives out: [Keys] is an
// [auth.Authenticator] over a file in which each line has a caller's name, the digest
// of its key, and what it may read.
//
// Keys have 256 random bits, so a plain SHA-256 of one says nothing of it, and whoever
// reads the file cannot ask in anybody's name. Start reading at [New] and [Parse].
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

// Prefix begins every key that [New] makes, so that one that was published by mistake
// is recognised as what it is.
const Prefix = "dg_"

// encoding of a key: letters and digits alone, so that a double click selects it.
var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// New makes a key of 256 random bits, and the line of the file for a caller with it.
// An error says what is
// wrong with the name.
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
