package graph

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A request may identify its document instead of sending it. Apollo's clients and urql send the SHA-256 of its text
// (extensions.persistedQuery), and send the text once if the gateway does not know it yet. Trusted documents have ids
// (documentId, as in the GraphQL-over-HTTP draft; Relay's users send id or doc_id).

// persisted looks up the texts of documents.
type persisted struct {
	sent    *otter.Cache[string, string] // documents that callers sent, by the hash of their text
	trusted *TrustedDocuments            // may be nil
	only    bool                         // refuse all but trusted documents
}

// bytesPerText is the size of a cache entry beside its text.
const bytesPerText = 300

func newPersisted(o *Options) *persisted {
	return &persisted{trusted: o.Trusted, only: o.TrustedOnly, sent: otter.Must(&otter.Options[string, string]{
		MaximumWeight: uint64(o.PersistedBytes),
		Weigher:       func(_, text string) uint32 { return uint32(min(len(text)+bytesPerText, math.MaxUint32)) },
	})}
}

// documentID is the key in a request's extensions under which [handler.read] stores an id sent beside the query.
const documentID = "documentId"

// named reports whether a request identifies a document instead of sending it.
func named(p *graphql.RawParams) bool {
	return p.Extensions[documentID] != nil || p.Extensions["persistedQuery"] != nil
}

// text returns the document of a request. If the request has both text and hash, it also returns the hash, under which
// keep stores the document once it has been validated.
func (s *persisted) text(p *graphql.RawParams) (text, hash string, no *refusal) {
	hash, no = apolloHash(p.Extensions["persistedQuery"])
	id, isID := p.Extensions[documentID].(string)
	switch {
	case no != nil:
		return "", "", no
	case p.Extensions[documentID] != nil && !isID:
		return "", "", refuse(http.StatusBadRequest, "%q must be a string", documentID)
	case id != "" && p.Query != "":
		return "", "", refuse(http.StatusBadRequest,
			`the request has both a "query" and the id of a document: send only one of them`)
	case id != "":
		return s.byID(id)
	case hash == "" && p.Query == "":
		return "", "", refuse(http.StatusBadRequest, `the request has no "query": the text of a GraphQL document`)
	case p.Query == "":
		return s.byHash(hash)
	case hash != "" && HashDocument(p.Query) != hash:
		return "", "", refuse(http.StatusBadRequest,
			"extensions.persistedQuery.sha256Hash is not the SHA-256 of the query's text, in hexadecimal digits")
	case s.only && !s.trusts(p.Query):
		return "", "", refuseOperation(requestError(codeForbidden, "this gateway accepts registered documents only, "+
			"and this is not one of them: send the id of a registered document as documentId, "+
			"or ask the gateway's operator to register this one"))
	}
	return p.Query, hash, nil
}

// apolloHash reads extensions.persistedQuery.
func apolloHash(v any) (string, *refusal) {
	if v == nil {
		return "", nil
	}
	fields, _ := v.(map[string]any)
	hash, _ := fields["sha256Hash"].(string)
	version, _ := fields["version"].(json.Number)
	if version != "1" || len(hash) != 64 || strings.Trim(hash, "0123456789abcdefABCDEF") != "" {
		return "", refuse(http.StatusBadRequest, `extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"} `+
			`with the SHA-256 of the query's text in hexadecimal digits`)
	}
	return strings.ToLower(hash), nil
}

// byHash returns a document that was sent before, or a trusted one, by the hash of its text.
func (s *persisted) byHash(hash string) (string, string, *refusal) {
	if text, ok := s.known(hash, hash); ok {
		return text, "", nil
	}
	// Clients expect exactly this message and status: Apollo's would stop sending hashes after a 400, and urql's looks
	// only at the message.
	no := refuse(http.StatusOK, "PersistedQueryNotFound")
	finish(no.response.Errors[0], codePersistedQueryNotFound, "PersistedQueryNotFound")
	no.cacheControl = "private, no-cache, must-revalidate"
	return "", "", no
}

// byID returns a trusted document, or one that was sent before if the id is its hash.
func (s *persisted) byID(id string) (string, string, *refusal) {
	plain, isHash := strings.CutPrefix(id, "sha256:")
	hash := ""
	if isHash {
		hash = strings.ToLower(plain)
	}
	if text, ok := s.known(plain, hash); ok {
		return text, "", nil
	}
	return "", "", refuseOperation(requestError(codePersistedQueryNotFound, fmt.Sprintf(
		"there is no document with the id %q: send the id of a registered document, or the text as the query",
		excerpt(id))))
}

// known returns the trusted document with an id, or else the document with a hash that was sent before.
func (s *persisted) known(id, hash string) (string, bool) {
	if text, ok := s.trusted.Text(id); ok || s.only {
		return text, ok
	}
	return s.sent.GetIfPresent(hash)
}

func (s *persisted) trusts(text string) bool {
	_, ok := s.trusted.Text(HashDocument(strings.TrimSpace(text)))
	return ok
}

// keep stores a valid document for later requests by its hash.
func (s *persisted) keep(hash, text string) {
	if hash != "" && !s.only {
		s.sent.Set(hash, text)
	}
}

// Checker returns a function that validates the text of a document by the endpoint's own rules and limits, for
// documents that are read before the endpoint exists.
func Checker(schema graphql.ExecutableSchema, o Options) func(text string) error {
	o.setDefaults()
	o.HideSchema = false
	d := newDocuments(schema.Schema(), &o)
	return func(text string) error {
		if _, errs := d.read(text); len(errs) > 0 {
			return gqlerror.List{errs[0]}
		}
		return nil
	}
}
