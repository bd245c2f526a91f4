package apikey

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/web"
)

// Keys are the callers of a file, as it is at present.
type Keys struct {
	file  *web.File
	table atomic.Pointer[Table]
}

var _ auth.Authenticator = (*Keys)(nil)

// Open reads the file at path. Errors say which line is wrong.
func Open(path string) (*Keys, error) {
	k := &Keys{}
	file, err := web.OpenFile(path, func(text []byte) error {
		t, err := Parse(text)
		if errors.Is(err, errNoKey) && k.table.Load() != nil {
			t, err = &Table{}, nil // the last key has been withdrawn
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

// Authenticate gives the caller of a key.
func (k *Keys) Authenticate(_ context.Context, cred auth.Credential) (auth.Caller, error) {
	if cred.Secret == "" {
		return auth.Caller{},
			auth.Refuse("this API requires authentication: send your API key as Authorization: Bearer KEY, " +
				"Authorization: apikey=KEY or X-API-Key: KEY")
	}
	c, known := k.table.Load().find(cred.Secret)
	if !known {
		return auth.Caller{}, auth.Refuse("this API key is unknown: it is mistyped or no longer valid")
	}
	return c, nil
}
