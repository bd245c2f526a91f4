package upstreamtest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"deliverygraph/upstream"
)

// Run checks a server of the REST API, with the data of [Sample], against the API's document and, where that is silent,
// against what this project has settled. It checks everything that [RunAPI] does, over HTTP and with the exact format
// of every answer. It also checks what is specific to HTTP: both formats of times, escaping, invalid parameters,
// methods, Accept, paths and keys. Run calls newServer once. It must return a server over these rows. If the server
// needs a key, the key must give access to all users.
func Run(t *testing.T, newServer func(t *testing.T, rows Rows) Server) {
	s := httpSuite{newServer(t, Sample())}
	t.Run("API", func(t *testing.T) {
		RunAPI(t, func(*testing.T, Rows) upstream.Asker { return plain{s.server} })
	})
	t.Run("equivalent requests get equal answers", s.equivalent)
	t.Run("invalid parameters get 452", s.wrongParameters)
	t.Run("unknown paths get 404", s.unknownPaths)
	t.Run("trailing slashes are ignored", s.slashes)
	t.Run("paths of details", s.detailPaths)
	t.Run("other methods get 405", s.methods)
	t.Run("HEAD is GET without a body", s.head)
	t.Run("Accept", s.accept)
	t.Run("API key", s.key)
}

type httpSuite struct{ server Server }

// get requests a raw path and query string.
func (s httpSuite) get(t *testing.T, pathAndQuery string, change ...func(http.Header)) answer {
	t.Helper()
	return s.do(t, http.MethodGet, pathAndQuery, change...)
}

func (s httpSuite) do(t *testing.T, method, pathAndQuery string, change ...func(http.Header)) answer {
	t.Helper()
	h := s.server.headers()
	for _, f := range change {
		f(h)
	}
	a, err := s.server.do(t.Context(), method, pathAndQuery, h)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// refused checks that an answer is an error with this status that names the parameter.
func refused(t *testing.T, a answer, status int, parameter string) {
	t.Helper()
	if a.status != status {
		t.Errorf("status %d, want %d: %.200s", a.status, status, a.body)
		return
	}
	named, message, err := readError(a)
	if err != nil {
		t.Error(err)
	} else if named != parameter {
		t.Errorf("the error names %q, want %q: %s", named, parameter, message)
	}
}

// day is the window of [SampleDay] as parameters.
const day = "start_time=1479772800&end_time=1479859200"

// crowdDay is the window of [SampleCrowd]'s day.
const crowdDay = "start_time=1480118400&end_time=1480204800"

// equivalent checks that different spellings of a request get the same bytes.
func (s httpSuite) equivalent(t *testing.T) {
	for name, test := range map[string]struct {
		path string
		ways []string // the first is the simplest
	}{
		"times in Unix seconds or ISO 8601 with any offset": {"/email/counts", []string{
			"start_time=1479772800&end_time=1479774600",
			"start_time=2016-11-22T00:00:00Z&end_time=2016-11-22T00:30:00Z",
			"start_time=2016-11-22T00:00:00&end_time=2016-11-22T00:30:00", // UTC by default
			"start_time=2016-11-22T01:00:00%2B01:00&end_time=2016-11-21T19:30:00-05:00",
			"start_time=2016-11-22T00%3A00%3A00.000Z&end_time=20161122T003000Z",
			"start_time=1479772800&end_time=2016-11-22T00:30:00Z",
		}},
		"parameters in any order": {"/bounces", []string{
			day + "&user_id=20&bounce_type=soft",
			"bounce_type=soft&user_id=20&end_time=1479859200&start_time=1479772800",
		}},
		"offset defaults to 0":         {"/bounces", []string{day, day + "&offset=0"}},
		"rollup_to defaults to sender": {"/bounce/counts", []string{day, day + "&rollup_to=sender"}},
		"a numeric sender is a sender id": {"/emails", []string{
			day + "&sender_id=23", day + "&sender=23", day + "&sender=23&sender_id=23",
		}},
		"a space is %20 or +": {"/emails", []string{
			crowdDay + "&X-District=New%20Hampshire", crowdDay + "&X-District=New+Hampshire",
		}},
		"header names in any case": {"/emails", []string{
			day + "&X-Campaign=spring", day + "&x-campaign=spring", day + "&X-CAMPAIGN=spring",
		}},
		"unnecessary escapes": {"/emails", []string{
			day + "&recipient=plus%2Btag@example.net", day + "&recipient=%70lus%2btag%40example%2Enet",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			first := s.get(t, test.path+"?"+test.ways[0])
			if first.status != http.StatusOK || len(first.body) <= len(`{"data":[]}`) {
				t.Fatalf("status %d, %.200s: want some rows", first.status, first.body)
			}
			for _, way := range test.ways[1:] {
				if a := s.get(t, test.path+"?"+way); a.status != http.StatusOK || string(a.body) != string(first.body) {
					t.Errorf("%s: status %d, %.200s; want the same as %s: %.200s",
						way, a.status, a.body, test.ways[0], first.body)
				}
			}
		})
	}
	t.Run("a numeric sender and another sender_id match nothing", func(t *testing.T) {
		if a := s.get(t, "/emails?"+day+"&sender=23&sender_id=24"); string(a.body) != `{"data":[]}` {
			t.Errorf("status %d, %.200s: want no rows", a.status, a.body)
		}
	})
	t.Run("a plus sign in an address must be escaped", func(t *testing.T) {
		if a := s.get(t, "/emails?"+day+"&recipient=plus+tag@example.net"); string(a.body) != `{"data":[]}` {
			t.Errorf("status %d, %.200s: want no rows, since + means a space", a.status, a.body)
		}
	})
}

func (s httpSuite) unknownPaths(t *testing.T) {
	for _, path := range []string{
		"/", "/Bounces", "/BOUNCES", "//bounces", "/bounces//", "/bounce", "/Bounce/categories", "/email",
		"/emails/counts", "/email/Counts", "/blocked_emails", "/blocked-email/categories", "/bounces.json",
		"/v4/bounces", "/rest/json/bounces",
	} {
		t.Run(path, func(t *testing.T) { refused(t, s.get(t, path+"?"+day), http.StatusNotFound, "") })
	}
}

func (s httpSuite) slashes(t *testing.T) {
	for _, path := range []string{"/bounces", "/emails", "/blocked-email/counts", "/blocked-email/reasons"} {
		query := "?" + day
		if path == "/blocked-email/reasons" {
			query = ""
		}
		want, got := s.get(t, path+query), s.get(t, path+"/"+query)
		if got.status != http.StatusOK || string(got.body) != string(want.body) {
			t.Errorf("%s/: status %d, %.200s; want %.200s", path, got.status, got.body, want.body)
		}
	}
}

func (s httpSuite) detailPaths(t *testing.T) {
	escaped := url.PathEscape(oddEmailID)
	for path, want := range map[string]struct {
		status    int
		parameter string
	}{
		"/bounce/22/19/1479790860/" + escaped:        {200, ""},
		"/bounce/22/19/1479790860/" + escaped + "x":  {404, ""},
		"/bounce/22/19/1479790861/" + escaped:        {404, ""},
		"/bounce/19/22/1479790860/" + escaped:        {404, ""}, // user and sender in the wrong order
		"/bounce/a/19/1479790860/" + escaped:         {452, "user_id"},
		"/bounce/22/-19/1479790860/" + escaped:       {452, "sender_id"},
		"/bounce/22/19/yesterday/" + escaped:         {452, "bounce_time"},
		"/bounce/22/19/1479790860":                   {452, "email_id"},
		"/bounce/22/19/1479790860/":                  {452, "email_id"},
		"/bounce/22/19":                              {452, "bounce_time"},
		"/bounce/22":                                 {452, "sender_id"},
		"/bounce/":                                   {452, "user_id"},
		"/bounce//19/1479790860/" + escaped:          {452, "user_id"},
		"/bounce/22/19/1479790860/" + escaped + "/":  {200, ""},
		"/bounce/22/19/1479790860/" + escaped + "//": {452, "email_id"},
		"/bounce/22/19/1479790860/" + escaped + "/x": {452, "email_id"},
	} {
		t.Run(path, func(t *testing.T) {
			a := s.get(t, path)
			if want.status != http.StatusOK {
				refused(t, a, want.status, want.parameter)
			} else if a.status != want.status {
				t.Errorf("status %d, want %d: %.200s", a.status, want.status, a.body)
			}
		})
	}
}

func (s httpSuite) methods(t *testing.T) {
	for _, path := range []string{
		"/bounces?" + day, "/email/counts?" + day, "/bounce/categories", "/bounce/22/19/1479790860/x",
	} {
		for _, method := range []string{
			http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions,
		} {
			t.Run(method+" "+path, func(t *testing.T) {
				a := s.do(t, method, path)
				if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "GET, HEAD" {
					t.Fatalf("status %d, Allow %q; want 405, GET and HEAD", a.status, a.header.Get("Allow"))
				}
				refused(t, a, http.StatusMethodNotAllowed, "")
			})
		}
	}
}

// head checks that HEAD gets the answer to GET without the body.
func (s httpSuite) head(t *testing.T) {
	for _, path := range []string{
		"/bounces?" + day, "/email/counts?" + day, "/bounce/categories", "/bounce/22/19/1479790860/x",
		"/bounces", "/nothing",
	} {
		t.Run(path, func(t *testing.T) {
			want, got := s.get(t, path), s.do(t, http.MethodHead, path)
			if got.status != want.status || len(got.body) != 0 {
				t.Errorf("status %d, %d bytes; want %d, none", got.status, len(got.body), want.status)
			}
			for _, name := range []string{"Content-Type", "Content-Length", "Cache-Control"} {
				if got, want := got.header.Get(name), want.header.Get(name); got != want {
					t.Errorf("%s %q, want %q", name, got, want)
				}
			}
		})
	}
}

func (s httpSuite) accept(t *testing.T) {
	for accept, want := range map[string]int{
		"":                                  200,
		"application/json":                  200,
		"Application/JSON":                  200,
		"application/json; charset=utf-8":   200,
		"application/*":                     200,
		"*/*":                               200,
		"text/html, application/json;q=0.1": 200,
		"text/html,application/xhtml+xml,*/*;q=0.8":  200,
		"*/*;q=0, application/json":                  200,
		"application/json;q=0.001":                   200,
		"text/html":                                  406,
		"application/xml":                            406,
		"text/*":                                     406,
		"application/json;q=0":                       406,
		"application/json;q=0.000, */*":              406,
		"*/*;q=0":                                    406,
		"application/*;q=0, text/html, */*;q=0.5":    406,
		"application/jsonp":                          406,
		"application/json;q=high, text/html;q=0.999": 406,
		`application/json;profile="a, b"`:            200,
		`application/json;profile="a;q=0"`:           200,
		`text/html;profile="a, application/json"`:    406,
	} {
		t.Run(accept, func(t *testing.T) {
			a := s.get(t, "/bounce/categories", func(h http.Header) {
				h.Del("Accept")
				if accept != "" {
					h.Set("Accept", accept)
				}
			})
			if want != http.StatusOK {
				refused(t, a, want, "")
			} else if a.status != want {
				t.Errorf("status %d, want %d: %s", a.status, want, a.body)
			}
		})
	}
	t.Run("several Accept headers are one list", func(t *testing.T) {
		a := s.get(t, "/bounce/categories", func(h http.Header) {
			h["Accept"] = []string{"text/html", "application/json"}
		})
		if a.status != http.StatusOK {
			t.Errorf("status %d, want 200", a.status)
		}
	})
}

// key checks that each endpoint rejects wrong keys.
func (s httpSuite) key(t *testing.T) {
	if s.server.Key == "" {
		t.Skip("the server does not ask for a key")
	}
	right := "apikey=" + s.server.Key
	for _, path := range []string{
		"/bounces?" + day, "/emails?" + day, "/blocked-emails?" + day,
		"/bounce/counts?" + day, "/email/counts?" + day, "/blocked-email/counts?" + day,
		"/bounce/categories", "/blocked-email/reasons", "/bounce/22/19/1479790860/x", "/bounces",
	} {
		for name, header := range map[string][]string{
			"none":           nil,
			"empty":          {""},
			"wrong":          {"apikey=0123456789abcdef0123456789abcdef"},
			"truncated":      {right[:len(right)-1]},
			"extended":       {right + "x"},
			"without apikey": {s.server.Key},
			"another scheme": {"Bearer " + s.server.Key},
			"upper case":     {"APIKEY=" + s.server.Key},
			"two headers":    {right, right},
		} {
			t.Run(fmt.Sprintf("%s at %s", name, path), func(t *testing.T) {
				refused(t, s.get(t, path, func(h http.Header) { h["Authorization"] = header }), 451, "")
			})
		}
		t.Run("as a parameter at "+path, func(t *testing.T) {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			refused(t, s.get(t, path+separator+right, func(h http.Header) { h.Del("Authorization") }), 451, "")
		})
	}
}
