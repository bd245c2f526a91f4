package upstream

import "testing"

func TestLowerAddressChangesOnlyTheDomain(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"User@Example.COM":          "User@example.com",
		"User@example.com":          "User@example.com",
		`"A@B"@EXAMPLE.com`:         `"A@B"@example.com`,
		"Δοκιμή@ΠΑΡΆΔΕΙΓΜΑ.Example": "Δοκιμή@ΠΑΡΆΔΕΙΓΜΑ.example",
		"user@[IPv6:2001:DB8::1]":   "user@[ipv6:2001:db8::1]",
		"user@K\u212a.Example":      "user@k\u212a.example", // the Kelvin sign is not an ASCII K
		"NoAddress":                 "NoAddress",
		"User@":                     "User@",
		"User@\xffX":                "User@\xffx",
		"":                          "",
	} {
		if got := LowerAddress(address); got != want {
			t.Errorf("%q becomes %q, want %q", address, got, want)
		}
	}
	if got := LowerDomain("Mail.Example.COM"); got != "mail.example.com" {
		t.Errorf("the domain becomes %q", got)
	}
}
