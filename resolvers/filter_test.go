package resolvers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
	"deliverygraph/upstream/upstreamtest"
)

// fieldOf returns the field of a kind's list, such as "bounces".
func fieldOf(k upstream.Kind) string {
	typ := kind.All[k].Type
	return strings.ToLower(typ[:1]) + typ[1:] + "s"
}

// idsOf returns the ids of all rows of a list according to the model.
func idsOf(oracle *upstreamtest.Model, k upstream.Kind, q upstream.ListQuery) (ids []string) {
	for {
		rows, _ := oracle.Ask(context.Background(), upstreamtest.Question(k, q)) // the model answers any question
		page := upstream.PageOf(rows)
		for i := range page.Len() {
			r := page.Identity(i)
			ids = append(ids, model.NodeID{
				Type: model.RowNodes[k], UserID: r.UserID, SenderID: r.SenderID, Time: r.Time, EmailID: r.EmailID,
				Recipient: r.Recipient,
			}.String())
		}
		if q.Offset += page.Len(); page.Len() < upstream.PageSize {
			return ids
		}
	}
}

// filterOf returns the GraphQL filter of a query.
func filterOf(q upstream.ListQuery) map[string]any {
	f := map[string]any{}
	for name, value := range map[string]string{
		"sender": q.Sender, "recipient": q.Recipient, "localPart": q.Local, "domain": q.Domain,
		"type": strings.ToUpper(string(q.BounceType)), "category": q.BounceCategory, "reason": q.BlockedReason,
	} {
		if value != "" {
			f[name] = value
		}
	}
	if q.UserID != 0 {
		f["userId"] = fmt.Sprint(q.UserID)
	}
	if q.SenderID != 0 {
		f["senderId"] = int64(q.SenderID)
	}
	if q.Delivered {
		f["deliveredOnly"] = true
	}
	for _, h := range q.Headers() {
		list, _ := f["xHeaders"].([]any)
		f["xHeaders"] = append(list, map[string]any{"name": h.Name, "value": h.Value})
	}
	return f
}

// windowOf returns the GraphQL argument of a window.
func windowOf(w upstream.Window) map[string]any {
	return map[string]any{
		"between": map[string]any{"start": int64(w.Start), "end": w.End.UTC().Format("2006-01-02T15:04:05Z07:00")},
	}
}

// agree returns how the list and total of a query differ from the model, or "".
func agree(g *gateway, oracle *upstreamtest.Model, k upstream.Kind, q upstream.ListQuery) string {
	q.Offset = 0
	want, field := idsOf(oracle, k, q), fieldOf(k)
	resp := g.ask(`query($w: Window!, $f: `+kind.All[k].Type+`Filter) { `+field+
		`(window: $w, filter: $f, first: 500) { totalCount nodes { id } pageInfo { hasNextPage } } alone: `+field+
		`(window: $w, filter: $f) { totalCount } }`,
		map[string]any{"w": windowOf(q.Window), "f": filterOf(q)})
	if len(resp.Errors) > 0 {
		return fmt.Sprint(resp.Errors)
	}
	got := []string{}
	for _, n := range list(resp.Data, field, "nodes") {
		got = append(got, get(n, "id").(string))
	}
	total := fmt.Sprint(len(want))
	if t := fmt.Sprintf("%v %v %v", get(resp.Data, field, "totalCount"), get(resp.Data, "alone", "totalCount"),
		get(resp.Data, field, "pageInfo", "hasNextPage")); t != total+" "+total+" "+fmt.Sprint(len(want) > 500) {
		return fmt.Sprintf("totals and further rows: %s, want %s", t, total)
	}
	return cmp.Diff(append([]string{}, want[:min(500, len(want))]...), got)
}

// Each filter returns the same rows as a loop over all rows, and at least one.
func TestEachFilterAgreesWithModel(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	oracle := upstreamtest.NewModel(upstreamtest.Sample())
	always := upstream.Window{Start: upstreamtest.SampleDay - 30*86400, End: upstreamtest.SampleDay + 30*86400}
	all := map[string]upstream.ListQuery{
		"none":                                  {},
		"a user":                                {UserID: 20},
		"a user of 33 bits":                     {UserID: 5_000_000_020},
		"a sender":                              {SenderID: 17},
		"a sender of 33 bits":                   {SenderID: 5_000_000_023},
		"a sender's address":                    {Sender: "sender23@example.com"},
		"an unusual address":                    {Sender: "odd+sender@example.net"},
		"a sender by both":                      {SenderID: 23, Sender: "sender23@example.com"},
		"a recipient":                           {Recipient: "a&b=c@example.net"},
		"a recipient with non-ASCII characters": {Recipient: "日本語@example.net"},
		"a recipient in quotes":                 {Recipient: `"quoted name"@example.net`},
		"a local part":                          {Local: "edge3"},
		"a local part with a plus":              {Local: "plus+tag"},
		"a domain":                              {Domain: "example1.com"},
		"a domain in capitals":                  {Domain: "Example1.COM"},
		"a recipient's domain in capitals":      {Recipient: "edge3@EXAMPLE.net"},
		"a sender's domain in capitals":         {Sender: "sender23@Example.Com"},
		"a header": {
			XHeaders: upstream.HeaderFilters{{Name: "X-District", Value: "New Hampshire"}},
		},
		"a header in another case": {XHeaders: upstream.HeaderFilters{{Name: "x-CAMPAIGN", Value: "spring"}}},
		"a header that must be coded": {
			XHeaders: upstream.HeaderFilters{{Name: "X-Sum", Value: "50% off + more & \"more\"=better"}},
		},
		"four headers": {XHeaders: upstream.HeaderFilters{
			{Name: "X-Zulu", Value: "first"}, {Name: "X-Alpha", Value: "after it: order is as sent"},
			{Name: "X-Odd", Value: "per%cent"}, {Name: "X-Sum", Value: "50% off + more & \"more\"=better"},
		}},
	}
	own := map[string]map[string]upstream.ListQuery{
		"emails": {"delivered ones": {Delivered: true}},
		"bounces": {
			"hard ones": {BounceType: upstream.Hard}, "soft ones": {BounceType: upstream.Soft},
			"a category":                 {BounceCategory: "bad-mailbox"},
			"a category of no catalogue": {BounceCategory: "blockedcontent"},
		},
		"blockedEmails": {"a reason": {BlockedReason: "manual"}},
	}
	nothing := map[string]upstream.ListQuery{
		"an unknown user":               {UserID: 999},
		"an unknown sender":             {SenderID: 999},
		"a sender of another user":      {UserID: 20, SenderID: 17},
		"a recipient in another case":   {Recipient: "EDGE3@example.net"},
		"a sender in another case":      {Sender: "Sender23@example.com"},
		"a part of a domain":            {Domain: "example"},
		"a header's value in capitals":  {XHeaders: upstream.HeaderFilters{{Name: "X-Campaign", Value: "SPRING"}}},
		"two senders":                   {SenderID: 24, Sender: "sender23@example.com"},
		"a header that no email has":    {XHeaders: upstream.HeaderFilters{{Name: "X-None", Value: "x"}}},
		"a category that no bounce has": {BounceCategory: "virus-related"},
		"a reason that no email has":    {BlockedReason: "complaint", Recipient: "nobody@example.com"},
	}
	for _, k := range upstream.Kinds {
		field := fieldOf(k)
		try := func(name string, q upstream.ListQuery, some bool) {
			t.Run(field+" by "+name, func(t *testing.T) {
				t.Parallel()
				q.Window = always
				if d := agree(g, oracle, k, q); d != "" {
					t.Error(d)
				}
				if rows := idsOf(oracle, k, q); (len(rows) > 0) != some {
					t.Errorf("the model finds %d rows", len(rows))
				}
			})
		}
		for name, q := range all {
			try(name, q, true)
		}
		for name, q := range own[field] {
			try(name, q, true)
		}
		for name, q := range nothing {
			if q.BounceCategory != "" && field != "bounces" || q.BlockedReason != "" && field != "blockedEmails" {
				continue
			}
			try(name, q, false)
		}
	}
}

// Any combination of filters and window returns the same rows as a loop over all rows.
func TestRandomFiltersAgreeWithModel(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	oracle := upstreamtest.NewModel(upstreamtest.Sample())
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
		q := upstreamtest.ListQueries(k).Draw(t, "query")
		if q.BounceCategory == "nothing" || q.BlockedReason == "nothing" {
			q.BounceCategory, q.BlockedReason = "", "" // unknown codes are input errors
		}
		if d := agree(g, oracle, k, q); d != "" {
			t.Error(d)
		}
	})
}
