package importer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
)

// Recipients are valid addresses in any form, but not what is sometimes mistaken for an address.
func TestARecipientIsExactlyOneAddress(t *testing.T) {
	t.Parallel()
	const row = `{"kind":"email","user_id":21,"sender_id":17,"email_id":"e1","email_address":%s,` +
		`"process_time":100,"delivered":true}`
	for address, want := range map[string]string{
		`a..b@example.com`:                        "",
		`user.@example.com`:                       "",
		`.user@example.com`:                       "",
		`test+tag=x/y@example.com`:                "",
		`o'brien!#$%&*-^_{|}~?@example.com`:       "",
		"`tick`@example.com":                      "",
		`"odd user"@example.com`:                  "",
		`"a@b"@example.com`:                       "",
		`" "@example.com`:                         "",
		`"a\"b <c>, (d)"@example.com`:             "",
		`first."middle name".last@example.com`:    "",
		`δοκιμή@παράδειγμα.example`:               "",
		`jos` + "\ufffd" + `@example.com`:         "",
		"نامه\u200cای@example.com":                "", // with a joiner
		`user@[192.0.2.1]`:                        "",
		`user@[ipv6:2001:db8::1]`:                 "",
		`user@192.0.2.1`:                          "",
		`root@localhost`:                          "",
		`user@mail_1.xn--bcher-kva.example`:       "",
		strings.Repeat("v", 300) + `@example.com`: "",

		`<user@example.com>`:                       `holds '<' outside quotes`,
		`Jane <jane@example.com>`:                  `outside quotes`,
		`"Jane Doe" <jane@example.com>`:            `quotes end in the middle`,
		`user@example.com>`:                        `domain contains '>'`,
		"user@example.com\r\n":                     `contains the character U+000D`,
		"user\n@example.com":                       `contains the character U+000A`,
		"user@exam\x00ple.com":                     `contains the character U+0000`,
		"\"us\ter\"@example.com":                   `contains the character U+0009`,
		"user\u0085@example.com":                   `contains the character U+0085`,
		"\ufeffuser@example.com":                   `contains the character U+FEFF`,
		"user@example.com\u200b":                   `contains the character U+200B`,
		` user@example.com`:                        `holds ' ' outside quotes`,
		`user@example.com `:                        `domain contains ' '`,
		"user\u00a0name@example.com":               `outside quotes`,
		"user@example\u3000.com":                   `domain contains`,
		`a@example.com, b@example.com`:             `more than one @`,
		`a@example.com;b@example.com`:              `more than one @`,
		`a@example.com b@example.com`:              `more than one @`,
		`a@b@example.com`:                          `more than one @`,
		`a,b@example.com`:                          `holds ',' outside quotes`,
		`mailto:user@example.com`:                  `holds ':' outside quotes`,
		`rfc822;user@example.com`:                  `holds ';' outside quotes`,
		`user(comment)@example.com`:                `holds '(' outside quotes`,
		`us\er@example.com`:                        `holds '\\' outside quotes`,
		`us"er"@example.com`:                       `holds '"' outside quotes`,
		`"user@example.com`:                        `quotes are not closed`,
		`"user\"@example.com`:                      `quotes are not closed`,
		`'user@example.com'`:                       `domain contains '\''`,
		`"user@example.com"`:                       `no @`,
		`user`:                                     `no @`,
		`@example.com`:                             `nothing before the @`,
		`user@`:                                    `nothing after the @`,
		`user@example..com`:                        `an empty part`,
		`user@.example.com`:                        `an empty part`,
		`user@example.com.`:                        `an empty part`,
		`user@[192.0.2.1`:                          `not an address in brackets`,
		`user@[]`:                                  `not an address in brackets`,
		`user@example.com/`:                        `domain contains '/'`,
		`user@example.com:25`:                      `domain contains ':'`,
		strings.Repeat("v", 1000) + `@example.com`: `1012 bytes`,
	} {
		quoted, err := json.Marshal(address)
		if err != nil {
			t.Fatal(err)
		}
		m, _, bad, err := imported(t, fmt.Sprintf(row, quoted), importer.Options{})
		switch got := m.rows().Emails; {
		case err != nil:
			t.Error(err)
		case want == "" && (len(got) != 1 || got[0].EmailAddress != address ||
			got[0].Local+"@"+got[0].Domain != address):
			t.Errorf("%q became %+v, %v", address, got, bad)
		case want != "" && (len(got) != 0 || len(bad) != 1 || !strings.Contains(bad[0].Reason, want) ||
			!strings.Contains(bad[0].Reason, "exactly one address")):
			t.Errorf("%q became %+v, %v, want it refused because it %s", address, got, bad, want)
		}
	}
}
