package importer_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format/formattest"
	"deliverygraph/upstream/embedded/store/storetest"
)

// TestCases imports inputs on which other software failed, each with the right rows. Their
// numbers and email ids are not the point. Their clock stands still, as logs without a year
// are of the year before it.
func TestCases(t *testing.T) {
	t.Parallel()
	o := importer.WithClock(importer.Options{}, func() time.Time {
		return time.Date(2026, 7, 15, 0, 0, 0, 0, time.UTC)
	})
	dir := filepath.Join(formattest.Dir(t), "cases")
	files, err := filepath.Glob(filepath.Join(dir, "*.want.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	for _, wanted := range files {
		name := filepath.Base(wanted)[:2]
		if name == "28" || name == "29" {
			continue // rows of the API
		}
		t.Run(name, func(t *testing.T) {
			inputs, err := filepath.Glob(filepath.Join(dir, name+".*"))
			if err != nil {
				t.Fatal(err)
			}
			inputs = slices.DeleteFunc(inputs, func(f string) bool { return f == wanted })
			right, s := newShop(t), newShop(t)
			right.take(t, o, wanted)
			s.take(t, o, inputs...)
			if len(s.bad) > 0 {
				t.Errorf("bad: %v", s.bad)
			}
			want, got := right.facts(t), s.facts(t)
			if name == "04" { // the right rows share an email id, by which only one of them is found
				want, got = undiagnosed(want), undiagnosed(got)
			}
			for _, fact := range want {
				if !slices.Contains(got, fact) {
					t.Errorf("missing: %s", fact)
				}
			}
			for _, fact := range got { // some of the right rows leave the email of a bounce out
				if !slices.Contains(want, fact) && !strings.HasSuffix(fact, "delivered:false") {
					t.Errorf("too much: %s", fact)
				}
			}
		})
	}
}

// facts are the store's events without numbers and ids.
func (s *shop) facts(t *testing.T) (list []string) {
	t.Helper()
	events := storetest.Events(t, s)
	for _, e := range events[upstream.Emails] {
		list = append(list, fmt.Sprintf("%s %d delivered:%v", e.Recipient, e.Time, e.Delivered))
	}
	bounces, err := storetest.API(s).Bounces(t.Context(), upstream.ListQuery{Window: always})
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range bounces {
		d, err := storetest.API(s).Bounce(t.Context(), b.Key())
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%s %d bounced:%d %s %s %q %q", b.EmailAddress, b.ProcessTime, b.BounceTime,
			b.Type, b.Category, b.Code, d.DiagnosticCode))
	}
	for _, b := range events[2] {
		list = append(list, fmt.Sprintf("%s %d blocked:%s", b.Recipient, b.Time, b.BlockedReason))
	}
	return list
}

func undiagnosed(facts []string) (list []string) {
	for _, f := range facts {
		before, _, _ := strings.Cut(f, ` "smtp;`)
		list = append(list, before)
	}
	return list
}
