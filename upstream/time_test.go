package upstream_test

import (
	"errors"
	"regexp"
	"testing"
	"time"

	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

// midnight is 2016-11-22T00:00:00Z, as in the document's examples.
const midnight Time = 1479772800

func TestParseTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in   string
		want Time
	}{
		"Unix seconds":                             {"1479772800", midnight},
		"the epoch":                                {"0", 0},
		"before 1970":                              {"-1", -1},
		"leading zeros":                            {"0000000001", 1},
		"eight digits are Unix seconds, no date":   {"20161122", 20161122},
		"fraction of Unix seconds is rounded up":   {"1479772799.001", midnight},
		"fraction of zero is none":                 {"1479772800.000", midnight},
		"negative fraction is rounded up":          {"-1.5", -1},
		"full ISO 8601 with Z":                     {"2016-11-22T00:00:00Z", midnight},
		"lower-case letters":                       {"2016-11-22t00:00:00z", midnight},
		"offset east":                              {"2016-11-22T01:30:00+01:30", midnight},
		"offset west":                              {"2016-11-21T19:00:00-05:00", midnight},
		"offset without a colon":                   {"2016-11-22T01:30:00+0130", midnight},
		"offset of hours":                          {"2016-11-22T01:00:00+01", midnight},
		"offset whose plus became a space":         {"2016-11-22T01:00:00 01:00", midnight},
		"no offset is UTC":                         {"2016-11-22T00:00:00", midnight},
		"space for the T":                          {"2016-11-22 00:00:00", midnight},
		"space for the T and for the plus":         {"2016-11-22 01:00:00 01:00", midnight},
		"to the minute":                            {"2016-11-22T00:00Z", midnight},
		"fraction is rounded up":                   {"2016-11-21T23:59:59.000000001Z", midnight},
		"fraction after a comma":                   {"2016-11-21T23:59:59,5Z", midnight},
		"fraction of zero in ISO 8601":             {"2016-11-22T00:00:00.000", midnight},
		"date alone is its midnight in UTC":        {"2016-11-22", midnight},
		"leap day":                                 {"2016-02-29", 1456704000},
		"leap second":                              {"2016-12-31T23:59:60Z", 1483228800},
		"leap second with an offset":               {"1990-12-31T15:59:60-08:00", 662688000},
		"leap second with a fraction":              {"2016-12-31T23:59:60.9Z", 1483228800},
		"leap second in the basic form":            {"20150630T235960Z", 1435708800},
		"basic form":                               {"20161122T000000Z", midnight},
		"basic form with an offset and a fraction": {"20161122T005959.5+0100", midnight},
		"basic form to the minute":                 {"20161122T0000", midnight},
		"first second":                             {"0000-01-01T00:00:00Z", -62167219200},
		"last second":                              {"9999-12-31T23:59:59Z", 253402300799},
		"last second and a fraction":               {"9999-12-31T23:59:59.5Z", 253402300799},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseTime(c.in)
			if err != nil || got != c.want {
				t.Errorf("%q is %d, %v; want %d", c.in, got, err, c.want)
			}
		})
	}
}

func TestParseTimeRefuses(t *testing.T) {
	t.Parallel()
	const (
		noTime = "the time is not a time: write Unix seconds, such as 1479772800, or ISO 8601, " +
			"such as 2016-11-22T00:00:00Z"
		outside = "the time is outside the years 0 to 9999: write Unix time in seconds, not milliseconds"
	)
	for in, want := range map[string]string{
		"": noTime, " ": noTime, "yesterday": noTime, "-": noTime, "+1": noTime, "1.": noTime, ".5": noTime,
		"1e9": noTime, "0x10": noTime, "１": noTime,
		"2016":    "", // Unix seconds, not a year
		"2016-11": noTime, "2016-11-": noTime, "2016-1-22": noTime, "2016-13-01": noTime, "2016-00-01": noTime,
		"2016-11-31": noTime, "2015-02-29": noTime,
		"2016-11-22T": noTime, "2016-11-22T24:00:00Z": noTime, "2016-11-22T00:60:00Z": noTime,
		"2016-11-22T00:00:60Z": noTime, "2016-11-22T23:59:60Z": noTime, "2016-12-31T23:59:61Z": noTime,
		"2016-12-31T23:59:60+01:00": noTime, "2016-11-22T0:00:00Z": noTime,
		"2016-11-22T00:00:00.": noTime, "2016-11-22T00:00:00.Z": noTime, "2016-11-22T00:00.5Z": noTime,
		"2016-11-22T00:00:00ZZ":     noTime,
		"2016-11-22T00:00:00+24:00": noTime, "2016-11-22T00:00:00+00:60": noTime, "2016-11-22T00:00:00-0160": noTime,
		"2016-11-22T00:00:00+1": noTime,
		"2016-11-22T00:00:00+":  noTime,
		"2016-11-22Z":           noTime, "2016-11-22T00:00:00 UTC": noTime, "Tue, 22 Nov 2016 00:00:00 GMT": noTime,
		"2016-11-22T000000Z": "", "2016-W47-2": noTime,
		"1479772800000": outside, "-62167219201": outside, "99999999999999999999999": outside,
		"-99999999999999999999999": outside, "9999-12-31T23:59:59-00:01": outside,
	} {
		_, err := ParseTime(in)
		if want == "" {
			if err != nil {
				t.Errorf("%q: %v", in, err)
			}
			continue
		}
		var e *Error
		if !errors.As(err, &e) || e.Code != InvalidArgument || e.Message != want {
			t.Errorf("%q: got %v, want %s", in, err, want)
		}
	}
}

// ParseTime reads times in the forms of package time.
func TestParseTimeAgreesWithPackageTime(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		offset := rapid.IntRange(-23*60-59, 23*60+59).Draw(t, "minutes of offset")
		zone := time.FixedZone("", offset*60)
		seconds := rapid.Int64Range(-62167219200+86400, 253402300799-86400).Draw(t, "seconds")
		layout := rapid.SampledFrom([]string{
			time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "20060102T150405Z0700",
			"20060102T150405Z07:00",
		}).Draw(t, "layout")
		s := time.Unix(seconds, 0).In(zone).Format(layout)
		if got, err := ParseTime(s); err != nil || got != Time(seconds) {
			t.Fatalf("%q is %d, %v; want %d", s, got, err, seconds)
		}
	})
}

var rfc3339 = regexp.MustCompile(`^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:[0-5]\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$`)

// ParseTime reads whatever RFC 3339 allows as package time does, accepts nothing more of that form, and stays within
// bounds.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{
		"1479772800", "-1.5", "2016-11-22T00:00:00Z", "2016-11-22t00:00:00.5z", "2016-11-22T00:00:00+01:00",
		"2016-02-30T00:00:00Z",
		"20161122T000000Z", "2016-11-22", "2016-11-22 01:00:00 01:00", "0000-01-01T00:00:00-23:59",
		"9999-12-31T23:59:59.999Z", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err == nil && (got < -62167219200 || got > 253402300799) {
			t.Fatalf("%q is %d, out of bounds", s, got)
		}
		if !rfc3339.MatchString(s) {
			return
		}
		upper := []byte(s) // package time accepts only upper-case letters
		for i, c := range upper {
			if c == 't' || c == 'z' {
				upper[i] = c - 'a' + 'A'
			}
		}
		m, wantErr := time.Parse(time.RFC3339Nano, string(upper))
		want := Time(m.Unix())
		if m.Nanosecond() > 0 {
			want++
		}
		if wantErr == nil && (want < -62167219200 || want > 253402300799) {
			return // out of bounds for ParseTime
		}
		if len(s) <= len("2016-11-22T00:00:00.123456789+00:00") &&
			((err == nil) != (wantErr == nil) || err == nil && got != want) {
			t.Fatalf("%q is %d, %v; the library has %d, %v", s, got, err, want, wantErr)
		}
	})
}
