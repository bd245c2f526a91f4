package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
)

// PassThrough is the Authenticator that leaves it to the upstream: a caller's calls go
// upstream with the caller's own API key, and see what that key may see.
type PassThrough struct{}

// Authenticate gives the caller whose key it is. Whether the key is good is known when the upstream is asked.
func (PassThrough) Authenticate(_ context.Context, cred Credential) (Caller, error) {
	if cred.Secret == "" {
		return Caller{},
			Refuse("this API requires authentication: send the API key that you have for the metrics API as " +
				"Authorization: apikey=KEY, Authorization: Bearer KEY or X-API-Key: KEY")
	}
	sum := sha256.Sum256([]byte(cred.Secret))
	c := Anyone()
	c.Name = "key:" + hex.EncodeToString(sum[:8])
	c.UpstreamKey = Secret(cred.Secret)
	return c, nil
}
