package auth

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// PassThrough is the Authenticator that leaves it to the upstream: a caller's calls go
// upstream with the caller's own API key, and see what that key may see.
type PassThrough struct{}

// Authenticate gives the caller whose key it is. Whether the key is good is known when
// the upstream is asked.
func (PassThrough) Authenticate(_ context.Context, cred Credential) (Caller, error) {
	if cred.Secret == "" {
		return Caller{}, Refuse("this API asks who you are: send the API key that you have for the metrics API as Authorization: apikey=KEY, Authorization: Bearer KEY or X-API-Key: KEY")
	}
	sum := sha256.Sum256([]byte(cred.Secret))
	c := Anyone()
	c.Name = "key:" + hex.EncodeToString(sum[:8])
	c.UpstreamKey = Secret(cred.Secret)
	return c, nil
}

// KeysOrTokens is the Authenticator of a gateway that takes both API keys and tokens.
type KeysOrTokens struct{ Keys, Tokens Authenticator }

// Authenticate asks Tokens for what has the form of a JSON Web Token, and Keys for
// everything else.
func (k KeysOrTokens) Authenticate(ctx context.Context, cred Credential) (Caller, error) {
	switch {
	case cred.Secret == "":
		return Caller{}, Refuse("this API asks who you are: send your API key or token as Authorization: Bearer …, or the key as Authorization: apikey=… or X-API-Key: …")
	case cred.Bearer && strings.Count(cred.Secret, ".") == 2:
		return k.Tokens.Authenticate(ctx, cred)
	}
	return k.Keys.Authenticate(ctx, cred)
}
