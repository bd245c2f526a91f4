package upstreamtest_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

func TestModelKeepsTheContract(t *testing.T) {
	upstreamtest.RunAPI(t, func(t *testing.T, rows upstreamtest.Rows) upstream.Asker {
		return upstreamtest.NewModel(rows)
	})
}

// The suites compare servers with the model, so the model itself is checked against
// literal answers.
func TestModelMatchesLiteralAnswers(t *testing.T) {
	const at upstream.Time = 1479772800 // a midnight
	email := func(user, sender upstream.ID, at upstream.Time, id, recipient string) upstream.Email {
		return upstream.Email{UserID: user, SenderID: sender, ProcessTime: at, EmailID: id, EmailAddress: recipient}
	}
	early, late := email(1, 10, at-1, "e", "a"), email(1, 10, at+3600, "a", "a")
	first, second, third := email(1, 10, at, "a", "x"), email(1, 11, at, "b", "a"), email(2, 20, at, "b", "b")
	m := upstreamtest.NewModel(upstreamtest.Rows{
		Senders: []store.Sender{
			{UserID: 1, SenderID: 10, Address: "ten@example.com"},
			{UserID: 1, SenderID: 11, Address: "eleven@example.com"},
		},
		Emails: []upstream.Email{late, third, second, first, early},
	})
	hour := upstream.Window{Start: at, End: at + 3600}
	for name, test := range map[string]struct {
		query upstream.ListQuery
		want  []upstream.Email
	}{
		"sorted by time, email id, recipient": {
			upstream.ListQuery{Window: upstream.Window{Start: 0, End: 1 << 40}},
			[]upstream.Email{early, first, second, third, late}},
		"half-open window": {upstream.ListQuery{Window: hour}, []upstream.Email{first, second, third}},
		"offset":           {upstream.ListQuery{Window: hour, Offset: 2}, []upstream.Email{third}},
		"user":             {upstream.ListQuery{Window: hour, UserID: 1}, []upstream.Email{first, second}},
		"sender address": {
			upstream.ListQuery{Window: hour, Sender: "eleven@example.com"}, []upstream.Email{second}},
		"address of one sender and id of another": {
			upstream.ListQuery{Window: hour, Sender: "eleven@example.com", SenderID: 10}, []upstream.Email{}},
	} {
		got, err := m.Emails(t.Context(), test.query)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v (-want +got)\n%s", name, err, diff)
		}
	}

	twoSeconds := upstream.CountQuery{Window: upstream.Window{Start: at - 1, End: at + 1}}
	counts, err := m.Counts(t.Context(), upstream.Emails, twoSeconds)
	if diff := cmp.Diff([]upstream.Count{
		{ID: 10, Sender: "ten@example.com", Tally: upstream.Tally{Total: 2}},
		{ID: 11, Sender: "eleven@example.com", Tally: upstream.Tally{Total: 1}},
		{ID: 20, Tally: upstream.Tally{Total: 1}},
	}, counts); diff != "" || err != nil {
		t.Errorf("counts: %v (-want +got)\n%s", err, diff)
	}
	series, err := m.Limit([]upstream.ID{1}).Series(t.Context(), upstream.Emails, upstream.CountQuery{
		Window: upstream.Window{Start: at - 1, End: at + 3601}, Rollup: upstream.ByUser, Interval: upstream.Hour,
	})
	if diff := cmp.Diff([]upstream.Series{{ID: 1, Points: []upstream.Point{
		{Start: at - 3600, Tally: upstream.Tally{Total: 1}},
		{Start: at, Tally: upstream.Tally{Total: 2}},
		{Start: at + 3600, Tally: upstream.Tally{Total: 1}},
	}}}, series); diff != "" || err != nil {
		t.Errorf("series limited to user 1: %v (-want +got)\n%s", err, diff)
	}

	m.Add(upstreamtest.Rows{Emails: []upstream.Email{email(3, 30, at+1, "c", "c")}})
	if got, err := m.Emails(t.Context(), upstream.ListQuery{Window: hour}); len(got) != 4 || err != nil {
		t.Errorf("after Add: %d rows, %v; want 4", len(got), err)
	}
}
