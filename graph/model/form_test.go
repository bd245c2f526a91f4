package model_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/graph/model"
)

// The forms of moments and durations.
var (
	momentForm   = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)
	durationForm = regexp.MustCompile(
		`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)
)

// changed generates texts of a form with a few bytes inserted, removed or replaced.
func changed(form, bytes string) *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		s := rapid.StringMatching(form).Draw(t, "text")
		for range rapid.IntRange(0, 2).Draw(t, "changes") {
			at, n := rapid.IntRange(0, len(s)).Draw(t, "at"), rapid.IntRange(0, 1).Draw(t, "taken away")
			s = s[:at] + rapid.SampledFrom(strings.Split(bytes, "")).Draw(t, "put in") + s[min(len(s), at+n):]
		}
		return s
	})
}

// A text is a moment if and only if it has the right form and the day and time exist.
func TestMomentsHaveOneOfTheForms(t *testing.T) {
	t.Parallel()
	texts := changed(`(0[0-9]{3}|[12][0-9]{3})-[01][0-9]-[0-3][0-9]`+
		`[Tt][0-2][0-9]:[0-5][0-9]:[0-5][0-9]([.,][0-9]{0,3})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])?`,
		"0123456789-:.,+TtZz ")
	rapid.Check(t, func(t *rapid.T) {
		s := texts.Draw(t, "moment")
		_, parsed := time.Parse(time.RFC3339, strings.ToUpper(s))
		_, err := model.UnmarshalDateTime(s)
		if want := momentForm.MatchString(s) && parsed == nil; (err == nil) != want {
			t.Fatalf("%q: %v, want it to be accepted: %v", s, err, want)
		}
	})
}

// A text is a duration if and only if it has the right form, is positive and is not too long.
func TestDurationsHaveTheForm(t *testing.T) {
	t.Parallel()
	texts := changed(`P([1-9]Y)?([1-9]M)?([0-9]{1,2}W)?([0-9]{1,2}D)?(T([0-9]{1,2}H)?([0-9]{1,2}M)?([0-9]{1,2}S)?)?`,
		"PYMWDTHS0123456789 -")
	rapid.Check(t, func(t *rapid.T) {
		s := texts.Draw(t, "duration")
		m := durationForm.FindStringSubmatch(s)
		form := m != nil && s != "P" && !strings.HasSuffix(s, "T")
		_, err := model.ParseDuration(s)
		if refused := err != nil && strings.Contains(err.Error(), "is not a duration"); refused == form {
			t.Fatalf("%q: %v, but its form is right: %v", s, err, form)
		}
		if err == nil && strings.Trim(strings.Join(m[1:], ""), "0") == "" {
			t.Fatalf("%q is not positive", s)
		}
	})
}

func BenchmarkUnmarshalDateTime(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = model.UnmarshalDateTime("2026-11-22T09:30:00Z")
	}
}

func BenchmarkParseDuration(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = model.ParseDuration("P7DT12H")
	}
}
