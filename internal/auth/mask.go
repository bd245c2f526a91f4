package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"slices"
	"strings"

	"deliverygraph/internal/auth/address"
	"deliverygraph/upstream"
)

// Mask makes pseudonyms of recipients' addresses, for callers who may not read them:
// "***" and some letters in the place of the local part, the domain as it is. An
// address has one pseudonym, so that rows can be told apart and counted by recipient;
// without the mask's secret it cannot be found out which address it is of, not even by
// trying addresses out. Email ids that may hold an address have pseudonyms too.
type Mask struct{ secret [sha256.Size]byte }

// NewMask makes the mask of a secret. Gateways of one secret make the same pseudonyms,
// and so find each other's ids. Without a secret it is a random one.
func NewMask(secret string) Mask {
	if secret == "" {
		secret = rand.Text()
	}
	return Mask{sha256.Sum256([]byte("deliverygraph mask\x00" + secret))}
}

// pseudonymLen is how many letters a pseudonym has behind its mark: 60 bits.
const pseudonymLen = 12

var pseudonyms = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// masker masks the rows of one answer. It is not for concurrent use.
type masker struct{ mac hash.Hash }

func (m Mask) masker() masker { return masker{hmac.New(sha256.New, m.secret[:])} }

// pseudonym is one for a text. Texts of different uses have different ones.
func (m masker) pseudonym(use, text string) string {
	m.mac.Reset()
	m.mac.Write([]byte(use))
	m.mac.Write([]byte(text))
	var sum [sha256.Size]byte
	return address.Masked + pseudonyms.EncodeToString(m.mac.Sum(sum[:0])[:8])[:pseudonymLen]
}

// address gives the pseudonym of an address, and its local part. What stands in the place of
// a domain and could not be one is left out.
func (m masker) address(whole string) (pseudonym, local string) {
	local = m.pseudonym("", whole)
	if at := strings.LastIndexByte(whole, '@'); at >= 0 && address.IsDomain(whole[at+1:]) {
		return local + whole[at:], local
	}
	return local, local
}

// emailID gives the pseudonym of an email's id: behind the time that it begins with, so that
// it sorts as the id does.
func (m masker) emailID(id string) string {
	return address.TimeOf(id) + m.pseudonym("email id\x00", id)
}

// headers masks names and values that may hold an address: wholly, since a name may stand
// beside it. The given ones are not written to. Asked are those that the rows were looked
// for by: guessed says that one of them is masked.
func (m masker) headers(
	given []upstream.Header, local, domain string, asked []upstream.Header,
) (out []upstream.Header, guessed bool) {
	out = given
	for i, h := range given {
		name, value := holds(h.Name, local, domain), holds(h.Value, local, domain)
		if !name && !value {
			continue
		}
		if &out[0] == &given[0] {
			out = slices.Clone(given)
		}
		named := func(a upstream.Header) bool { return strings.EqualFold(a.Name, h.Name) }
		guessed = guessed || slices.ContainsFunc(asked, named)
		if name {
			out[i].Name = "X-" + address.Masked
		}
		if value {
			out[i].Value = address.Masked
		}
	}
	return out, guessed
}

func holds(text, local, domain string) bool {
	return address.In(text) || address.Of(text, local, domain)
}

// IsMasked says whether an address is a pseudonym: by its form alone.
func IsMasked(text string) bool {
	rest, ok := strings.CutPrefix(text, address.Masked)
	return ok && len(rest) >= pseudonymLen && (len(rest) == pseudonymLen || rest[pseudonymLen] == '@') &&
		!strings.ContainsFunc(rest[:pseudonymLen],
			func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// IsMaskedEmailID says likewise of an email's id.
func IsMaskedEmailID(id string) bool {
	rest := id[len(address.TimeOf(id)):]
	return IsMasked(rest) && len(rest) == len(address.Masked)+pseudonymLen
}
