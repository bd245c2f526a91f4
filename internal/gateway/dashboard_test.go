package gateway

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/web/site/sitetest"
	"deliverygraph/upstream/embedded/demo"
)

// text returns an expression for what an element of the page shows.
func text(selector string) string {
	return fmt.Sprintf("(document.querySelector(%q)?.innerText ?? '')", selector)
}

// phone makes the page as small as on a phone, or as large as on a desk.
func phone(b *sitetest.Browser, small bool) {
	width, height := 1280, 900
	if small {
		width, height = 375, 800
	}
	b.Do("Emulation.setDeviceMetricsOverride", map[string]any{
		"width": width, "height": height, "deviceScaleFactor": 1, "mobile": small,
	}, nil)
}

// An operator finds both incidents of the demo data, behind a proxy that cuts a path prefix.
func testIncidents(t *testing.T, p *program, now time.Time) {
	b := sitetest.Open(t)
	target, err := url.Parse(strings.TrimSuffix(p.graphql, "/graphql"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/pre/fix/", http.StripPrefix("/pre/fix", &httputil.ReverseProxy{
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ErrorLog: log.New(io.Discard, "", 0), // the page cancels requests that nothing waits for any more
	}))
	proxy := httptest.NewServer(mux)
	defer proxy.Close()

	phone(b, false)
	b.Load(proxy.URL + "/pre/fix/dashboard#window=P90D")
	for _, i := range []struct {
		demo.Incident
		card string
	}{{demo.BadImport(now), "#hardBounced"}, {demo.PolicyRefusal(now), "#softBounced"}} {
		start := time.Unix(int64(i.Window.Start), 0).UTC()
		end := time.Unix(int64(i.Window.End), 0).UTC()
		day := start.Format("Mon 2 Jan")
		b.Until(text(i.card+" .readout") + `.startsWith("Worst day: ` + day + `:")`)
		b.Screenshot("90 days")

		b.Eval(fmt.Sprintf(`document.querySelector(%q).click()`, i.card+" .readout button"), nil)
		b.Until(text(i.card+" .readout") + `.startsWith("Worst hour: ` + day + `")`)
		b.Until(`document.querySelectorAll("[aria-busy=true]").length === 0`)
		var worst string
		b.Eval(text(i.card+" .readout"), &worst)
		hour, err := time.Parse("15:04", strings.TrimPrefix(worst, "Worst hour: "+day+" ")[:5])
		if err != nil || hour.Hour() < start.Hour() || hour.Hour() >= end.Hour() {
			t.Errorf("%s: the page shows %q", i.Title, worst)
		}
		var sender string
		b.Eval(text("#senders tbody th"), &sender)
		if sender != i.Sender {
			t.Errorf("%s: the sender with the most bounces is %q, want %q", i.Title, sender, i.Sender)
		}
		b.Screenshot(i.Sender)
		if i.Domain != "" {
			checkFilters(t, b, i.Incident)
		}
		b.Eval(`history.back()`, nil)
	}

	// Each chart has its table, and the page fits a phone.
	b.Until(text("#shown") + ` !== ""`)
	b.Eval(`document.querySelector("#hardBounced details").open = true`, nil)
	b.Until(`document.querySelectorAll("#hardBounced tbody tr").length > 80`)
	phone(b, true)
	b.Until(`document.documentElement.scrollWidth <= 375`)
	b.Screenshot("phone")
	phone(b, false)

	for _, problem := range b.Problems() {
		t.Errorf("the page complains: %s", problem)
	}

	// A panel's query opens in the playground.
	b.Eval(`document.querySelector("#rates .query").click()`, nil)
	b.AwaitLoad("the playground")
	b.Until(`document.querySelector(".graphiql-query-editor .CodeMirror")?.CodeMirror.getValue()` +
		`.startsWith("query Rates(")`)
	for _, url := range b.Requests() {
		if !strings.HasPrefix(url, proxy.URL+"/pre/fix/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s, outside of %s/pre/fix/", url, proxy.URL)
		}
	}
}

// checkFilters clicks the provider and the category of an incident, which the page shows first, and checks that the
// other panels follow.
func checkFilters(t *testing.T, b *sitetest.Browser, i demo.Incident) {
	t.Helper()
	const category = "policy-related"
	first := func(panel string) string { return text("#" + panel + " tbody th") }
	quiet := `document.querySelectorAll("[aria-busy=true]").length === 0`
	b.Until(first("providers") + fmt.Sprintf(".startsWith(%q)", i.Domain))
	b.Until(first("categories") + fmt.Sprintf(".startsWith(%q)", category))
	b.Until(first("diagnostics") + `.includes("policy")`)
	b.Screenshot("incident")
	var all, of, both string
	b.Eval(text("#softBounced .total"), &all)
	b.Eval(`document.querySelector("#providers tbody button").click()`, nil)
	b.Until(text(".filters") + fmt.Sprintf(".includes(%q)", i.Domain))
	b.Until(text("#softBounced .total") + fmt.Sprintf(" !== %q && ", all) + quiet)
	b.Eval(text("#softBounced .total"), &of)
	b.Until(first("senders-filtered") + fmt.Sprintf(" === %q", i.Sender))
	b.Eval(`document.querySelector("#categories tbody button").click()`, nil)
	b.Until(text(".filters") + fmt.Sprintf(".includes(%q)", category))
	b.Until(text("#hardBounced .total") + `.startsWith("0 of ") && ` + quiet)
	b.Eval(text("#softBounced .total"), &both)
	count := func(total string) (bounces, sent int) {
		if _, err := fmt.Sscanf(strings.ReplaceAll(total, ",", ""), "%d of %d", &bounces, &sent); err != nil {
			t.Errorf("the page shows %q: %v", total, err)
		}
		return bounces, sent
	}
	bounces, sent := count(all)
	ofBounces, ofSent := count(of)
	bothBounces, bothSent := count(both)
	if ofBounces > bounces || ofSent >= sent || bothBounces > ofBounces || bothSent != ofSent || bothBounces == 0 {
		t.Errorf("soft bounces are %q, of the provider %q, of its category %q", all, of, both)
	}
	b.Until(text("#blocked") + `.includes("Blocked emails have no category")`)
	b.Screenshot("filtered")
	for range 2 {
		b.Eval(`document.querySelector(".filter").click()`, nil)
	}
	b.Until(`document.querySelectorAll(".filter").length === 0`)
	b.Until(text("#softBounced .total") + fmt.Sprintf(" === %q", all))
	b.Eval(`history.go(-3)`, nil)
	b.Until(`document.querySelectorAll(".filter").length === 1`)
	b.Eval(`history.back()`, nil)
	b.Until(`document.querySelectorAll(".filter").length === 0 && ` + quiet)
}

// The page updates itself every minute. When the gateway is gone, it says so and keeps what it showed.
func TestDashboardUpdatesItselfAndSaysWhenItCannot(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	p := start(t)
	b.Do("Page.addScriptToEvaluateOnNewDocument", map[string]any{"source": `
		const realTimeout = setTimeout;
		window.setTimeout = (f, ms, ...rest) => realTimeout(f, ms === 60000 ? 100 : ms, ...rest);`}, nil)
	end := time.Now().UTC().Truncate(time.Hour) // a window that does not move, so that its figures stay
	b.Load(strings.TrimSuffix(p.graphql, "graphql") + "dashboard/#from=" +
		end.Add(-24*time.Hour).Format(time.RFC3339) + "&to=" + end.Format(time.RFC3339))
	b.Until(text("#status") + `.startsWith("Updated ")`)
	b.Until(`performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/graphql")).length > 20`)
	var figure, later string
	b.Eval(text("#hardBounced .figure"), &figure)
	p.stop()
	b.Until(text("#status") + `.includes("The last update failed at ")`)
	b.Until(text("main > .note") + ` === "The gateway does not answer."`)
	b.Eval(text("#hardBounced .figure"), &later)
	if later != figure || !strings.Contains(later, "%") {
		t.Errorf("the page showed %q, and %q when the gateway was gone", figure, later)
	}
	b.Screenshot("stale")
}

// Where the gateway requires authentication, the page asks for a key, keeps it for the tab, and shows that caller's
// data.
func TestDashboardAsksForAKey(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	keys := filepath.Join(t.TempDir(), "keys")
	key, line, err := auth.NewKey(auth.Caller{Name: "tester", Users: auth.Only(21), Scopes: auth.MetricsRead})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--auth-keys", keys)
	b.Load(strings.TrimSuffix(p.graphql, "graphql") + "dashboard/")
	give := func(key string) {
		b.Until(`document.querySelector("form.key")?.hidden === false`)
		b.Eval(fmt.Sprintf(`document.querySelector("#key").value = %q;
			document.querySelector("form.key button").click()`, key), nil)
	}
	b.Until(text("form.key") + `.includes("Enter your API key")`)
	b.Screenshot("key")
	give("wrong")
	b.Until(text("form.key .note") + ` !== ""`)
	give(key)
	b.Until(text("#hardBounced .figure") + `.includes("%")`)
	b.Until(`document.querySelector("form.key").hidden`)
	var users []string
	b.Eval(`[...document.querySelector("#user").options].map((o) => o.value)`, &users)
	if !slices.Equal(users, []string{"", "21"}) {
		t.Errorf("the users to choose from are %q", users)
	}
	b.Until(text("#diagnostics") + `.includes("need the scope content:read")`)
	b.Eval(`location.hash = "recipient=someone%40example.com"`, nil)
	b.Until(text("#recipient") + `.includes("needs the scope recipients:read")`)
	b.Reload()
	b.Until(text("#hardBounced .figure") + `.includes("%")`)
	var stored string
	b.Eval(`JSON.stringify(localStorage) + location.href`, &stored)
	if strings.Contains(stored, key) {
		t.Errorf("the key outlives the tab: %s", stored)
	}
}

// A window that ends before it starts is refused until it is corrected, and an update does not undo what was entered.
func TestDashboardWindowCanBeCorrected(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	p := start(t)
	b.Load(strings.TrimSuffix(p.graphql, "graphql") + "dashboard/#from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
	b.Until(text("#shown") + `.includes("1 Jan")`)
	enter := func(end string) {
		b.Eval(fmt.Sprintf(`document.querySelector("#to").value = %q;
			document.querySelector("#to").dispatchEvent(new Event("input", { bubbles: true }))`, end), nil)
	}
	const submit = `document.querySelector(".between button").click()`
	enter("2025-12-31T00:00")
	b.Eval(submit, nil)
	b.Until(`!document.querySelector("#to").validity.valid`)
	enter("2026-01-03T00:00")
	b.Until(`document.querySelector("#status time")`)
	b.Eval(`window.asked = performance.getEntriesByType("resource").length;
		document.querySelector("#update").click()`, nil)
	b.Until(`performance.getEntriesByType("resource").length > window.asked`)
	b.Eval(submit, nil)
	b.Until(`location.hash.includes("2026-01-03")`)

	for hash, said := range map[string]string{
		"from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z": "does not end after it begins, so it is ignored",
		"from=2026-01-02T00:00:00Z":                         "does not end after it begins, so it is ignored",
		"window=bogus":                                      "The window “bogus” in",
		"user=abc":                                          "The user “abc” in",
	} {
		b.Eval(fmt.Sprintf("location.hash = %q", hash), nil)
		b.Until(text(".controls .note") + fmt.Sprintf(".includes(%q)", said))
		b.Until(`document.querySelector("#window").value === "P7D" && ` +
			text("#hardBounced .figure") + `.includes("%")`)
	}
	b.Eval(`location.hash = "window=PT24H"`, nil)
	b.Until(`document.querySelector(".controls .note").hidden`)
}

// A support person looks up one recipient.
func TestDashboardSaysWhatHappenedToARecipient(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	p := start(t)
	blocked := p.query(`{ blockedEmails(window: {last: "P90D"}, filter: {reason: "hardbounce"}, first: 1) {
		nodes { recipient } } }`, nil)
	address := at(at(blocked, "blockedEmails", "nodes").([]any)[0], "recipient").(string)
	suppression := at(p.query(`query ($address: String!) {
		recipient(address: $address) { suppression { verdict because { at } } } }`, map[string]any{"address": address}),
		"recipient", "suppression")
	words := map[string]string{
		"BLOCKED": "is blocked.", "LIKELY_BLOCKED": "is probably blocked.", "NO_EVIDENCE": "No sign that",
	}[at(suppression, "verdict").(string)]
	moment, err := time.Parse(time.RFC3339, at(at(suppression, "because").([]any)[0], "at").(string))
	if err != nil {
		t.Fatal(err)
	}

	b.Load(strings.TrimSuffix(p.graphql, "graphql") + "dashboard/")
	b.Until(`document.querySelector("#address")`)
	b.Eval(fmt.Sprintf(`document.querySelector("#address").value = %q;
		document.querySelector(".search button").click()`, address), nil)
	b.Until(text("#recipient .verdict") + fmt.Sprintf(".includes(%q)", words))
	b.Until(text("#recipient .verdict") + fmt.Sprintf(".includes(%q)", moment.Format("Mon 2 Jan 15:04")))
	b.Until(text("#recipient tbody") + `.includes("Blocked: hardbounce")`)
	b.Screenshot("recipient")
	b.Eval(`location.hash = "recipient=unknown%40example.com"`, nil)
	b.Until(text("#recipient .verdict") + `.includes("Nothing is known about this address.")`)
	b.Until(`document.querySelector("#recipient .verdict.good") === null`)
	for _, url := range b.Requests() {
		if strings.Contains(url, address) || strings.Contains(url, "%40") {
			t.Errorf("the page sent the address in a URL: %s", url)
		}
	}
}

// A provider with many domains is filtered by those with the most bounces, and their counts add up.
func TestDashboardAddsUpTheDomainsOfAProvider(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	at := time.Now().Add(-30 * time.Minute).Unix()
	var rows strings.Builder
	fmt.Fprintf(&rows, `{"kind": "sender", "user_id": 21, "sender_id": 17, "sender": "bounces+%s@example.com"}`+"\n",
		strings.Repeat("x", 300))
	for n := range 19 { // two emails to each domain of a provider, of which one bounced; and one that bounced elsewhere
		domain := []string{"outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.fr", "hotmail.fr", "live.fr",
			"hotmail.de", "live.de", "example.org"}[n/2]
		common := fmt.Sprintf(`"user_id": 21, "sender_id": 17, "email_id": "%s.%d@mail1-1-ussnn1", `+
			`"email_address": "someone@%s", "process_time": %d`,
			time.Unix(at, 0).UTC().Format("20060102150405"), n, domain, at)
		fmt.Fprintf(&rows, `{"kind": "email", %s, "delivered": %t}`+"\n", common, n%2 == 1)
		if n%2 == 0 {
			fmt.Fprintf(&rows, `{"kind": "bounce", %s, "bounce_time": %d, "bounce_type": "hard", `+
				`"bounce_category": "bad-mailbox"}`+"\n", common, at)
		}
	}
	data := filepath.Join(t.TempDir(), "data.db")
	if code, said := importing(t, rows.String(), "--data", data, "-"); code != 0 {
		t.Fatalf("import ended with %d:\n%s", code, said)
	}
	p := start(t, "--data", data)
	b.Load(strings.TrimSuffix(p.graphql, "graphql") + "dashboard/")
	phone(b, false)
	b.Until(text("#hardBounced .total") + ` === "10 of 19 emails"`)
	b.Until(text("#sender") + `.includes("xxx")`)
	b.Until(`document.documentElement.scrollWidth <= innerWidth`)
	b.Until(text("#providers tbody th") + ` === "Microsoft"`)
	b.Eval(`document.querySelector("#providers tbody button").click()`, nil)
	b.Until(text(".filters") + `.includes("only its 8 domains with the most bounces, of 9")`)
	b.Until(text("#hardBounced .total") + ` === "8 of 16 emails"`)
	b.Until(text("#softBounced .total") + ` === "0 of 16 emails"`)
	b.Until(text("#categories caption") + `.startsWith("8 bounces, ")`)
	b.Until(text("#senders-filtered tbody tr") + `.includes("50.0%")`)
}
