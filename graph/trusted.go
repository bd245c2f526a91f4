package graph

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"deliverygraph/internal/web"
)

// TrustedDocuments are documents that the operator has registered, usually those of frontends, written by their build.
// Callers request them by id. If the gateway accepts no others, attackers cannot send documents of their own. They come
// from a folder of .graphql files, or from a manifest written by a client's build.
type TrustedDocuments struct {
	path   string
	check  func(text string) error
	loaded []trustedDocument // used only by Follow
	byID   atomic.Pointer[map[string]string]
}

// OpenTrusted reads the documents in a folder or manifest. Each must pass check, which returns what is wrong with a
// text. Errors name the path and the document.
//
// A document has these ids: the SHA-256 of its text in hexadecimal, with and without surrounding white space; and in a
// folder its path without .graphql, such as "bounces/list", or in a manifest its id there.
func OpenTrusted(path string, check func(text string) error) (*TrustedDocuments, error) {
	d := &TrustedDocuments{path: path, check: check}
	if _, err := d.reload(); err != nil {
		return nil, err
	}
	return d, nil
}

// Text returns the text of the document with the id. Nil has no documents.
func (d *TrustedDocuments) Text(id string) (string, bool) {
	if d == nil {
		return "", false
	}
	text, ok := (*d.byID.Load())[id]
	return text, ok
}

// Len returns the number of ids.
func (d *TrustedDocuments) Len() int { return len(*d.byID.Load()) }

// Follow reloads the documents periodically until ctx ends. When they are missing or become invalid, it logs one error
// and keeps the previous ones.
func (d *TrustedDocuments) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	web.Watch(ctx, every, d.reload,
		func() { logger.Info("trusted documents reloaded", "ids", d.Len()) },
		func(err error) {
			logger.Error("the trusted documents are missing or invalid: the previous ones stay in use", "error", err)
		})
}

// reload reads the documents and uses them if they have changed.
func (d *TrustedDocuments) reload() (changed bool, err error) {
	found, err := readTrusted(d.path)
	if err != nil || slices.Equal(found, d.loaded) {
		return false, err
	}
	byID := make(map[string]string, 2*len(found))
	for _, one := range found {
		if err := d.check(one.text); err != nil {
			return false, fmt.Errorf("%s: the document %q: %w", d.path, one.id, err)
		}
		for _, id := range one.ids() {
			if other, ok := byID[id]; ok && other != one.text && id == one.id {
				return false, fmt.Errorf("%s: there are two documents with the id %q", d.path, id)
			}
			byID[id] = one.text
		}
	}
	d.byID.Store(&byID)
	d.loaded = found
	return true, nil
}

// HashDocument returns the SHA-256 of a document's text in hexadecimal, which is one of its ids.
func HashDocument(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
