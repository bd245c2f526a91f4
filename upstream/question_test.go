package upstream

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

// echo records what each call asks.
type echo struct{ asked *any }

func (e echo) note(v any) error { *e.asked = v; return errors.New("asked") }

func (e echo) Bounces(_ context.Context, q ListQuery) ([]Bounce, error) { return nil, e.note(q) }
func (e echo) Emails(_ context.Context, q ListQuery) ([]Email, error)   { return nil, e.note(q) }
func (e echo) BlockedEmails(_ context.Context, q ListQuery) ([]BlockedEmail, error) {
	return nil, e.note(q)
}
func (e echo) Bounce(_ context.Context, k BounceKey) (BounceDetail, error) {
	return BounceDetail{}, e.note(k)
}
func (e echo) Counts(_ context.Context, _ Kind, q CountQuery) ([]Count, error) { return nil, e.note(q) }
func (e echo) Series(_ context.Context, _ Kind, q SeriesQuery) ([]Series, error) {
	return nil, e.note(q)
}
func (e echo) BounceCategories(context.Context) ([]string, error) { return nil, e.note("categories") }
func (e echo) BlockedReasons(context.Context) ([]string, error)   { return nil, e.note("reasons") }

// No layer loses or changes any part of a call.
func TestCallsPassLayersUnchanged(t *testing.T) {
	var asked any
	var questions []Question
	api := Around(Around(echo{&asked}, func(ctx context.Context, q *Question, next Asker) (any, error) { return next.Ask(ctx, q) }),
		func(ctx context.Context, q *Question, next Asker) (any, error) {
			questions = append(questions, *q)
			return next.Ask(ctx, q)
		})
	rapid.Check(t, func(t *rapid.T) {
		text, number := rapid.StringN(0, 4, -1), rapid.Int64Range(0, 1<<40)
		time := func(name string) Time { return Time(number.Draw(t, name)) }
		id := func(name string) ID { return ID(number.Draw(t, name)) }
		list := ListQuery{
			Window: Window{time("start"), time("end")}, Offset: int(number.Draw(t, "offset")), UserID: id("user"), SenderID: id("sender"),
			Sender: text.Draw(t, "sender"), Domain: text.Draw(t, "domain"), Local: text.Draw(t, "local"), Recipient: text.Draw(t, "recipient"),
			BounceType: Hard, BounceCategory: text.Draw(t, "category"), Delivered: rapid.Bool().Draw(t, "delivered"), BlockedReason: text.Draw(t, "reason"),
		}
		for range rapid.IntRange(0, MaxXHeaders).Draw(t, "headers") {
			list.XHeaders = append(list.XHeaders, Header{"X-" + text.Draw(t, "name"), text.Draw(t, "value")})
		}
		counts := CountQuery{Window: list.Window, UserID: list.UserID, SenderID: list.SenderID, BounceType: Soft, Rollup: ByUser}
		series := SeriesQuery{CountQuery: counts, Interval: Day}
		key := BounceKey{UserID: list.UserID, SenderID: list.SenderID, BounceTime: list.Window.Start, EmailID: text.Draw(t, "email id")}
		ctx := context.Background()
		questions = nil
		for want, call := range map[any]func() error{
			"bounces":        func() error { _, err := api.Bounces(ctx, list); return err },
			"emails":         func() error { _, err := api.Emails(ctx, list); return err },
			"blocked emails": func() error { _, err := api.BlockedEmails(ctx, list); return err },
			key:              func() error { _, err := api.Bounce(ctx, key); return err },
			counts:           func() error { _, err := api.Counts(ctx, Emails, counts); return err },
			series:           func() error { _, err := api.Series(ctx, Emails, series); return err },
			"categories":     func() error { _, err := api.BounceCategories(ctx); return err },
			"reasons":        func() error { _, err := api.BlockedReasons(ctx); return err },
		} {
			if err := call(); err == nil || err.Error() != "asked" {
				t.Fatalf("%v: %v", want, err)
			}
			if _, isList := asked.(ListQuery); isList {
				want = list
			}
			if !reflect.DeepEqual(asked, want) {
				t.Fatalf("asked %#v, want %#v", asked, want)
			}
		}
		for i, q := range questions {
			for _, other := range questions[:i] {
				if q == other {
					t.Fatalf("two different calls are one question: %#v", q)
				}
			}
		}
	})
}

func TestFiveHeaderFiltersAreRefused(t *testing.T) {
	var asked any
	api := Around(echo{&asked}, func(ctx context.Context, q *Question, next Asker) (any, error) { return next.Ask(ctx, q) })
	_, err := api.Emails(t.Context(), ListQuery{XHeaders: []Header{{"X-1", "a"}, {"X-2", "a"}, {"X-3", "a"}, {"X-4", "a"}, {"X-5", "a"}}})
	var e *Error
	if !errors.As(err, &e) || e.Code != InvalidArgument || e.Parameter != "X-5" || asked != nil {
		t.Errorf("%v, asked %v", err, asked)
	}
}
