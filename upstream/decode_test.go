package upstream_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	. "deliverygraph/upstream"
)

// decoder is a decoder and its reference, returning their rows as any.
type decoder struct {
	name      string
	decode    func(string) (any, error)
	reference func([]byte) (any, error)
	row       []string // keys that a row may have; none if rows are strings
	series    bool     // an object of arrays of rows
	single    bool     // a single row
}

func newDecoder[T any](name string, decode func(string) (T, error), read func(value) T, row ...string) decoder {
	return decoder{
		name:      name,
		decode:    func(b string) (any, error) { return decode(b) },
		reference: func(b []byte) (any, error) { return reference(read)(b) },
		row:       row,
	}
}

var countKeys = []string{"sent_count", "bounce_count", "soft_bounce_count", "hard_bounce_count", "blocked_email_count"}

func keysOf(k Kind, detail bool) []string { return slices.Sorted(maps.Keys(fieldsOf(k, detail))) }

// decodePage returns the decoder of a kind's lists.
func decodePage(k Kind) func(string) (any, error) {
	return func(body string) (any, error) {
		page, err := DecodePage(k, body)
		if err != nil {
			return nil, err
		}
		return page.Rows(), nil
	}
}

// decoders returns all decoders.
func decoders() []decoder {
	var ds []decoder
	for _, k := range Kinds {
		ds = append(ds, newDecoder(k.String(), decodePage(k), readPage(k), keysOf(k, false)...))
	}
	detail := newDecoder("bounce", DecodeBounceDetail, readDetails, keysOf(Bounces, true)...)
	email := newDecoder("email", DecodeEmail, readEmail, keysOf(Emails, false)...)
	detail.single, email.single = true, true
	ds = append(ds, detail, email, newDecoder("codes", DecodeCodes, rowsOf(readCode)))
	for _, k := range Kinds {
		for r, id := range map[Rollup]string{BySender: "sender_id", ByUser: "user_id"} {
			ds = append(ds, newDecoder(k.String()+" counts by "+id,
				func(b string) ([]Count, error) { return DecodeCounts(b, k, r) },
				readCounts(k, r), append([]string{"user_id", "sender_id", "sender"}, countKeys...)...))
		}
		s := newDecoder(k.String()+" series",
			func(b string) ([]Series, error) { return DecodeSeries(b, k) }, readSeries(k),
			append([]string{"timestamp"}, countKeys...)...)
		s.series = true
		ds = append(ds, s)
	}
	return ds
}

// agree compares a decoder with its reference.
func (d decoder) agree(t interface{ Fatalf(string, ...any) }, body []byte) {
	got, gotErr := d.decode(string(body))
	want, wantErr := d.reference(body)
	if (gotErr == nil) != (wantErr == nil) {
		t.Fatalf("%s: error %v, reference %v\n%s", d.name, gotErr, wantErr, body)
	}
	if gotErr != nil {
		if e := (*Error)(nil); !errors.As(gotErr, &e) || e.Code != InvalidResponse || e.Message == "" {
			t.Fatalf("%s: %#v is not an invalid response that says why", d.name, gotErr)
		}
		return
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%s: -reference +got\n%s\n%s", d.name, diff, body)
	}
	mustBePlain(t, got)
}

// fixtures are answers that decoders should handle besides the document's examples.
var fixtures = []string{
	``, ` `, `null`, `[]`, `{}`, `{"data":null}`, `{"data":[]}`, `{"data":{}}`, `{"error":null,"data":null}`,
	`{"error":"no","data":null}`,
	`[[]]`, `[{}]`, `[null]`, `[1,]`, `[1 2]`, `{"data":[]`, `{"data":[]}}`, "[]\x00", "\ufeff[]",
	`{"data":[],"data":null}`,
	`["a","b\u00e9\ud83d\ude00\ud83d","\ud83d\u0041","\udc00","\u00"]`, "[\"\xff\xfe ok\xc3\"]", "[\"a\nb\"]", `["\x"]`,
	`["a]`, `["a\`, `["a\u12`,
	`{"17":[{"timestamp":"1479600000","sent_count":1,"bounce_count":0,"soft_bounce_count":2,"hard_bounce_count":3,` +
		`"blocked_email_count":4}]}`,
	`{"17":[],"9":[],"17":[{"timestamp":1,"sent_count":"5","bounce_count":5,"hard_bounce_count":2}]}`,
	`{"17":[{"timestamp":0,"sent_count":1},{"timestamp":"0","sent_count":2},{"timestamp":1e-999,"sent_count":3}]}`,
	`{"17":[{"timestamp":1,"timestamp":null,"sent_count":1}]}`,
	`{"data":{"0":[]}}`, `{"x":[]}`, `{"data":[[]]}`,
	`[{"user_id":"7","sender_id":8,"sender":null,"sent_count":1,"bounce_count":9,"soft_bounce_count":4}]`,
	`[{"user_id":1,"sender_id":2,"email_id":"3@a","bounce_time":1479772800.75,"process_time":"1479772800.2",` +
		`"delivered":true,"email_address":"a@b@c"}]`,
	`{"kind":"email","user_id":1,"sender_id":2,"email_id":"3@a","process_time":-0.5,"bounce_time":1.4797728e9,` +
		`"delivered":false,"local":"a","xheaders":["X-A: b",{"X-C":"d"}]}`,
	`{"data":{"\u0075ser_id":1,"sender_id":2,"email_id":"3","bounce_time":4,` +
		`"unknown":[{"a":[1e5,-0.0,true,false,null,"\\"]}]},"api_host":"h"}`,
	`[{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":4,"bounce_time":null}]`,
	`[{"user_id":01}]`, `[{"user_id":1.0}]`, `[{"user_id":-1}]`, `[{"user_id":99999999999999999999}]`,
	`[{"bounce_time":1e999}]`, `[{"bounce_time":1e-999}]`,
	layouts(`{"user_id":1,"email_id":"3","bounce_time":4,"process_time":4,"delivered":true,"sender_id":2}`),
	layouts(`{"email_id":"3","user_id":1,"sender_id":2,"bounce_time":4,"process_time":4,"delivered":true,` +
		`"bounce_code":"\n"}`),
	layouts(`{"user_id":1,"user_id":2,"sender_id":2,"email_id":"3","bounce_time":4,"process_time":4,"delivered":true}`),
	layouts(`{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":null}`),
	layouts(`{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":4,"process_time":4,"delivered":true,` +
		`"local":null,"domain":"é"}`),
	layouts(`{"user_id":1,"sender_id":2,"email_id":3}`),
	layouts(`{"user_id":1"sender_id":2,"email_id":"3","bounce_time":4}`),
	layouts(`{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":4{"user_id":1}`),
	layouts(`{,"sender_id":2,"email_id":"3","bounce_time":4}`), layouts(`{}`),
	// The text that begins a row, in the middle of one.
	layouts(`{"email_id":"3",` + like[1:] + "," + like[:len(like)-1] + `"email_id":"3"}`),
	`[` + strings.Repeat("[", 63) + strings.Repeat("]", 63) + `]`,
	strings.Repeat(`{"a":`, 65) + `1` + strings.Repeat("}", 65),
}

// layouts returns a page whose rows are alike except for one in the middle.
func layouts(row string) string { return "[" + like + "," + like + "," + row + "," + like + "]" }

const like = `{"user_id":1,"sender_id":2,"email_id":"3","bounce_time":4,"process_time":4,"delivered":true,` +
	`"xheaders":{"X-A":"1","X-B":"2"},"local":"a"}`

// The decoders read any bytes as the reference does: both return the same rows, or both an error.
func FuzzDecode(f *testing.F) {
	for _, body := range fixtures {
		f.Add([]byte(body))
	}
	for _, e := range examples {
		f.Add(e.body(f))
	}
	all := decoders()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, d := range all {
			d.agree(t, body)
		}
	})
}

// Like FuzzDecode, for the field with the most forms.
func FuzzXHeaders(f *testing.F) {
	for _, v := range []string{
		`null`, `{}`, `[]`, `{"X-A":"1","X-B":"2"}`, `[{"X-A":"1"},{"X-B":"2"}]`, `["X-A: 1","X-B:2:3"]`,
		`["X-A: 1",{"X-B":"2"}]`,
		`{"X-A":"1","X-A":"2"}`, `{"":"1"}`, `{"X-A":1}`, `[": 1"]`, `["X-A"]`, `[{}]`, `[{"X-A":"1","X-B":"2"}]`,
		`"X-A: 1"`, `[["X-A","1"]]`, `null,"xheaders":{"X-A":"1"}`,
	} {
		f.Add([]byte(v))
	}
	all := decoders()[:3]
	f.Fuzz(func(t *testing.T, v []byte) {
		for _, d := range all {
			d.agree(t, []byte(`[{`+fewest+`,"xheaders":`+string(v)+`},{`+fewest+`,"xheaders":["X-C: 3"]}]`))
		}
	})
}

// Decoders agree with the reference on nearly valid answers: the decoder's keys in any order, with values mostly of
// their types.
func TestDecodersAgreeWithReference(t *testing.T) {
	t.Parallel()
	for _, d := range decoders() {
		t.Run(d.name, rapid.MakeCheck(func(t *rapid.T) {
			for range 4 { // each check has some overhead
				d.agree(t, []byte(d.answer(t)))
			}
		}))
	}
}

// Rows with equal header texts share their headers, and every row has the right ones, whatever the text and however
// many lists there are.
func TestRowsShareHeaders(t *testing.T) {
	t.Parallel()
	row := func(xheaders string) string { return `{` + fewest + `,"xheaders":` + xheaders + `}` }
	rapid.Check(t, func(t *rapid.T) {
		lists := []string{
			`null`, `{}`, `{"X-A":"1"}`, `{"X-A":"2"}`, `{"X-A":"1","X-B":"2"}`, `{"X-A":"}"}`, `{"X-A":"}","X-B":"3"}`,
			`{"X-A":"\u007d"}`, `{"X-A":"é"}`, `{ "X-A" : "1" }`, `["X-A: 1"]`, `[{"X-A":"1"}]`,
		}
		for i := range rapid.SampledFrom([]int{0, 3, 40}).Draw(t, "others") {
			lists = append(lists, fmt.Sprintf(`{"X-N":"%d"}`, i))
		}
		var rows []string
		for range rapid.IntRange(1, 80).Draw(t, "rows") {
			rows = append(rows, row(rapid.SampledFrom(lists).Draw(t, "list")))
		}
		body := []byte("[" + strings.Join(rows, ",") + "]")
		for _, d := range decoders()[:3] {
			d.agree(t, body)
		}
	})
	of := func(xheaders ...string) []Bounce {
		rows, err := DecodeBounces(`[` + row(xheaders[0]) + `,` + row(xheaders[1]) + `]`)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	if rows := of(`{"X-A":"1","X-B":"2"}`, `{"X-A":"1","X-B":"2"}`); &rows[0].XHeaders[0] != &rows[1].XHeaders[0] {
		t.Error("two rows have the same headers twice")
	}
}
