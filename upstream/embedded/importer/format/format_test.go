package format_test

import (
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
)

func TestParseTimeReadsTheFormsOfServersAndServices(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]string{
		"1178807903":                        "2007-05-10T14:38:23Z",
		"1529704976.104692":                 "2018-06-22T22:02:56Z",
		"2016-01-27T14:59:44.101Z":          "2016-01-27T14:59:44Z",
		"2016-04-27T16:28:50.3963933-04:00": "2016-04-27T20:28:50Z",
		"2011-07-13T14:45:39.31Z":           "2011-07-13T14:45:39Z",
		"2016-08-01 14:06:01-0400":          "2016-08-01T18:06:01Z",
		"2020-06-20 01:32:57 +0200":         "2020-06-19T23:32:57Z",
		"2023-02-22T23:41:11.894719+00:00":  "2023-02-22T23:41:11Z",
		"2023-02-22 23:41:11.894719+00":     "2023-02-22T23:41:11Z",
		"2020-06-20 01:32:57":               "2020-06-19T23:32:57Z",
		" 2020-12-20T01:32:57 ":             "2020-12-20T00:32:57Z",
		"2020-06-20 01:32:57.123 UTC":       "2020-06-20T01:32:57Z",
		"2026-07-02T18:55:38,5+02:00":       "2026-07-02T16:55:38Z",
	} {
		got, ok := format.ParseTime(in, berlin)
		if !ok || got.UTC().Format(time.RFC3339) != want {
			t.Errorf("ParseTime(%q) = %v, %v; want %s", in, got.UTC().Format(time.RFC3339), ok, want)
		}
	}
	for _, in := range []string{"", "-", "1529704976104", "2016-13-27T14:59:44Z", "2016-02-30 00:00:00", "tomorrow",
		"1e9", "99999999999999999999", "1.2.3", "0", "0001-01-01T00:00:00Z"} {
		if got, ok := format.ParseTime(in, nil); ok {
			t.Errorf("ParseTime(%q) = %v; it is not a time", in, got)
		}
	}
}

func TestAddressKeepsAddressesAsTheyWere(t *testing.T) {
	for in, want := range map[string]string{
		"a@example.com":                                "a@example.com",
		"Jane Doe <jane@example.com>":                  "jane@example.com",
		`"<odd>" <"odd user"@example.com>`:             `"odd user"@example.com`,
		"=?utf-8?b?InNlbmRlcg==?= <relay@example.com>": "relay@example.com",
		"<a..b@example.com>":                           "a..b@example.com",
		" user.@example.com ":                          "user.@example.com",
		"<>":                                           "",
	} {
		if got := format.Address(in); got != want {
			t.Errorf("Address(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestEmailIDsHaveTheServicesForm(t *testing.T) {
	taken := upstream.Time(1479772800)
	if got, want := format.QueueID(taken, "364B89C4292", "A@example.net",
		"mx1.example.com"), "20161122000000.364B89C4292-3a915e64@mx1"; got != want {
		t.Errorf("QueueID = %q, want %q", got, want)
	}
	if got := format.NthID("id", 1); got != "id" {
		t.Errorf("the first recipient's id is %q", got)
	}
	if got := format.NthID("id", 12); got != "id-12" {
		t.Errorf("the twelfth recipient's id is %q", got)
	}
}

func TestCodeFindsTheFirstEnhancedStatusCode(t *testing.T) {
	for in, want := range map[string]string{
		"5.1.1": "5.1.1", "smtp;550 5.1.10 RESOLVER.ADR": "5.1.10", "550-5.7.1 [192.0.2.66] 550 5.2.1": "5.7.1",
		"(4.2.2)": "4.2.2", "#5.1.0 Address rejected": "5.1.0",
		"It failed with 5.4.4.": "5.4.4", "552 5.2.2.": "5.2.2", "host 5.9.1.2 said 550": "", "from 25.1.1": "",
		"Postfix 2.11.3-debian 4.4.1": "4.4.1", "v5.1.1": "", "5.1": "", "5.1.": "", "5.1234.1": "", "3.1.1": "",
		"": "",
	} {
		if got := format.Code(in); got != want {
			t.Errorf("Code(%q) = %q, want %q", in, got, want)
		}
	}
}
