package upstreamtest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// Parameters of all lists and of all counts.
var (
	listNames = []string{
		"start_time", "end_time", "user_id", "sender", "sender_id", "offset", "domain", "local", "recipient", "X-Name",
	}
	countNames = []string{"start_time", "end_time", "user_id", "sender_id", "rollup_to", "timeseries"}
)

// parametersOf are the parameters in the query string of each endpoint.
var parametersOf = map[string][]string{
	"/bounces":              slices.Concat(listNames, []string{"bounce_type", "bounce_category"}),
	"/emails":               slices.Concat(listNames, []string{"delivered"}),
	"/blocked-emails":       slices.Concat(listNames, []string{"blocked_reason"}),
	"/bounce/counts":        slices.Concat(countNames, []string{"bounce_type"}),
	"/email/counts":         countNames,
	"/blocked-email/counts": countNames,
}

// rightValues are valid values of each parameter.
var rightValues = map[string]string{
	"start_time": "1479772800", "end_time": "1479859200", "user_id": "20",
	"sender": "sender23@example.com", "sender_id": "23", "offset": "1",
	"domain": "example.com", "local": "edge1", "recipient": "edge1@example.com",
	"bounce_type": "soft", "bounce_category": "bad-mailbox", "delivered": "1", "blocked_reason": "manual",
	"rollup_to": "user", "timeseries": "day", "X-Name": "value",
}

// wrongValues are invalid values of each parameter.
var wrongValues = map[string][]string{
	"start_time": {
		"", "yesterday", "2016-13-01T00:00:00Z", "2016-11-22T25:00:00Z", "12:00", "1479772800x", "1e9",
		"1479772800000000", "%zz",
	},
	"end_time":    {"", "tomorrow", "2016-02-30", "1479859200,5", "99999999999999999999"},
	"user_id":     {"", "abc", "0", "-1", "1.5", "99999999999999999999", "20,21", "%2B20"},
	"sender_id":   {"", "abc", "0", "-1", "1.5", "99999999999999999999", "sender23@example.com"},
	"offset":      {"", "-1", "1.5", "abc", "99999999999999999999", "%2B1", "0x10"},
	"bounce_type": {"", "medium", "Hard", "SOFT"},
	"delivered":   {"", "0", "2", "true", "yes"},
	"rollup_to":   {"", "account", "User", "sender_id"},
	"timeseries":  {"", "minute", "Day", "week", "1"},
	"sender":      {""}, "domain": {"", "%ff"}, "local": {"", "%"}, "recipient": {""}, "bounce_category": {""},
	"blocked_reason": {""}, "X-Name": {"", "%e2%82"},
}

func (s httpSuite) wrongParameters(t *testing.T) {
	for path, known := range parametersOf {
		// query returns a URL with the window and one parameter, which may be part of the window.
		query := func(name, value string) string {
			pairs := []string{name + "=" + value}
			for _, window := range []string{"start_time", "end_time"} {
				if window != name {
					pairs = append(pairs, window+"="+rightValues[window])
				}
			}
			return path + "?" + strings.Join(pairs, "&")
		}
		t.Run(path, func(t *testing.T) {
			for name, right := range rightValues {
				if !slices.Contains(known, name) {
					refused(t, s.get(t, query(name, right)), 452, name)
					continue
				}
				if a := s.get(t, query(name, right)); a.status != http.StatusOK {
					t.Errorf("%s=%s: status %d, want 200: %s", name, right, a.status, a.body)
				}
				for _, wrong := range wrongValues[name] {
					t.Run(name+"="+wrong, func(t *testing.T) { refused(t, s.get(t, query(name, wrong)), 452, name) })
				}
				t.Run(name+" twice", func(t *testing.T) {
					refused(t, s.get(t, query(name, right)+"&"+name+"="+right), 452, name)
				})
				if upper := strings.ToUpper(name[:1]) + name[1:]; upper != name {
					t.Run(upper, func(t *testing.T) { refused(t, s.get(t, query(upper, right)), 452, upper) })
				}
			}
			for _, unknown := range []string{
				"start", "limit", "sender_ids", "xheaders", "apikey", "", "page", "user%5Fid%5B%5D",
			} {
				t.Run("unknown "+unknown, func(t *testing.T) {
					name, err := url.PathUnescape(unknown)
					if err != nil {
						t.Fatal(err)
					}
					refused(t, s.get(t, query(unknown, "1")), 452, name)
				})
			}
			for name, test := range map[string]struct{ query, parameter string }{
				"no parameters":                  {"", "start_time"},
				"no start_time":                  {"end_time=1479859200", "start_time"},
				"no end_time":                    {"start_time=1479772800", "end_time"},
				"an empty window":                {"start_time=1479772800&end_time=1479772800", "end_time"},
				"a reversed window":              {"start_time=1479859200&end_time=1479772800", "end_time"},
				"a reversed window, ISO 8601":    {"start_time=2016-11-23T00:00:00Z&end_time=1479772800", "end_time"},
				"a parameter without =":          {day + "&user_id", "user_id"},
				"an unknown parameter without =": {day + "&verbose", "verbose"},
			} {
				t.Run(name, func(t *testing.T) { refused(t, s.get(t, path+"?"+test.query), 452, test.parameter) })
			}
		})
	}
	t.Run("a fifth X- filter", func(t *testing.T) {
		refused(t, s.get(t, "/bounces?"+day+"&X-A=1&X-B=2&X-C=3&X-D=4&X-E=5"), 452, "X-E")
	})
	t.Run("an X- filter twice, in another case", func(t *testing.T) {
		refused(t, s.get(t, "/bounces?"+day+"&X-A=1&x-a=2"), 452, "x-a")
	})
	for _, path := range []string{"/bounce/categories", "/blocked-email/reasons", "/bounce/21/17/1479772800/x"} {
		t.Run("a query string at "+path, func(t *testing.T) {
			refused(t, s.get(t, path+"?user_id=21"), 452, "user_id")
		})
	}
}
