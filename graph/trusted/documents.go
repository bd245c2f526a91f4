// Package trusted keeps the documents that whoever runs the gateway has registered:
// those of frontends, written by their build. Callers ask for them by id alone, and
// where nothing else is taken no document can be of an attacker's making.
//
// They come from a folder of .graphql files, or from a manifest as the build of a
// client writes it, and are read again when they change. Start reading at [Open].
package trusted

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"deliverygraph/graph/reload"
)

// Documents are the registered documents by their ids.
type Documents struct {
	path  string
	check func(text string) error
	seen  [sha256.Size]byte // of all that was read last, by Follow alone
	byID  atomic.Pointer[map[string]string]
}

// Open reads the documents of a folder or a manifest. Each must pass check, which
// says what is wrong with a text. An error names the path, and the document.
//
// The ids of a document are the SHA-256 of its text in hexadecimal digits, with and
// without white space around it, and beside it: in a folder, its path without
// .graphql, such as "bounces/list"; in a manifest, the id that it has there.
func Open(path string, check func(text string) error) (*Documents, error) {
	d := &Documents{path: path, check: check}
	if _, err := d.reload(); err != nil {
		return nil, err
	}
	return d, nil
}

// Text gives the text of the document with the id.
func (d *Documents) Text(id string) (string, bool) {
	text, ok := (*d.byID.Load())[id]
	return text, ok
}

// Len is how many ids there are.
func (d *Documents) Len() int { return len(*d.byID.Load()) }

// Follow reads the documents again and again until ctx ends. Each time that they are
// missing or no longer good it logs one error, and those from before stay.
func (d *Documents) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	reload.Watch(ctx, every, d.reload,
		func() { logger.Info("trusted documents read again", "ids", d.Len()) },
		func(err error) {
			logger.Error("the trusted documents are missing or no longer good: those from before stay", "error", err)
		})
}

// reload reads the documents, and takes them if they have changed.
func (d *Documents) reload() (changed bool, err error) {
	found, err := read(d.path)
	if err != nil {
		return false, err
	}
	if found.sum == d.seen && d.byID.Load() != nil {
		return false, nil
	}
	byID := make(map[string]string, 2*len(found.all))
	for _, one := range found.all {
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
	d.seen = found.sum
	return true, nil
}

// Hash is the id that the text of a document has by itself.
func Hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
