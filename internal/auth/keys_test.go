package auth_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
)

func digest(key string) string {
	sum := sha256.Sum256([]byte(key))
	return "sha256=" + hex.EncodeToString(sum[:])
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A key identifies the caller of its line. Other secrets are refused with a message that says what to send and does not
// repeat them.
func TestKeysIdentifyCallers(t *testing.T) {
	t.Parallel()
	keys, err := auth.OpenKeys(file(t, "\ufeff# callers\r\n"+
		"partner "+digest("partner-key")+" users=21,20 scopes=metrics:read,recipients:read cost-per-minute=2000 "+
		"streams=3 # since May\r\n"+
		"\n\tall scopes=metrics:read users=* "+digest("all-key")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	for secret, want := range map[string]auth.Caller{
		"partner-key": {
			Name: "partner", Users: auth.Only(20, 21), Scopes: auth.MetricsRead | auth.RecipientsRead,
			Limits: auth.Limits{CostPerMinute: 2000, Streams: 3},
		},
		"all-key": {Name: "all", Users: auth.Everyone(), Scopes: auth.MetricsRead},
	} {
		for _, bearer := range []bool{true, false} {
			got, err := keys.Authenticate(t.Context(), auth.Credential{Secret: secret, Bearer: bearer})
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s: got %v, %v, want %v", secret, got, err, want)
			}
		}
	}
	for secret, part := range map[string]string{
		"": "X-API-Key: KEY", "partner-key2": "unknown", "partner-ke": "unknown", digest("all-key"): "unknown",
	} {
		got, err := keys.Authenticate(t.Context(), auth.Credential{Secret: secret})
		var u *upstream.Error
		if !errors.As(err, &u) || u.Code != upstream.Unauthenticated || !strings.Contains(u.Message, part) ||
			secret != "" && strings.Contains(u.Message, secret) || got.Users.Has(20) {
			t.Errorf("%q: %v, %v", secret, got, err)
		}
	}
}

func TestInvalidLinesAreRefused(t *testing.T) {
	t.Parallel()
	good := "a " + digest("a") + " users=* scopes=metrics:read\n"
	for name, c := range map[string][2]string{
		"no line":              {"# none\n\n", "deliverygraph key new"},
		"a key for a name":     {"dg_secret " + digest("b") + " users=* scopes=metrics:read", "this is a key"},
		"a setting for a name": {digest("b") + " users=* scopes=metrics:read", "not a valid name"},
		"a name again": {
			"b" + good[1:] + "b " + digest("b") + " users=* scopes=metrics:read",
			`line 3: the name "b" is already in line 2`,
		},
		"a key again":           {"b" + good[1:], "line 2: it has the key of line 1"},
		"no digest":             {"b users=* scopes=metrics:read", "sha256= is missing"},
		"a digest that is none": {"b sha256=abcd users=* scopes=metrics:read", "64 hexadecimal"},
		"no users":              {"b " + digest("b") + " scopes=metrics:read", "users= is missing"},
		"users that are none":   {"b " + digest("b") + " users=20,,21 scopes=metrics:read", "positive numbers"},
		"users below one":       {"b " + digest("b") + " users=0 scopes=metrics:read", "positive numbers"},
		"all and some":          {"b " + digest("b") + " users=20,* scopes=metrics:read", "positive numbers"},
		"no scopes":             {"b " + digest("b") + " users=*", "scopes= is missing"},
		"empty scopes":          {"b " + digest("b") + " users=* scopes=", "scopes= is empty"},
		"a scope that is none": {
			"b " + digest("b") + " users=* scopes=metrics:write", "the scopes are metrics:read",
		},
		"something twice":        {"b " + digest("b") + " users=20 users=21 scopes=metrics:read", "twice"},
		"a word that means none": {"b " + digest("b") + " users=20 scopes=metrics:read admin", "is unknown"},
		"a misspelt setting":     {"b " + digest("b") + " users=20 scope=metrics:read", `"scope" is unknown`},
		"a key, not its digest":  {"b secret+ab/c= users=20 scopes=metrics:read", "as it may be a key"},
		"a key of our own":       {"b dg_secret users=20 scopes=metrics:read", "as it may be a key"},
		"another kind of key":    {"secret+ab/c= users=20 scopes=metrics:read", "not a valid name"},
		"a limit that is none":   {"b " + digest("b") + " users=20 scopes=metrics:read streams=many", "streams=100"},
		"a limit that is nothing": {
			"b " + digest("b") + " users=20 scopes=metrics:read cost-per-minute=0", "cost-per-minute=100",
		},
	} {
		text := good + c[0]
		if name == "no line" {
			text = c[0]
		}
		if name == "a name again" {
			text = "a " + digest("x") + " users=* scopes=metrics:read\n" + c[0]
		}
		_, err := auth.ParseKeys([]byte(text))
		if err == nil || !strings.Contains(err.Error(), c[1]) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// New prints a key that identifies its caller, and a line without the key.
func TestNewKeysAreValid(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		want := auth.Caller{
			Name: rapid.StringMatching(`[a-z][a-zA-Z0-9._@-]{0,20}`).Draw(t, "name"), Users: auth.Everyone(),
			Scopes: auth.Scopes(rapid.IntRange(1, int(auth.AllScopes)).Draw(t, "scopes")),
		}
		if rapid.Bool().Draw(t, "some users") {
			want.Users = auth.Only(rapid.SliceOfN(
				rapid.Map(rapid.IntRange(1, 1<<40), func(n int) upstream.ID { return upstream.ID(n) }), 1,
				5).Draw(t, "users")...)
		}
		want.Limits = auth.Limits{
			CostPerMinute: rapid.IntRange(0, 9).Draw(t, "cost"), Streams: rapid.IntRange(0, 9).Draw(t, "streams"),
		}
		key, line, err := auth.NewKey(want)
		if err != nil {
			t.Fatal(err)
		}
		if len(key) != len(auth.KeyPrefix)+52 || seen[key] || strings.Contains(line, key) ||
			strings.Contains(line, "\n") {
			t.Fatalf("%s\n%s", key, line)
		}
		seen[key] = true
		path := filepath.Join(os.TempDir(), fmt.Sprint("deliverygraph-keys-", os.Getpid()))
		defer os.Remove(path)
		if err := os.WriteFile(path, []byte(line+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		keys, err := auth.OpenKeys(path)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got, err := keys.Authenticate(t.Context(), auth.Credential{Secret: key})
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got %v, %v, want %v", got, err, want)
		}
	})
}

// A changed file is reloaded. If it becomes invalid, the previous keys stay, and a file without keys admits no one.
func TestFollowReloadsKeys(t *testing.T) {
	t.Parallel()
	line := func(key string) string { return "a " + digest(key) + " users=* scopes=metrics:read\n" }
	path := file(t, line("old"))
	keys, err := auth.OpenKeys(path)
	if err != nil {
		t.Fatal(err)
	}
	log := make(logged, 10)
	go keys.Follow(t.Context(), 10*time.Millisecond, slog.New(slog.NewTextHandler(log, nil)))
	for _, step := range []struct{ text, said, good, bad string }{
		{"nonsense", "missing or invalid", "old", "nonsense"},
		{line("new"), "reloaded", "new", "old"},
		{"# all withdrawn\n", "reloaded", "", "new"},
	} {
		if err := os.WriteFile(path+".new", []byte(step.text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		if said := <-log; !strings.Contains(said, step.said) {
			t.Errorf("the log says %s", said)
		}
		if _, err := keys.Authenticate(t.Context(), auth.Credential{Secret: step.good}); err != nil && step.good != "" {
			t.Errorf("%s: %v", step.good, err)
		}
		if _, err := keys.Authenticate(t.Context(), auth.Credential{Secret: step.bad}); err == nil {
			t.Errorf("%s is taken", step.bad)
		}
	}
}

// logged is a log whose lines can be waited for.
type logged chan string

func (l logged) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}
