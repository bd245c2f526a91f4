package embedded_test

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded"
)

// keys parses lines of a key file.
func keys(t testing.TB, lines ...string) *embedded.Keys {
	t.Helper()
	ks, err := embedded.ParseKeys(strings.NewReader(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	return ks
}

func TestParseKeysReadsOneKeyPerLine(t *testing.T) {
	ks := keys(t,
		"# keys of the billing team\r",
		"",
		"  0123456789abcdef  ",
		"0123456789abcdeg users=20,21 # limited",
		"0123456789abcde#h\tusers=5000000020\r",
	)
	if ks.Len() != 3 {
		t.Fatalf("%d keys, want 3", ks.Len())
	}
	h := embedded.New(sampleBackend(), embedded.Options{Keys: ks})
	for key, status := range map[string]int{
		"0123456789abcdef":   200,
		"0123456789abcdeg":   200,
		"0123456789abcde#h":  200,
		"0123456789abcdeh":   451,
		"# keys of":          451,
		"":                   451,
		" 0123456789abcdef ": 451,
	} {
		if r := get(t, h, "/bounce/categories", "Authorization", "apikey="+key); r.StatusCode != status {
			t.Errorf("key %q: status %d, want %d", key, r.StatusCode, status)
		}
	}
}

func TestParseKeysErrorsNameTheLineButNotTheKey(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"only comments": {"# nothing\n\n", []string{"no API key", "users=20,21"}},
		"empty":         {"", []string{"no API key"}},
		"too short":     {"\nsecret-key", []string{"line 2", "10 characters", "16"}},
		"a duplicate": {
			"secret-key-number-1\n# x\nsecret-key-number-1 users=20", []string{"line 3", "line 1"},
		},
		"a user that is no number": {"secret-key-number-1 users=20,abc", []string{"line 1", `"abc"`, "users=20,21"}},
		"user 0":                   {"secret-key-number-1 users=0", []string{"line 1", `"0"`}},
		"a negative user":          {"secret-key-number-1 users=-3", []string{"line 1", `"-3"`}},
		"no users":                 {"secret-key-number-1 users=", []string{"line 1", `""`}},
		"an empty user":            {"secret-key-number-1 users=20,,21", []string{"line 1", `""`}},
		"a space in the list":      {"secret-key-number-1 users=20, 21", []string{"line 1", "without spaces"}},
		"a misspelt option":        {"secret-key-number-1 user=20", []string{"line 1", "users="}},
		"users without a key":      {"users=20,21", []string{"line 1", "key"}},
		"not ASCII":                {"secret-kéy-number-1", []string{"line 1", "ASCII"}},
		"a control character":      {"secret-key-\x00number-1", []string{"line 1", "ASCII"}},
		"an endless line":          {strings.Repeat("a", 1<<20), []string{"read keys"}},
	} {
		t.Run(name, func(t *testing.T) {
			ks, err := embedded.ParseKeys(strings.NewReader(test.text))
			if err == nil {
				t.Fatalf("%d keys, want an error", ks.Len())
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("no %s in %q", want, err)
				}
			}
			if strings.Contains(err.Error(), "secret") {
				t.Errorf("the key is in %q", err)
			}
		})
	}
}

func TestZeroKeysRejectEveryKey(t *testing.T) {
	h := embedded.New(sampleBackend(), embedded.Options{Keys: &embedded.Keys{}})
	for _, authorization := range []string{"", "apikey=", "apikey=0123456789abcdef"} {
		if r := get(t, h, "/bounce/categories", "Authorization", authorization); r.StatusCode != 451 {
			t.Errorf("%q: status %d, want 451", authorization, r.StatusCode)
		}
	}
}

func TestLoadKeysErrorsNameTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys")
	if _, err := embedded.LoadKeys(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a missing file: %v, want an error with its name", err)
	}
	for text, wantErr := range map[string]bool{"0123456789abcdef\n": false, "short\n": true} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := embedded.LoadKeys(path); (err != nil) != wantErr ||
			err != nil && !strings.Contains(err.Error(), path+": line 1") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestOnlyLoopbackNeedsNoKeys(t *testing.T) {
	for name, test := range map[string]struct {
		addr net.Addr
		ok   bool
	}{
		"loopback":          {&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1}, true},
		"all of loopback":   {&net.TCPAddr{IP: net.IPv4(127, 9, 9, 9), Port: 1}, true},
		"loopback of IPv6":  {&net.TCPAddr{IP: net.IPv6loopback, Port: 1}, true},
		"a Unix socket":     {&net.UnixAddr{Name: "/run/rest.sock", Net: "unix"}, true},
		"all addresses":     {&net.TCPAddr{IP: net.IPv6unspecified, Port: 1}, false},
		"no address":        {&net.TCPAddr{Port: 1}, false},
		"another machine's": {&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}, false},
	} {
		if err := embedded.CheckListener(test.addr, nil); (err == nil) != test.ok {
			t.Errorf("%s without keys: %v", name, err)
		} else if err != nil && !strings.Contains(err.Error(), "127.0.0.1:8081") {
			t.Errorf("%s: %q does not say what would be valid", name, err)
		}
		if err := embedded.CheckListener(test.addr, keys(t, "0123456789abcdef")); err != nil {
			t.Errorf("%s with a key: %v", name, err)
		}
	}
}
