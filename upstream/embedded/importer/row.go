package importer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
)

// parser parses lines into rows. Only its buffers are kept from one line to the next.
type parser struct {
	values  [maxFields][]byte // of the row, by field; nil if the row lacks the field
	text    bytes.Buffer      // the line, which is not copied: names and values stay valid
	decoder jsontext.Decoder  // of text
}

// parse adds the row of a line to the batch, or returns what is wrong with the line.
func (p *parser) parse(line []byte, b *store.Batch) (problem string) {
	clear(p.values[:])
	given := uint32(0) // the fields of the row, including those that are null
	problem = p.members(line, func(key, value []byte) string {
		i, known := fieldIndex[string(key)]
		switch {
		case !known:
			return unknownField(string(key))
		case given&(1<<i) != 0:
			return fmt.Sprintf("%s is given twice", key)
		}
		given |= 1 << i
		if string(value) == "null" {
			return ""
		}
		if f := &fields[i]; strings.IndexByte(f.form.begins, value[0]) < 0 {
			return fmt.Sprintf("%s must be %s, not %s", key, f.want(),
				format.JSONTypes[jsontext.Value(value).Kind()])
		}
		p.values[i] = value
		return ""
	})
	if problem != "" {
		return problem
	}
	k, problem := p.kind()
	if problem != "" {
		return problem
	}
	for i := range fields {
		if f := &fields[i]; given&(1<<i) != 0 && f.in&k == 0 {
			return fmt.Sprintf("%s is no field of %s, but of %s", f.name, k.phrase(), f.in.phrase())
		}
	}
	for i := range fields {
		if f := &fields[i]; f.required&k != 0 && !p.has(i) {
			return fmt.Sprintf("%s is missing: %s must have it, %s", f.name, k.phrase(), f.want())
		}
	}
	switch k {
	case sender:
		return p.sender(line, b)
	case account:
		return p.account(line, b)
	}
	return p.row(k, line, b)
}

// kind returns the kind of the row.
func (p *parser) kind() (kinds, string) {
	value := p.values[fieldIndex["kind"]]
	if value == nil {
		return 0, `kind is missing: it says what the row is, "email", "bounce", "blocked_email", "sender" or "account"`
	}
	for _, k := range kindNames {
		if string(value[1:len(value)-1]) == k.name {
			return k.kind, ""
		}
	}
	return 0, unknownKind(string(value[1 : len(value)-1]))
}

// check returns what is wrong with the fields that rows of all kinds have, or the error of the codec in terms of this
// format. It converts the recipient's domain to lower case.
func (p *parser) check(err error, processed upstream.Time, row upstream.Texts) string {
	if err != nil {
		return p.reworded(err)
	}
	if problem := p.recipient(*row.Address, *row.Local, *row.Domain); problem != "" {
		return problem
	}
	*row.Address, *row.Domain = upstream.LowerAddress(*row.Address), upstream.LowerDomain(*row.Domain)
	if processed <= 0 {
		return p.wrong("process_time")
	}
	for _, h := range *row.XHeaders {
		if !upstream.IsHeaderName(h.Name) {
			return fmt.Sprintf("xheaders names a header %q: such a name must be %s", format.Clip(h.Name),
				upstream.HeaderNameForm)
		}
	}
	return nameFault("email_id", *row.EmailID)
}

// recipient compares a recipient's address with its parts and checks it.
func (p *parser) recipient(address, local, domain string) string {
	hasAddress := p.has(fieldIndex["email_address"])
	hasLocal, hasDomain := p.has(fieldIndex["local"]), p.has(fieldIndex["domain"])
	switch {
	case !hasAddress && (!hasLocal || !hasDomain):
		return `email_address is missing: it is the recipient's address, such as "recipient1@example.com"`
	case hasLocal != hasDomain:
		return "local and domain are the two parts of email_address: give both or neither"
	}
	if fault := format.RecipientFault(address); fault != "" {
		return fault
	}
	at := strings.LastIndexByte(address, '@')
	switch {
	case address[:at] != local:
		return fmt.Sprintf("local is %q, but email_address %q has %q before its @",
			format.Clip(local), format.Clip(address), format.Clip(address[:at]))
	case upstream.LowerDomain(address[at+1:]) != upstream.LowerDomain(domain):
		return fmt.Sprintf("domain is %q, but email_address %q has %q after its @",
			format.Clip(domain), format.Clip(address), format.Clip(address[at+1:]))
	}
	return ""
}

// maxName is the maximum length, in bytes, of a text by which lists are filtered or rows are found. Longer ones could
// not be queried.
const maxName = upstream.MaxFilter

// nameFault returns why a field cannot be used to query rows, or "".
func nameFault(field, value string) string {
	if len(value) > maxName {
		return fmt.Sprintf("%s has %d bytes, and at most %d are allowed", field, len(value), maxName)
	}
	for _, r := range value {
		if unicode.IsControl(r) {
			return fmt.Sprintf("%s contains the control character %U", field, r)
		}
	}
	return ""
}

// has reports whether the row has a field that is not empty.
func (p *parser) has(i int) bool { return p.values[i] != nil && string(p.values[i]) != `""` }

// wrong returns the message for a field whose value is wrong, with what would be right.
func (p *parser) wrong(name string) string {
	i := fieldIndex[name]
	return fmt.Sprintf("%s must be %s, not %s", name, fields[i].want(), format.Clip(string(p.values[i])))
}

// reworded returns the message for an error of a codec. If the error is about a field, the message says what would be
// right.
func (p *parser) reworded(err error) string {
	problem := err.Error()
	var known *upstream.Error
	if errors.As(err, &known) {
		problem = known.Message
	}
	name, rest, _ := strings.Cut(problem, " ")
	if _, ok := fieldIndex[name]; ok && strings.HasPrefix(rest, "is ") {
		return p.wrong(name)
	}
	return problem
}

// account reads a row of the kind account, which exports write.
func (p *parser) account(line []byte, b *store.Batch) string {
	var row struct {
		UserID  upstream.ID `json:"user_id"`
		Account string      `json:"account"`
	}
	if err := json.Unmarshal(line, &row); err != nil || row.UserID <= 0 {
		return p.wrong("user_id")
	}
	if problem := nameFault("account", row.Account); problem != "" {
		return problem
	}
	b.Accounts = append(b.Accounts, store.Account{Name: row.Account, UserID: row.UserID})
	return ""
}

// sender reads a row of the kind sender. No endpoint of the API lists these, so there is no codec for them.
func (p *parser) sender(line []byte, b *store.Batch) string {
	var row struct {
		UserID   upstream.ID `json:"user_id"`
		SenderID upstream.ID `json:"sender_id"`
		Sender   string      `json:"sender"`
	}
	err := json.Unmarshal(line, &row)
	var mistyped *json.UnmarshalTypeError
	switch {
	case errors.As(err, &mistyped): // the number is not an integer
		return p.wrong(mistyped.Field)
	case err != nil:
		return "the row is not JSON"
	case row.UserID <= 0:
		return p.wrong("user_id")
	case row.SenderID <= 0:
		return p.wrong("sender_id")
	}
	if fault := format.AddressFault(row.Sender); fault != "" {
		return fmt.Sprintf("sender must be %s, such as \"news@example.com\", not %q: %s",
			format.WantAddress, format.Clip(row.Sender), fault)
	}
	address := upstream.LowerAddress(row.Sender)
	b.Senders = append(b.Senders, store.Sender{UserID: row.UserID, SenderID: row.SenderID, Address: address})
	return ""
}
