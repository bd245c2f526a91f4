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

// A request may name its document in the place of sending it: by the SHA-256 of its
// text as Apollo's clients and urql do (extensions.persistedQuery; what is not known
// here yet is sent once more, with its text), or by the id of a trusted document
// (documentId, as the GraphQL-over-HTTP draft has it, or id or doc_id, as Relay's
// users do).

// persisted knows the texts of documents that are asked for by name.
type persisted struct {
	sent    *otter.Cache[string, string] // by the hash of a text: what callers have sent
	trusted *TrustedDocuments            // may be nil
	only    bool                         // nothing but trusted documents is taken
}

// bytesPerText is what an entry of the cache takes beside its text.
const bytesPerText = 300

func newPersisted(o *Options) *persisted {
	return &persisted{trusted: o.Trusted, only: o.TrustedOnly, sent: otter.Must(&otter.Options[string, string]{
		MaximumWeight: uint64(o.PersistedBytes),
		Weigher:       func(_, text string) uint32 { return uint32(min(len(text)+bytesPerText, math.MaxUint32)) },
	})}
}

// documentID is the name in a request's extensions under which [handler.read] keeps an
// id that stood beside the query.
const documentID = "documentId"

// named says whether a request names a document.
func named(p *graphql.RawParams) bool {
	return p.Extensions[documentID] != nil || p.Extensions["persistedQuery"] != nil
}

// text gives the document of a request, and the hash that the caller gave with it;
// that is theirs for the next time once the document has been found sound.
func (s *persisted) text(p *graphql.RawParams) (text, hash string, no *refusal) {
	hash, no = apolloHash(p.Extensions["persistedQuery"])
	id, isID := p.Extensions[documentID].(string)
	switch {
	case no != nil:
		return "", "", no
	case p.Extensions[documentID] != nil && !isID:
		return "", "", refuse(http.StatusBadRequest, "%q must be a string", documentID)
	case id != "" && p.Query != "":
		return "", "", refuse(http.StatusBadRequest, `the request has both a "query" and the id of a document: send one of them`)
	case id != "":
		return s.byID(id)
	case hash == "" && p.Query == "":
		return "", "", refuse(http.StatusBadRequest, `the request has no "query": the text of a GraphQL document`)
	case p.Query == "":
		return s.byHash(hash)
	case hash != "" && HashDocument(p.Query) != hash:
		return "", "", refuse(http.StatusBadRequest, "extensions.persistedQuery.sha256Hash is not the SHA-256 of the query's text, in hexadecimal digits")
	case s.only && !s.trusts(p.Query):
		return "", "", refuseOperation(requestError(codeForbidden, "this gateway takes registered documents alone, and this is none of them: send the id of a registered one as documentId, or have this one registered by whoever runs the gateway"))
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
	if version, _ := fields["version"].(json.Number); version != "1" || len(hash) != 64 || strings.Trim(hash, "0123456789abcdefABCDEF") != "" {
		return "", refuse(http.StatusBadRequest, `extensions.persistedQuery must be {"version": 1, "sha256Hash": "…"} with the SHA-256 of the query's text in hexadecimal digits`)
	}
	return strings.ToLower(hash), nil
}

// byHash gives a document that was sent before, or a trusted one.
func (s *persisted) byHash(hash string) (string, string, *refusal) {
	if s.trusted != nil {
		if text, ok := s.trusted.Text(hash); ok {
			return text, "", nil
		}
	}
	if text, ok := s.sent.GetIfPresent(hash); ok && !s.only {
		return text, "", nil
	}
	// The message and the status are those that clients look for: Apollo's would give up
	// naming documents after a 400, urql's knows nothing but the message.
	no := refuse(http.StatusOK, "PersistedQueryNotFound")
	finish(no.response.Errors[0], codePersistedQueryNotFound, "PersistedQueryNotFound")
	no.cacheControl = "private, no-cache, must-revalidate"
	return "", "", no
}

// byID gives a trusted document, or one that was sent before by its hash.
func (s *persisted) byID(id string) (string, string, *refusal) {
	hash, isHash := strings.CutPrefix(id, "sha256:")
	if s.trusted != nil {
		if text, ok := s.trusted.Text(hash); ok {
			return text, "", nil
		}
	}
	if text, ok := s.sent.GetIfPresent(strings.ToLower(hash)); ok && isHash && !s.only {
		return text, "", nil
	}
	return "", "", refuseOperation(requestError(codePersistedQueryNotFound, fmt.Sprintf("there is no document with the id %q here: send a registered one's id, or the text as the query", excerpt(id))))
}

func (s *persisted) trusts(text string) bool {
	if s.trusted == nil {
		return false
	}
	_, ok := s.trusted.Text(HashDocument(strings.TrimSpace(text)))
	return ok
}

// keep remembers a sound document for whoever asks by its hash.
func (s *persisted) keep(hash, text string) {
	if hash != "" && !s.only {
		s.sent.Set(hash, text)
	}
}

// Checker gives a function that says what is wrong with the text of a document, by the
// endpoint's own rules and limits: for documents that are known before the endpoint
// is.
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
