package resolvers_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"deliverygraph/upstream/upstreamtest"
)

// Errors of a remote are distinguished, and reported at the field that needs the call.
func TestUpstreamErrorsAreDistinguished(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	for name, c := range map[string]struct {
		call   string
		status int
		query  string
		code   string
		path   string
		says   string
	}{
		"452 to a list": {
			"/bounces", 452, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_REJECTED", "[bounces nodes]", "refused",
		},
		"400 to a list": {
			"/bounces", 400, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_REJECTED", "[bounces nodes]", "refused",
		},
		"452 to counts": {
			"/email/counts", 452, `{ stats(` + today + `) { sent } bounceCategories { code } }`, "UPSTREAM_REJECTED",
			"[stats sent]", "refused",
		},
		"451 to a list": {
			"/emails", 451, `{ emails(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_UNAUTHENTICATED", "[emails nodes]", "key",
		},
		"403 to a list": {
			"/emails", 403, `{ emails(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_UNAUTHENTICATED", "[emails nodes]", "key",
		},
		"404 to a list": {
			"/emails", 404, `{ emails(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[emails nodes]", "base URL",
		},
		"404 to counts": {
			"/email/counts", 404, `{ users(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[users nodes]", "base URL",
		},
		"404 to a catalogue": {
			"/blocked-email/reasons", 404, `{ blockedReasons { code } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[blockedReasons]", "base URL",
		},
		"404 to an email's list": {
			"/emails", 404, `{ node(id: "AUUoyAGApsCDDAF4eEBleGFtcGxlLmNvbQ") { id } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[node]", "base URL",
		},
		"404 to a detail": {
			"/bounce/2", 404,
			`{ bounce(userId: 20, senderId: 100, bouncedAt: 1479772800, emailId: "x") { id } ` +
				`bounceCategories { code } }`, "NOT_FOUND", "[bounce]", "no such bounce",
		},
		"404 to a row's detail": {
			"/bounce/2", 404, `{ bounces(` + today +
				`, first: 1) { nodes { detail { ruleName } } } bounceCategories { code } }`, "NOT_FOUND",
			"[bounces nodes 0 detail]", "no detail",
		},
		"503 to a list": {
			"/bounces", 503, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_UNAVAILABLE", "[bounces nodes]", "again",
		},
		"504 to a list": {
			"/bounces", 504, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_TIMEOUT", "[bounces nodes]", "again",
		},
		"500 to a list": {
			"/bounces", 500, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[bounces nodes]", "failed",
		},
		"503 to a filter's check": {
			"/bounce/categories", 503, `{ bounces(` + today +
				`, filter: {category: "unheard-of"}) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_UNAVAILABLE", "[bounceCategories]", "again",
		},
		"503 after a page's end": {
			"/bounces?start_time=1479855600", 503,
			`{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`, "", "", "",
		},
		"a list that is not JSON": {
			"/bounces", 200, `{ bounces(` + today + `) { nodes { id } } bounceCategories { code } }`,
			"UPSTREAM_INVALID_RESPONSE", "[bounces nodes]", "JSON",
		},
		"503 to a list's addresses": {
			"/bounce/counts", 503, `{ bounces(` + today +
				`, first: 1) { nodes { recipient sender { address } } } bounceCategories { code } }`,
			"UPSTREAM_UNAVAILABLE", "[bounces nodes 0 sender address]", "again",
		},
	} {
		t.Run(name, func(t *testing.T) {
			g.intruder(func(w http.ResponseWriter, r *http.Request) bool {
				if !strings.HasPrefix(r.URL.RequestURI(), c.call) {
					return false
				}
				http.Error(w, "secret "+r.Host, c.status)
				return true
			})
			resp := g.ask(c.query, nil)
			if c.code == "" {
				if len(resp.Errors) > 0 {
					t.Errorf("%+v", resp.Errors)
				}
				return
			}
			if len(resp.Errors) != 1 {
				t.Fatalf("%+v", resp)
			}
			e := resp.Errors[0]
			if e.Extensions["code"] != c.code || fmt.Sprint(e.Path) != c.path || !strings.Contains(e.Message, c.says) ||
				strings.Contains(e.Message, "secret") || strings.Contains(e.Message, "127.0.0.1") {
				t.Errorf("%+v", e)
			}
			if c.path != "[bounceCategories]" && len(list(resp.Data, "bounceCategories")) == 0 {
				t.Errorf("the rest is missing: %v", resp.Data)
			}
		})
	}
}

const oddBounce = `{
	"bounce_category":"other","bounce_code":"5.0.0","bounce_time":1479772800,"bounce_type":"%s",
	"domain":"example.com","email_address":"r@example.com","email_id":"x","local":"r","postback_time":0,
	"process_time":1479772800,"sender_id":100,"user_id":20,"xheaders":null
}`

// A bounce that is neither hard nor soft has no value in the schema. Only a query that selects its type fails.
func TestUnknownBounceTypeFailsOnlyItsField(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	g.respond("/bounces", `{"data": [`+fmt.Sprintf(oddBounce, "hard")+`, `+fmt.Sprintf(oddBounce, "firm")+`]}`)
	data := g.data(`{ bounces(`+today+`) { nodes { recipient code } } }`, nil)
	if n := len(list(data, "bounces", "nodes")); n != 2 {
		t.Errorf("%d rows", n)
	}
	resp := g.ask(`{ bounces(`+today+`) { nodes { recipient type } } bounceCategories { code } }`, nil)
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "UPSTREAM_INVALID_RESPONSE" ||
		fmt.Sprint(resp.Errors[0].Path) != "[bounces nodes 1 type]" || resp.Data["bounces"] != nil ||
		len(list(resp.Data, "bounceCategories")) == 0 {
		t.Errorf("%+v", resp)
	}
}

// The detail of a bounce that was not requested is not shown.
func TestDetailOfAnotherBounceIsNotShown(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	g.respond("/bounce/2", `{"data": `+strings.Replace(fmt.Sprintf(oddBounce, "hard"), `"user_id":20`,
		`"user_id":21,"diagnostic_code":"d","regex_name":"r","full_content":"c"`, 1)+`}`)
	resp := g.ask(`{ bounce(userId: 20, senderId: 100, bouncedAt: 1479772800, emailId: "x") { recipient } }`, nil)
	if len(resp.Errors) != 1 || resp.Errors[0].Extensions["code"] != "UPSTREAM_INVALID_RESPONSE" ||
		resp.Data["bounce"] != nil {
		t.Errorf("%+v", resp)
	}
}

// The catalogues are open sets: undescribed codes are listed and work as filters.
func TestUndescribedCodesAreListed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	g.respond("/bounce/categories", `{"data": ["bad-mailbox", "new-category"]}`)
	data := g.data(`{ bounceCategories { code description } blockedReasons { code description } bounces(`+today+
		`, filter: {category: "new-category"}) { totalCount } }`, nil)
	if got := fmt.Sprint(data["bounceCategories"]); got != "[map[code:bad-mailbox description:The recipient does not "+
		"exist.] map[code:new-category description:<nil>]]" {
		t.Error(got)
	}
	for _, r := range list(data, "blockedReasons") {
		if get(r, "description") == nil {
			t.Errorf("%v is not described", r)
		}
	}
	g.respond("/bounce/categories", `{"data": []}`)
	resp := g.ask(`{ bounces(`+today+`, filter: {category: "unheard-of"}) { totalCount } }`, nil)
	if len(resp.Errors) != 1 || !strings.Contains(resp.Errors[0].Message, `no code "unheard-of"; it has no codes`) {
		t.Errorf("%+v", resp.Errors)
	}
}
