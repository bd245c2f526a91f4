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

// Mask makes pseudonyms of recipients' addresses for callers who may not read them: "***" and some letters in place of
// the local part, and the real domain. Each address always has the same pseudonym, so rows can be distinguished and
// counted by recipient. Without the mask's secret no one can find out the address of a pseudonym, not even by trying
// addresses. Email ids that may contain an address have pseudonyms too.
type Mask struct{ secret [sha256.Size]byte }

// NewMask returns the mask with a secret. Gateways with the same secret make the same pseudonyms, and so accept each
// other's ids. If secret is empty, a random one is used.
func NewMask(secret string) Mask {
	if secret == "" {
		secret = rand.Text()
	}
	return Mask{sha256.Sum256([]byte("deliverygraph mask\x00" + secret))}
}

// pseudonymLen is the number of letters in a pseudonym after its mark: 60 bits.
const pseudonymLen = 12

var pseudonyms = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// masker masks the rows of one answer. It is not for concurrent use.
type masker struct{ mac hash.Hash }

func (m Mask) masker() masker { return masker{hmac.New(sha256.New, m.secret[:])} }

// pseudonym returns the pseudonym of a text. Different uses of the same text have different pseudonyms.
func (m masker) pseudonym(use, text string) string {
	m.mac.Reset()
	m.mac.Write([]byte(use))
	m.mac.Write([]byte(text))
	var sum [sha256.Size]byte
	return address.Masked + pseudonyms.EncodeToString(m.mac.Sum(sum[:0])[:8])[:pseudonymLen]
}

// address returns the pseudonym of an address, and its local part. A domain that is not valid is left out.
func (m masker) address(whole string) (pseudonym, local string) {
	local = m.pseudonym("", whole)
	if at := strings.LastIndexByte(whole, '@'); at >= 0 && address.IsDomain(whole[at+1:]) {
		return local + whole[at:], local
	}
	return local, local
}

// emailID returns the pseudonym of an email id. It begins with the same time, so that it sorts like the id.
func (m masker) emailID(id string) string {
	return address.TimeOf(id) + m.pseudonym("email id\x00", id)
}

// headers masks names and values that may contain an address, completely, since a name may be next to it. It does not
// modify the given ones. asked are the headers that the rows were searched for; guessed reports that one of them is
// masked.
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

// IsMasked reports whether an address has the form of a pseudonym.
func IsMasked(text string) bool {
	rest, ok := strings.CutPrefix(text, address.Masked)
	return ok && len(rest) >= pseudonymLen && (len(rest) == pseudonymLen || rest[pseudonymLen] == '@') &&
		!strings.ContainsFunc(rest[:pseudonymLen],
			func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// IsMaskedEmailID reports whether an email id has the form of a pseudonym.
func IsMaskedEmailID(id string) bool {
	rest := id[len(address.TimeOf(id)):]
	return IsMasked(rest) && len(rest) == len(address.Masked)+pseudonymLen
}
