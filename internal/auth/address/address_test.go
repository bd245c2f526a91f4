package address_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/internal/auth/address"
)

// written returns an address in the forms in which people, servers and senders write it.
var written = map[string]func(local, domain string) string{
	"plain":               func(l, d string) string { return l + "@" + d },
	"angle brackets":      func(l, d string) string { return "<" + l + "@" + d + ">" },
	"spaces":              func(l, d string) string { return "<" + l + " @ " + d + ">" },
	"(at)":                func(l, d string) string { return l + "(at)" + d },
	"( AT )":              func(l, d string) string { return l + " ( AT ) " + d },
	"[at]":                func(l, d string) string { return l + "[at]" + d },
	"{at}":                func(l, d string) string { return l + " {at} " + d },
	"(at) and (dot)":      func(l, d string) string { return l + "(at)" + strings.ReplaceAll(d, ".", "(dot)") },
	"folded behind the @": func(l, d string) string { return l + "@\r\n " + d },
	"folded before the @": func(l, d string) string { return l + "\r\n\t@" + d },
	"folded in the local": func(l, d string) string { return l[:4] + "\r\n " + l[4:] + "@" + d },
	"folded in the domain": func(l, d string) string {
		return l + "@" + d[:3] + "\n    " + d[3:]
	},
	"a soft break":           func(l, d string) string { return l[:4] + "=\r\n" + l[4:] + "=40" + d },
	"quoted":                 func(l, d string) string { return `"` + l + `"@` + d },
	"quoted, with a space":   func(l, d string) string { return `"my ` + l + `"@` + d },
	"quoted, with a quote":   func(l, d string) string { return `"my \"` + l + `"@` + d },
	"quoted, with an @":      func(l, d string) string { return `"` + l + `@home"@` + d },
	"an escaped space":       func(l, d string) string { return l + `\ x@` + d },
	"a comment":              func(l, d string) string { return l + "(a comment)@" + d },
	"a comment behind the @": func(l, d string) string { return l + "@(a comment)" + d },
	"percent":                func(l, d string) string { return l + "%40" + d },
	"percent, twice":         func(l, d string) string { return l + "%2540" + d },
	"all percent":            func(l, d string) string { return url.QueryEscape(l + "@" + d) },
	"quoted-printable":       func(l, d string) string { return l + "=40" + d },
	"xtext":                  func(l, d string) string { return l + "+40" + d },
	"an entity":              func(l, d string) string { return l + "&#64;" + d },
	"an entity, padded":      func(l, d string) string { return l + "&#000064" + d },
	"a hexadecimal entity":   func(l, d string) string { return l + "&#x40;" + d },
	"a named entity":         func(l, d string) string { return l + "&commat;" + d },
	"an entity, twice":       func(l, d string) string { return l + "&amp;#64;" + d },
	"entities for all":       func(l, d string) string { return entities(l + "@" + d) },
	"an escape of JSON":      func(l, d string) string { return l + `\u0040` + d },
	"an escape of SMTPUTF8":  func(l, d string) string { return l + `\x{40}` + d },
	"a full-width @":         func(l, d string) string { return l + "＠" + d },
	"a small @":              func(l, d string) string { return l + "﹫" + d },
	"full-width dots":        func(l, d string) string { return l + "＠" + strings.ReplaceAll(d, ".", "．") },
	"an invisible character": func(l, d string) string { return l + "\u200b@\u200b" + d },
	"a return path":          func(l, d string) string { return "bounce-" + l + "=" + d },
	"a return path, whole":   func(l, d string) string { return "bounce-" + l + "=" + d + "@list.example.com" },
	"tagged":                 func(l, d string) string { return l + "+tag=" + d + "@list.example.com" },
	"SRS":                    func(l, d string) string { return "SRS0=HHH=TT=" + d + "=" + l + "@relay.example.com" },
	"the percent hack":       func(l, d string) string { return l + "%" + d + "@relay.example.com" },
	"a source route":         func(l, d string) string { return "<@relay.example.com:" + l + "@" + d + ">" },
	"a bang path":            func(l, d string) string { return d + "!" + l },
	"a type before":          func(l, d string) string { return "rfc822;" + l + "@" + d },
	"a link":                 func(l, d string) string { return "mailto:" + l + "@" + d + "?subject=x" },
	"a name before": func(l, d string) string {
		return `"` + strings.ReplaceAll(l, ".", " ") + `" <` + l + "@" + d + ">"
	},
	"base64": func(l, d string) string {
		return base64.StdEncoding.EncodeToString([]byte(l + "@" + d))
	},
	"base64, for URLs": func(l, d string) string {
		return "u/" + base64.RawURLEncoding.EncodeToString([]byte(l+"@"+d))
	},
	"hexadecimal":     func(l, d string) string { return hex.EncodeToString([]byte(l + "@" + d)) },
	"an encoded word": func(l, d string) string { return "=?utf-8?Q?" + l + "=40" + d + "?=" },
	"an encoded word, base64": func(l, d string) string {
		return "=?UTF-8?B?" + base64.StdEncoding.EncodeToString([]byte(l+"@"+d)) + "?="
	},
}

// inWords are forms that occur only in sentences.
var inWords = map[string]func(local, domain string) string{
	"at":        func(l, d string) string { return l + " at " + d },
	"at, dot":   func(l, d string) string { return strings.ReplaceAll(l+" at "+d, ".", " dot ") },
	"-at-":      func(l, d string) string { return l + "-at-" + d },
	"a literal": func(l, _ string) string { return l + "@[192.0.2.1]" },
	"IPv6":      func(l, _ string) string { return l + "@[IPv6:2001:db8::1]" },
	"no domain": func(l, _ string) string { return "<" + l + "@>" },
}

func entities(s string) string {
	var b strings.Builder
	for _, r := range s {
		fmt.Fprintf(&b, "&#%d;", r)
	}
	return b.String()
}

// A text that contains an address is recognised, however the address is written.
func TestAddressesAreFound(t *testing.T) {
	t.Parallel()
	for name, write := range written {
		for _, who := range [][2]string{
			{"jane.doe", "other.example"}, {"JANE.DOE", "Other.Example"}, {"o'brien", "other.example"},
			{"用户用户", "例え.テスト"}, {"jürgen", "köln.example"},
		} {
			if text := write(who[0], who[1]); !address.In(text) || !address.In("before "+text+" behind") {
				t.Errorf("%s: not found in %q", name, text)
			}
		}
	}
	for _, text := range []string{
		"jane@localhost", "jane(at)localhost", "jane=[192.0.2.1]", "jane=192.0.2.1", "other.example",
		"other.example/jane", "jane other.example",
	} {
		if !address.In(text) {
			t.Errorf("not found in %q", text)
		}
	}
	for _, text := range []string{
		"", "spring", "a=b", "spring-2016", "1.2.3", "v1.2.3-rc.1", "50%", "R&D", "A1B2C3D4E5F6",
		"0123456789abcdef0123456789abcdef", "newsletter/weekly/customers", "What?", "über uns", "cost (in $)", "a+b",
		"123456789012345678",
	} {
		if address.In(text) {
			t.Errorf("found in %q", text)
		}
	}
}

// An email id looks like an address itself, and counts as one only if it could be a person's.
func TestAddressesInEmailIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"20161122000000.125874958762@mail6-40-ussnn1": false,
		"20161122000000.000001@mail":                  false,
		"20161122000000.18666.16540@mail.example.com": false,
		"20161122000000.1":                            false,
		"1":                                           false,
		"":                                            false,
		"14c5d75ce93.dfd.64b469":                      false,
		"0102014644fe5ef6-9a483358-9a48-000000@eu": false,

		"20161122000000.1.bounces+omar.klein=pots.example@mail6":            true,
		"20161122000000.bounces-omar=pots@mail6":                            true,
		"20161122000000.omar.klein@pots.example":                            true,
		"omar@pots.example":                                                 true,
		"20161122000000.omar@mail6":                                         true,
		"20161122000000.omar1@mail6":                                        true,
		"omar":                                                              true,
		"20161122000000.omar.klein@mail6":                                   true,
		"20161122000000.omar+tag=pots.example@mail6":                        true,
		"20161122000000.omar%40pots.example@mail6":                          true,
		"20161122000000.omar@pots@mail6":                                    true,
		"20161122000000.omar%3Dpots.example":                                true,
		"20161122000000.1@omar.klein=pots.example@mail6":                    true,
		"20161122000000.1@omar.klein=pots.example":                          true,
		"20161122000000.用户@mail6":                                           true,
		"20161122000000.dad@mail6":                                          true,
		"0102014644fe5ef6-9a483358@pots.example":                            true,
		"20161122000000." + hex.EncodeToString([]byte("omar@pots.example")): true,
	} {
		if address.InEmailID(id, "") != want {
			t.Errorf("%q: %v", id, !want)
		}
	}
	for id, local := range map[string]string{
		"20161122000000.dad1980abc@mail6": "dad1980", "20161122000000.5551234@mail6": "5551234",
	} {
		if !address.InEmailID(id, local) || address.InEmailID(id, "omar") {
			t.Errorf("%q of %s: found by the wrong local part, or not by the right one", id, local)
		}
	}
}

func TestAddressesInSenders(t *testing.T) {
	t.Parallel()
	for sender, want := range map[string]bool{
		"offers@shop.example.com": false, "jane.doe@shop.example.com": false, "a+b@shop.example.com": false,
		"x=y@shop.example.com":                             false,
		"bounces+omar.klein=pots.example@shop.example.com": true, "omar%40pots.example@shop.example.com": true,
		`"omar@pots.example"@shop.example.com`: true,
	} {
		if address.InSender(sender) != want {
			t.Errorf("%q: %v", sender, !want)
		}
	}
}

// Nothing of an address remains in a server's response, however it is written and whatever surrounds it. The rest
// stays.
func TestAddressesAreMasked(t *testing.T) {
	t.Parallel()
	for name, write := range written {
		inWords[name] = write
	}
	for name, write := range inWords {
		for _, who := range [][2]string{
			{"jane.doe", "other.example"}, {"用户用户", "例え.テスト"}, {"jürgen.meier", "köln.example"},
		} {
			for _, around := range []string{
				"%s", "smtp;550 5.1.1 <recipient>: cannot be forwarded to %s, user unknown",
				"550-5.1.1 said\r\n550 5.1.1 %s\r\n", "(%s)", "'%s'", `he said "no" and %s "no"`,
			} {
				text := strings.ReplaceAll(around, "%s", write(who[0], who[1]))
				masked := address.Mask(text, "omar", "pots.example")
				for _, part := range append(strings.FieldsFunc(who[0], func(r rune) bool { return r == '.' }), who[0]) {
					if strings.Contains(strings.ToLower(masked), part) || !strings.Contains(masked, "***") {
						t.Errorf("%s: %q is left of %q in %q", name, part, text, masked)
					}
				}
				if strings.HasPrefix(around, "smtp;") && !strings.HasPrefix(masked, "smtp;550 5.1.1 ") {
					t.Errorf("%s: of %q is left %q", name, text, masked)
				}
			}
		}
	}
	for text, want := range map[string]string{
		"smtp;550 5.1.1 <omar.klein@pots.example>: User omar.klein unknown by omar.kleiner": "smtp;550 5.1.1 <***>: " +
			"User *** unknown by omar.kleiner",
		"smtp;550 5.1.1 <jane@other.example> unknown, forwarded by OMAR.KLEIN": "smtp;550 5.1.1 <***> " +
			"unknown, forwarded by ***",
		"Name service error for name=pots.example type=MX: Host not found": "Name service error for " +
			"name=pots.example type=MX: Host not found",
		"smtp;451 4.7.1 Try again later": "smtp;451 4.7.1 Try again later",
		"connect to mx.pots.example[192.0.2.1]:25: Connection " +
			"timed out": "connect to mx.pots.example[192.0.2.1]:25: Connection timed out",
		"smtp;550 5.7.1 (@": "smtp;550 5.7.1 ***",
	} {
		if got := address.Mask(text, "omar.klein", "pots.example"); got != want {
			t.Errorf("%q is masked as %q, want %q", text, got, want)
		}
	}
}

// Any text can be checked and masked, and no masked text contains an @.
func TestAnyTextCanBeMasked(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		piece := rapid.OneOf(rapid.SampledFrom(
			[]string{
				"@", "%40", "=40", "(at)", " at ", "&#64;", "\r\n ", `"`, `\`, "(", ")", "<", ">", "=", ".", "jane",
				"other.example", "＠", "\xff", "=?", "?=", "%25", "%",
			}), rapid.String())
		text := strings.Join(rapid.SliceOfN(piece, 0, 12).Draw(t, "text"), "")
		masked := address.Mask(text, rapid.SampledFrom([]string{"", "jane", "("}).Draw(t, "local"),
			rapid.SampledFrom([]string{"", "other.example"}).Draw(t, "domain"))
		if strings.Contains(masked, "@") || strings.Contains(masked, "＠") {
			t.Errorf("%q is masked as %q", text, masked)
		}
		if strings.Contains(text, "@") && (!address.In(text) || !address.InSender(text+"@x")) {
			t.Errorf("no address in %q", text)
		}
		address.InEmailID(text, "jane")
		address.Of(text, "jane", "other.example")
	})
}

func BenchmarkIn(b *testing.B) {
	for _, text := range []string{
		"spring", "customer-0123456789", "spring.sale", "20161122000000.125874958762@mail6-40-ussnn1",
	} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				address.InEmailID(text, "jane")
			}
		})
	}
}

// Senders and receiving servers choose texts. No text takes long to read: the time would otherwise double with each
// layer of encodings, or grow with the square of the length.
func TestHostileTextsTakeLittleTime(t *testing.T) {
	t.Parallel()
	words, slashes := "nothing here", "nothing here"
	for range 22 {
		words = "=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte(words)) + "?="
		slashes = slashes + strings.Repeat("?", 3-len(slashes)%3)
		slashes = base64.RawStdEncoding.EncodeToString([]byte(slashes + slashes[:12]))
	}
	for name, text := range map[string]string{
		"encoded words in each other": words,
		"base64 in each other":        slashes,
		"spaces":                      strings.Repeat(" ", 1<<17) + "(",
		"brackets and spaces":         strings.Repeat("( ", 1<<13),
		"brackets without an end":     strings.Repeat("a=[ a=b.c a@[ ", 1<<8),
		"quotes without an end":       `"` + strings.Repeat(`\" a@b `, 1<<8),
		"tabs and line ends":          strings.Repeat("\t\r", 1<<13) + "(",
	} {
		hides := strings.Contains(name, "each other") || strings.Contains(text, "@")
		if in := address.In(text); in != hides {
			t.Errorf("%s: In is %v", name, in)
		}
		if len(text) > 1<<14 {
			continue // the race detector makes it slow
		}
		if masked := address.Mask(text, "jane", "other.example"); strings.Contains(masked, text[:100]) == hides {
			t.Errorf("%s: hidden is %v", name, !hides)
		}
	}
	for text, want := range map[string]bool{
		"=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("nothing here")) + "?=":         false,
		"=?utf-8?B?" + base64.StdEncoding.EncodeToString([]byte("jane@localhost")) + "?=":       true,
		base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte("nothing here")))):   false,
		base64.StdEncoding.EncodeToString([]byte(hex.EncodeToString([]byte("jane@localhost")))): true,
	} {
		if address.In(text) != want {
			t.Errorf("In(%q) is %v", text, !want)
		}
	}
}
