package playground_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/playground"
	"deliverygraph/internal/web/site/sitetest"
)

// stub is a GraphQL endpoint with one field, which greets. It can describe its schema.
var stub = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	var o struct {
		Query     string
		Variables struct{ Name string }
	}
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/graphql-response+json")
	if strings.Contains(o.Query, "__schema") {
		description := ""
		if describesSchema.MatchString(o.Query) {
			description = `"description": "What **all** of it means.", `
		}
		w.Write([]byte(`{"data": {"__schema": {` + description + `
			"queryType": {"name": "Query"}, "mutationType": null, "subscriptionType": null, "directives": [],
			"types": [
				{"kind": "OBJECT", "name": "Query", "description": "What may be asked.", "interfaces": [], "fields": [{
					"name": "greeting", "description": "A greeting.",
					"args": [{"name": "name", "type": {"kind": "SCALAR", "name": "String"}}],
					"type": {"kind": "SCALAR", "name": "String"}
				}]},
				{"kind": "SCALAR", "name": "String"}, {"kind": "SCALAR", "name": "Boolean"}
			]}}}`))
		return
	}
	answer, _ := json.Marshal(map[string]any{"data": map[string]any{"greeting": "Good morning, " + o.Variables.Name}})
	w.Write(answer)
})

// describesSchema matches introspection queries that request the description of the schema itself.
var describesSchema = regexp.MustCompile(`__schema \{\s+description`)

const (
	ready       = `document.querySelector(".graphiql-query-editor .CodeMirror")`
	tabNames    = `[...document.querySelectorAll(".graphiql-tab-button")].map((e) => e.textContent)`
	clickRun    = `document.querySelector(".graphiql-execute-button").click()`
	shownAnswer = `document.querySelector(".result-window .CodeMirror").CodeMirror.getValue()`
	queryEditor = `document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror`
)

// A visitor's way through the page, behind a path prefix: first visit, a query, the panels, and a second visit.
func TestAVisitInABrowser(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	page, err := playground.New(playground.Options{Title: "Greetings", Demo: "All of it is made up.",
		Tabs: []playground.Tab{
			{
				Description: "Greets you.", Query: "query Greet($name: String) { greeting(name: $name) }",
				Variables: `{"name": "Ada"}`,
			},
			{Query: "query GreetNobody { greeting }"},
		}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/pre/fix/graphql", stub)
	mux.Handle("/pre/fix/", http.StripPrefix("/pre/fix", page))
	s := httptest.NewServer(mux)
	defer s.Close()

	b.Load(s.URL + "/pre/fix/")
	b.Until(ready)
	var names []string
	b.Eval(tabNames, &names)
	if want := []string{"Greet", "GreetNobody"}; !cmp.Equal(names, want) {
		t.Errorf("the tabs are %q, want %q", names, want)
	}
	var text string
	b.Eval(`document.body.innerText`, &text)
	for _, want := range []string{"Demo data. All of it is made up.", "Greetings"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not show %q", want)
		}
	}

	b.Eval(clickRun, nil)
	b.Until(shownAnswer + `.includes("Good morning, Ada")`)

	b.Eval(`document.querySelector("button[aria-label='Show Documentation Explorer']").click()`, nil)
	b.Until(`document.querySelector(".graphiql-plugin").innerText.includes("Query")`)
	b.Until(`document.querySelector(".graphiql-plugin strong")?.innerText === "all"`) // of the schema's own description
	b.Eval(`document.querySelector("button[aria-label='Open settings dialog']").click()`, nil)
	b.Until(`document.querySelector(".graphiql-dialog")`)
	b.Eval(`document.querySelector(".graphiql-dialog-close").click()`, nil)
	b.Until(`!document.querySelector(".graphiql-dialog")`)

	b.Screenshot("documentation")
	b.Eval(`document.querySelector("button[aria-label='Show Explorer']").click()`, nil)
	b.Until(`document.querySelector(".graphiql-plugin").innerText.includes("greeting")`)
	b.Screenshot("explorer")
	b.Eval(queryEditor+`.setValue("{ g }")`, nil)
	b.Eval(queryEditor+`.setCursor({line: 0, ch: 3})`, nil)
	b.Eval(queryEditor+`.focus()`, nil)
	b.PressCtrl(" ", "Space", 32)
	b.Until(queryEditor + `.getValue() === "{ greeting }" || ` +
		`document.querySelector(".CodeMirror-hints")?.innerText.includes("greeting")`)

	// A changed tab stays changed, and its example can be opened again. The tab is stored when the visitor leaves, even
	// right after typing.
	b.Eval(queryEditor+`.setValue("query Mine { greeting }"); location.reload()`, nil)
	b.AwaitLoad("a reload")
	b.Until(ready)
	b.Eval(tabNames, &names)
	if want := []string{"Mine", "GreetNobody"}; !cmp.Equal(names, want) {
		t.Errorf("on the second visit the tabs are %q, want %q", names, want)
	}
	b.Eval(`document.querySelector("button[aria-label='Show Examples']").click()`, nil)
	b.Until(`document.querySelector(".examples button")`)
	b.Eval(`document.querySelector(".examples button").click()`, nil)
	b.Until(tabNames + `.at(-1) === "Greet" && ` + queryEditor + `.getValue().includes("query Greet(")`)
	b.Eval(tabNames, &names)
	if !cmp.Equal(names, []string{"Mine", "GreetNobody", "Greet"}) {
		t.Errorf("with the example opened again the tabs are %q", names)
	}
	b.Eval(clickRun, nil)
	b.Until(shownAnswer + `.includes("Good morning, Ada")`)

	for _, problem := range b.Problems() {
		t.Errorf("the console has errors: %s", problem)
	}
	if !slices.Contains(b.Requests(), s.URL+"/pre/fix/graphql") {
		t.Errorf("the endpoint is not among the requests %q", b.Requests())
	}
	for _, url := range b.Requests() {
		if !strings.HasPrefix(url, s.URL+"/pre/fix/") && !strings.HasPrefix(url, "data:") {
			t.Errorf("the page asked for %s, outside of %s/pre/fix/", url, s.URL)
		}
	}
}

// Failures are shown as GraphQL errors, and a query that takes long can be stopped.
func TestFailuresAreShownInABrowser(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	page, err := playground.New(playground.Options{Tabs: []playground.Tab{{Query: "query Ask { greeting }"}}})
	if err != nil {
		t.Fatal(err)
	}
	asked, stopped := make(chan struct{}), make(chan struct{})
	modes := make(chan string, 8)
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		mode := "ordinary"
		if strings.Contains(r.Header.Get("X-Mode"), "set") {
			mode = <-modes
		}
		switch mode {
		case "html":
			w.WriteHeader(http.StatusBadGateway)
			w.Write([]byte("<h1>No upstream</h1>"))
		case "slow":
			buffer := make([]byte, 1<<16)
			for {
				if _, err := r.Body.Read(buffer); err != nil { // the server notices a client's leave after its body
					break
				}
			}
			close(asked)
			<-r.Context().Done()
			close(stopped)
		default:
			stub(w, r)
		}
	})
	s := httptest.NewServer(mux)
	defer s.Close()

	b.Load(s.URL + "/")
	b.Until(ready + ` && document.querySelectorAll(".graphiql-editor-tool .CodeMirror").length === 2`)
	b.Eval(`document.querySelectorAll(".graphiql-editor-tool .CodeMirror")[1].CodeMirror.setValue('{"X-Mode": "set"}')`,
		nil)

	modes <- "html"
	b.Eval(clickRun, nil)
	b.Until(shownAnswer + `.includes("The gateway answered 502 Bad Gateway without JSON: <h1>No upstream</h1>")`)

	modes <- "slow"
	b.Eval(clickRun, nil)
	<-asked
	b.Until(`document.querySelector(".graphiql-execute-button").getAttribute("aria-label").startsWith("Stop")`)
	b.Eval(clickRun, nil)
	<-stopped
	b.Until(`document.querySelector(".graphiql-execute-button").getAttribute("aria-label").startsWith("Execute")`)

	modes <- "ordinary"
	b.Eval(clickRun, nil)
	b.Until(shownAnswer + `.includes("Good morning")`)

	s.CloseClientConnections()
	s.Listener.Close()
	b.Eval(clickRun, nil)
	b.Until(shownAnswer + `.includes("Is the gateway running?")`)
}

// The operation on the screen runs, even right after a change of the text.
func TestTheOperationOnTheScreenRuns(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	page, err := playground.New(playground.Options{
		Tabs: []playground.Tab{{Query: "query First { greeting }"}, {Query: "subscription Second { greeting }"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	type sent struct{ Query, OperationName, accept string }
	operations := make(chan sent, 10)
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		o := sent{accept: r.Header.Get("Accept")}
		if err := json.Unmarshal(body, &o); err != nil {
			t.Error(err)
		}
		if o.OperationName != "IntrospectionQuery" {
			operations <- o
		}
		stub(w, r)
	})
	s := httptest.NewServer(mux)
	defer s.Close()

	b.Load(s.URL + "/")
	b.Until(ready)
	const runs = `document.querySelector(".graphiql-execute-button").getAttribute("aria-label").startsWith("Execute")`
	for _, c := range []struct{ how, query, want string }{
		{clickRun, "query Other { greeting }", "Other"},
		{clickRun, "{ greeting }", ""},
		{clickRun, "query Named { greeting }", "Named"},
		{clickRun, "query A { greeting } query B { greeting }", "A"},
		{"Ctrl-Enter", "query A { greeting } query B { greeting }", "B"}, // where the cursor is
		{"Ctrl-Enter", "query C { greeting }", "C"},
		{clickRun, "subscription D { greeting }", "D"},
		{clickRun, "query E { greeting }", "E"},
	} {
		b.Until(runs)
		text, err := json.Marshal(c.query)
		if err != nil {
			t.Fatal(err)
		}
		change := queryEditor + `.setValue(` + string(text) + `); `
		if c.how == clickRun {
			b.Eval(change+clickRun, nil)
		} else {
			b.Eval(change+queryEditor+`.setCursor(0, 100); `+queryEditor+`.focus()`, nil)
			b.PressCtrl("Enter", "Enter", 13)
		}
		got := within(t, operations)
		if got.Query != c.query || got.OperationName != c.want ||
			strings.Contains(got.accept, "event-stream") != strings.HasPrefix(c.query, "subscription") {
			t.Errorf("%s: %+v ran, want %s", c.query, got, c.want)
		}
	}
	b.Until(runs)
	b.Eval(`document.querySelectorAll(".graphiql-tab-button")[1].click()`, nil)
	b.Until(queryEditor + `.getValue().includes("Second")`)
	b.Eval(clickRun, nil)
	if got := within(t, operations); got.OperationName != "Second" || !strings.Contains(got.accept, "event-stream") {
		t.Errorf("after a change of the tab %+v ran, want Second", got)
	}
	b.Eval(queryEditor+`.setValue("query Shared { greeting }"); document.querySelector("button[aria-label='Copy a `+
		`link to this query']").click()`, nil)
	b.Until(`new URLSearchParams(location.hash.slice(1)).get("operationName") === "Shared"`)
}

// If the gateway requires a key, the documentation appears once the visitor has given one, and stays.
func TestDocumentationAppearsOnceAKeyIsGiven(t *testing.T) {
	t.Parallel()
	b := sitetest.Open(t)
	page, err := playground.New(playground.Options{
		Tabs: []playground.Tab{{Query: "query First { greeting }"}, {Query: "query Second { greeting }"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	asked := make(chan string, 100) // by which key
	mux := http.NewServeMux()
	mux.Handle("/", page)
	mux.HandleFunc("/graphql", func(w http.ResponseWriter, r *http.Request) {
		key := r.Header.Get("X-API-Key")
		asked <- key
		if key != "right" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"errors": [{"message": "a key is missing"}]}`))
			return
		}
		stub(w, r)
	})
	s := httptest.NewServer(mux)
	defer s.Close()
	const (
		docs    = `document.querySelector(".graphiql-plugin").innerText`
		headers = `document.querySelectorAll(".graphiql-editor-tool .CodeMirror")[1]?.CodeMirror`
	)

	b.Load(s.URL + "/")
	b.Until(ready + " && " + headers)
	b.Eval(`document.querySelector("button[aria-label='Show Documentation Explorer']").click()`, nil)
	b.Until(docs + `.includes("Error fetching schema")`)
	give := func(text string) { b.Eval(headers+".setValue(`"+text+"`)", nil) }
	give(`{"X-API-Key": "wrong"}`)
	for within(t, asked) != "wrong" {
	}
	give(`{"X-API-Key": "ri`)
	give(`{"X-API-Key": "right"}`)
	b.Until(docs + `.includes("Query")`)
	b.Screenshot("documentation with a key")
	b.Eval(`document.querySelectorAll(".graphiql-tab-button")[1].click()`, nil) // which has no headers
	b.Until(queryEditor + `.getValue().includes("Second") && ` + headers + `.getValue() === ""`)
	b.Eval(`new Promise((resolve) => setTimeout(resolve, 700))`, nil)
	b.Until(docs + `.includes("Query")`)
	if last := lastOf(asked); last != "right" {
		t.Errorf("the schema was fetched again, by the key %q", last)
	}
}

// within returns the next value of a channel that the page should soon send.
func within[T any](t *testing.T, from chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(sitetest.Patience):
		t.Fatal("the page sent nothing in time")
		panic("unreachable")
	}
}

// lastOf returns the last value in a channel.
func lastOf[T any](from chan T) (last T) {
	for len(from) > 0 {
		last = <-from
	}
	return last
}
