package upstream

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// Converting a call to a question and back loses nothing, and different calls are different questions.
func TestQuestionsKeepEveryPartOfACall(t *testing.T) {
	var asked *Question
	same := func(ctx context.Context, q *Question, next Asker) (any, error) { return next.Ask(ctx, q) }
	api := API{Around(Around(recorder{&asked}, same), same)}
	rapid.Check(t, func(t *rapid.T) {
		text, number := rapid.StringN(0, 4, -1), rapid.Int64Range(0, 1<<40)
		time := func(name string) Time { return Time(number.Draw(t, name)) }
		id := func(name string) ID { return ID(number.Draw(t, name)) }
		list := ListQuery{
			Window: Window{time("start"), time("end")}, Offset: int(number.Draw(t, "offset")),
			UserID: id("user"), SenderID: id("sender"), Sender: text.Draw(t, "sender"),
			Domain: text.Draw(t, "domain"), Local: text.Draw(t, "local"), Recipient: text.Draw(t, "recipient"),
			BounceType: Hard, BounceCategory: text.Draw(t, "category"),
			Delivered: rapid.Bool().Draw(t, "delivered"), BlockedReason: text.Draw(t, "reason"),
		}
		for i := range rapid.IntRange(0, MaxXHeaders).Draw(t, "headers") {
			list.XHeaders[i] = Header{"X-" + text.Draw(t, "name"), text.Draw(t, "value")}
		}
		slices.SortStableFunc(list.Headers(), Header.compare)
		counts := CountQuery{
			Window: list.Window, UserID: list.UserID, SenderID: list.SenderID, BounceType: Soft, Rollup: ByUser,
		}
		series := counts.Per(Day)
		key := BounceKey{
			UserID: list.UserID, SenderID: list.SenderID, BounceTime: list.Window.Start,
			EmailID: text.Draw(t, "email id"),
		}
		ctx := context.Background()
		var questions []Question
		for _, c := range []struct {
			path string
			call func() error
			back func(*Question) any
			want any
		}{
			{"/bounces", func() error { _, err := api.Bounces(ctx, list); return err }, listOf, list},
			{"/emails", func() error { _, err := api.Emails(ctx, list); return err }, listOf, list},
			{key.Path(), func() error { _, err := api.Bounce(ctx, key); return err },
				func(q *Question) any { return q.Detail() }, key},
			{"/email/counts", func() error { _, err := api.Counts(ctx, Emails, counts); return err },
				func(q *Question) any { return q.Counts() }, counts},
			{"/email/counts", func() error { _, err := api.Series(ctx, Emails, series); return err },
				func(q *Question) any { return q.Counts() }, series},
			{
				"/bounce/categories", func() error { _, err := api.BounceCategories(ctx); return err }, listOf,
				ListQuery{},
			},
			{
				"/blocked-email/reasons", func() error { _, err := api.BlockedReasons(ctx); return err }, listOf,
				ListQuery{},
			},
		} {
			if err := c.call(); err == nil || err.Error() != "asked" {
				t.Fatalf("%s: %v", c.path, err)
			}
			if got := c.back(asked); asked.Path() != c.path || !reflect.DeepEqual(got, c.want) {
				t.Fatalf("asked %s %#v, want %s %#v", asked.Path(), got, c.path, c.want)
			}
			for _, other := range questions {
				if *asked == other {
					t.Fatalf("two different calls are one question: %#v", other)
				}
			}
			questions = append(questions, *asked)
		}
	})
}

func listOf(q *Question) any { return q.ListQuery }

// recorder records the question and fails.
type recorder struct{ asked **Question }

func (r recorder) Ask(_ context.Context, q *Question) (any, error) {
	*r.asked = q
	return nil, errors.New("asked")
}

func TestTheOrderOfHeaderFiltersMakesNoDifference(t *testing.T) {
	one := ListQuery{XHeaders: HeaderFilters{{"X-b", "1"}, {"X-A", "2"}}}
	other := ListQuery{XHeaders: HeaderFilters{{"X-A", "2"}, {"X-b", "1"}}}
	if one.Question(Emails) != other.Question(Emails) || one.XHeaders[0].Name != "X-b" {
		t.Errorf("%v and %v are different questions", one, other)
	}
}

func TestStringsAreAllTextsOfAQuestion(t *testing.T) {
	var q Question
	for i, s := range q.Strings() {
		*s = string(rune('a' + i))
	}
	var texts func(v reflect.Value) int
	texts = func(v reflect.Value) (n int) {
		switch v.Kind() {
		case reflect.String:
			if v.String() == "" {
				t.Errorf("a text is missing: %#v", q)
			}
			return 1
		case reflect.Struct:
			for _, f := range v.Fields() {
				n += texts(f)
			}
		case reflect.Array:
			for i := range v.Len() {
				n += texts(v.Index(i))
			}
		}
		return n
	}
	if n := texts(reflect.ValueOf(q)); n != len(q.Strings()) {
		t.Errorf("%d texts, %d strings", n, len(q.Strings()))
	}
}
