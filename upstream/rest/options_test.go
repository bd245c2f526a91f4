package rest

import (
	"strings"
	"testing"
	"time"
)

// The error for a wrong option names it and gives a right example, but does not repeat secrets.
func TestWrongOptions(t *testing.T) {
	for name, test := range map[string]struct {
		o    Options
		want []string
	}{
		"no base URL": {Options{}, []string{"BaseURL is required", "https://api.example.com"}},
		"no scheme": {
			Options{BaseURL: "api.example.com"}, []string{"BaseURL must begin with http:// or https://"},
		},
		"a port for a scheme": {Options{BaseURL: "localhost:8081"}, []string{"BaseURL must begin with http://"}},
		"another scheme": {
			Options{BaseURL: "ftp://api.example.com"}, []string{"BaseURL must begin with http://"},
		},
		"no host":    {Options{BaseURL: "https:///v4"}, []string{"BaseURL must name a host"}},
		"port alone": {Options{BaseURL: "http://:80"}, []string{"BaseURL must name a host"}},
		"no such port": {
			Options{BaseURL: "http://api.example.com:99999"}, []string{"BaseURL must have a port from 1 to 65535"},
		},
		"letters for a port": {
			Options{BaseURL: "http://api.example.com:http"}, []string{"BaseURL must be a URL", "port"},
		},
		"a query": {
			Options{BaseURL: "https://api.example.com?a=b"}, []string{"BaseURL must not have a query"},
		},
		"an empty query": {
			Options{BaseURL: "https://api.example.com?"}, []string{"BaseURL must not have a query"},
		},
		"a fragment": {
			Options{BaseURL: "https://api.example.com#top"}, []string{"BaseURL must not have a fragment"},
		},
		"an empty fragment": {
			Options{BaseURL: "https://api.example.com/#"}, []string{"BaseURL must not have a fragment"},
		},
		"user name, password": {
			Options{BaseURL: "https://me:hunter2@api.example.com"},
			[]string{"BaseURL must not hold a user name", "takes a key"},
		},
		"broken with password": {
			Options{BaseURL: "https://me:hunter2@api.example.com:x"},
			[]string{"BaseURL must be a URL without user name"},
		},
		"a space": {Options{BaseURL: "https://api example.com"}, []string{"BaseURL must be a URL"}},
		"line end in the key": {
			Options{BaseURL: "https://api.example.com", Key: "hunter2\n"},
			[]string{"Key has a character at position 8"},
		},
		"a negative number": {
			Options{BaseURL: "https://api.example.com", MaxConcurrent: -1},
			[]string{"MaxConcurrent must be positive, such as 16"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := New(test.o)
			if err == nil || c != nil {
				t.Fatalf("got %v, %v, want an error", c, err)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
			if strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q repeats a secret", err)
			}
		})
	}
}

func TestRightBaseURLs(t *testing.T) {
	for base, want := range map[string]string{
		"https://api.example.com":                 "https://api.example.com",
		"HTTP://api.example.com:8081/":            "http://api.example.com:8081",
		"https://example.com/metrics/v4":          "https://example.com/metrics/v4",
		"https://example.com/metrics//v4/":        "https://example.com/metrics/v4",
		"https://example.com/m%2Fv4":              "https://example.com/m%2Fv4",
		"http://[::1]:8081":                       "http://[::1]:8081",
		"http://localhost":                        "http://localhost",
		"https://example.com/caf%C3%A9/metrics v": "https://example.com/caf%C3%A9/metrics%20v",
	} {
		c, err := New(Options{BaseURL: base})
		if err != nil {
			t.Errorf("%s: %v", base, err)
			continue
		}
		if c.base.String() != want {
			t.Errorf("%s: requests go to %s…, want %s…", base, c.base, want)
		}
	}
}

func TestDefaults(t *testing.T) {
	o, _, err := Options{BaseURL: "https://api.example.com"}.withDefaults()
	if err != nil {
		t.Fatal(err)
	}
	if o.MaxConcurrent != 16 || o.Timeout != 10*time.Second || o.CallTimeout != 30*time.Second ||
		o.MaxBodyBytes != 32<<20 ||
		o.Retry != (Retry{Tries: 3, Base: 250 * time.Millisecond, Max: 5 * time.Second, Budget: 0.1, Reserve: 100}) ||
		o.Breaker != (Breaker{Failures: 10, Window: time.Minute, OpenFor: 5 * time.Second}) ||
		o.MinConcurrent != 2 || o.MaxWaiting != 1024 || o.FirstByteTimeout != o.Timeout {
		t.Errorf("defaults are %+v, not those documented", o)
	}
	o, _, err = Options{BaseURL: "https://api.example.com", MaxConcurrent: 1}.withDefaults()
	if err != nil || o.MinConcurrent != 1 {
		t.Errorf("with MaxConcurrent 1, MinConcurrent is %d (%v)", o.MinConcurrent, err)
	}
}
