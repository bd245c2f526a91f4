package playground_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/playground"
	"deliverygraph/internal/web/site/sitetest"
)

// GraphiQL stores the text of the editors and the list of tabs at different times. If the page ends without warning, as
// by a crash, the tabs are those of the list, and none is repeated.
func TestTabsAfterACrashInABrowser(t *testing.T) {
	t.Parallel()
	page, err := playground.New(playground.Options{
		Tabs: []playground.Tab{{Query: "query First { greeting }"}, {Query: "query Second { greeting }"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", stub)
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/", page)
	s := httptest.NewServer(mux)
	defer s.Close()
	const tab = `{"id": "1", "title": "Mine", "query": "query Mine { greeting }", "variables": null, ` +
		`"headers": null, "operationName": "Mine", "response": null}`

	b := sitetest.Open(t)
	for name, c := range map[string]struct {
		tabs, query, variables string
		names                  []string
		text                   string
	}{
		"the text is newer": {
			`{"activeTabIndex": 0, "tabs": [` + tab + `]}`, "query Mine { greeting } # more", "", []string{"Mine"},
			"query Mine { greeting }",
		},
		"the text is older": {
			`{"activeTabIndex": 0, "tabs": [` + tab + `]}`, "query First { greeting }\n", "", []string{"Mine"},
			"query Mine { greeting }",
		},
		"the variables are others": {
			`{"activeTabIndex": 0, "tabs": [` + tab + `]}`, "query Mine { greeting }", `{"name": "Ada"}`,
			[]string{"Mine"}, "query Mine { greeting }",
		},
		"the list cannot be read": {
			`{"activeTabIndex": 0, "tabs": [`, "query Mine { greeting }", "", []string{"First", "Second"},
			"query First { greeting }\n",
		},
		"an active tab that is empty": {
			`{"activeTabIndex": 0, "tabs": [` +
				strings.ReplaceAll(strings.ReplaceAll(tab, `"query Mine { greeting }"`, "null"), "Mine", "Empty") +
				`]}`, "query Mine { greeting }", "", []string{"Empty"}, "",
		},
	} {
		b.Load(s.URL + "/elsewhere")
		for part, value := range map[string]string{"tabState": c.tabs, "query": c.query, "variables": c.variables} {
			text, err := json.Marshal(value)
			if err != nil {
				t.Fatal(err)
			}
			b.Eval(`localStorage.setItem("deliverygraph / graphiql:`+part+`", `+string(text)+`)`, nil)
		}
		b.Load(s.URL + "/")
		t.Log(name)
		b.Until(fmt.Sprintf("%s && `${%s}` === `%s` && %s.getValue() === `%s`", ready, tabNames,
			strings.Join(c.names, ","), queryEditor, c.text))
	}
}

// What the visitor clears stays cleared, and a window that is left stores only what was changed in it.
func TestLeavingStoresNoMoreThanWasTyped(t *testing.T) {
	t.Parallel()
	page, err := playground.New(playground.Options{Tabs: []playground.Tab{{Query: "query First { greeting }"}}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", stub)
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) {})
	mux.Handle("/", page)
	s := httptest.NewServer(mux)
	defer s.Close()

	b := sitetest.Open(t)
	b.Load(s.URL + "/")
	b.Until(ready)
	const headers = `document.querySelectorAll(".graphiql-editor-tool .CodeMirror")[1]`
	b.Until(headers)
	b.Eval(headers+`.CodeMirror.setValue('{"X-API-Key": "secret"}')`, nil)
	b.Eval(queryEditor+`.setValue("query Mine { greeting }"); location.assign("/elsewhere")`, nil)
	b.AwaitLoad("the page elsewhere")
	var stored string
	b.Eval(`JSON.stringify(localStorage)`, &stored)
	if !strings.Contains(stored, "query Mine") || strings.Contains(stored, "secret") {
		t.Errorf("want what was typed to be stored without headers, got %s", stored)
	}

	b.Load(s.URL + "/")
	b.Until(ready)
	b.Eval(`addEventListener("pagehide", () => localStorage.clear(), {capture: true}); location.reload()`, nil)
	b.AwaitLoad("a reload")
	b.Until(ready)
	var names []string
	if b.Eval(tabNames, &names); !cmp.Equal(names, []string{"First"}) {
		t.Errorf("after all was cleared the tabs are %q", names)
	}
}

// A link to a query opens it in any browser, with its variables and without its headers.
func TestSharedLinksOpenTheQuery(t *testing.T) {
	t.Parallel()
	page, err := playground.New(playground.Options{Tabs: []playground.Tab{{Query: "query GreetNobody { greeting }"}}})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", stub)
	mux.Handle("/", page)
	s := httptest.NewServer(mux)
	defer s.Close()

	const query = "query Shared($name: String) {\n  greeting(name: $name) # 100 % & more\n}"
	b := sitetest.Open(t)
	b.Load(s.URL + "/")
	b.Until(ready + ` && document.querySelectorAll(".graphiql-editor-tool .CodeMirror").length === 2`)
	b.Eval(queryEditor+".setValue(`"+query+"`)", nil)
	b.Eval(`document.querySelectorAll(".graphiql-editor-tool .CodeMirror")[0].CodeMirror.setValue('{"name": "Grace"}')`,
		nil)
	b.Eval(`document.querySelectorAll(".graphiql-editor-tool .CodeMirror")[1].CodeMirror.setValue('{"X-API-Key": `+
		`"secret"}')`, nil)
	b.Until(tabNames + `[0] === "Shared"`)
	b.Eval(`document.querySelector("button[aria-label='Copy a link to this query']").click()`, nil)
	b.Until(`location.hash.includes("Shared")`)
	var link string
	b.Eval(`location.href`, &link)
	if !strings.HasPrefix(link, s.URL+"/#") || strings.Contains(link, "secret") || strings.Contains(link, "X-API-Key") {
		t.Errorf("the link is %s", link)
	}

	other := sitetest.Open(t)
	other.Load(link)
	other.Until(ready + " && " + queryEditor + ".getValue() === `" + query + "`")
	var names []string
	other.Eval(tabNames, &names)
	if want := []string{"GreetNobody", "Shared"}; !cmp.Equal(names, want) {
		t.Errorf("the tabs are %q, want %q", names, want)
	}
	var shown string
	if other.Eval(shownAnswer, &shown); shown != "" {
		t.Errorf("the shared query ran without a click: %s", shown)
	}
	other.Eval(clickRun, nil)
	other.Until(shownAnswer + `.includes("Good morning, Grace")`)
	other.Reload()
	other.Until(ready)
	if other.Eval(tabNames, &names); len(names) != 2 {
		t.Errorf("after a reload the tabs are %q", names)
	}

	// The address keeps the link after its tab was changed.
	other.Until(queryEditor + `.getValue().includes("Shared")`)
	other.Eval(queryEditor+`.setValue("query Changed { greeting }"); location.reload()`, nil)
	other.AwaitLoad("a reload")
	other.Until(ready)
	if other.Eval(tabNames, &names); !cmp.Equal(names, []string{"GreetNobody", "Changed"}) {
		t.Errorf("after a change and a reload the tabs are %q", names)
	}
	other.Eval(`location.hash = "query=%7Bgreeting%7D"`, nil) // like pasting a link into the address bar
	other.AwaitLoad("another link")
	other.Until(ready + " && " + queryEditor + `.getValue() === "{greeting}"`)
	if other.Eval(tabNames, &names); !cmp.Equal(names, []string{"GreetNobody", "Changed", "<untitled>"}) {
		t.Errorf("after another link the tabs are %q", names)
	}
}
