package services

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
)

func each(t testing.TB, f format.File) (got []string, s formattest.Sink, err error) {
	err = eachObject(t.Context(), f, &s, func(line int, object []byte) error {
		got = append(got, fmt.Sprintf("%d:%s", line, object))
		return nil
	})
	return got, s, err
}

func TestObjectsAreFoundInAnyLayout(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"lines":           {"{\"a\":1}\n{\"b\":2}\r\n\n{\"c\":3}", []string{`1:{"a":1}`, `2:{"b":2}`, `4:{"c":3}`}},
		"nothing between": {`{"a":1}{"b":{}}{"c":[]}`, []string{`1:{"a":1}`, `1:{"b":{}}`, `1:{"c":[]}`}},
		"arrays": {"[{\"a\":1},\n{\"b\":2}]\n[\n{\"c\":3}\n]",
			[]string{`1:{"a":1}`, `2:{"b":2}`, `4:{"c":3}`}},
		"text sequence":    {"\x1e{\"a\":1}\n\x1e{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"byte order marks": {"\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"b\":2}\n", []string{`1:{"a":1}`, `2:{"b":2}`}},
		"over lines": {"{\n\"a\": [\n1, {\"x\": \"}{\"}]\n}\n{}",
			[]string{"1:{\n\"a\": [\n1, {\"x\": \"}{\"}]\n}", "5:{}"}},
		"strings": {`{"a":"\"{[","b":"\\"}{"c":"é"}`, []string{`1:{"a":"\"{[","b":"\\"}`, `1:{"c":"é"}`}},
		"none":    {" \n[]\n", nil},
	} {
		for _, in := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			got, s, err := each(t, format.File{Reader: bufio.NewReaderSize(in, 16)})
			if err != nil || len(s.Bads) > 0 || !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, bad %q, %v; want %q", name, got, s.Bads, err, c.want)
			}
		}
	}
}

func TestOtherValuesAreReportedAndSkipped(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
		bad  []int
	}{
		"broken string":             {"{\"a\":\"x\n{\"b\":2}\n", []string{`2:{"b":2}`}, []int{1}},
		"broken off in a line":      {"{\"a\":{\n{\"b\":2}\n{\"c\":3}\n", []string{`2:{"b":2}`, `3:{"c":3}`}, []int{1}},
		"broken off before a value": {"{\"a\":\n{\"b\":2}\n{\"c\":3}\n", []string{`2:{"b":2}`, `3:{"c":3}`}, []int{1}},
		"broken off in an array": {"{\"a\":[1,\n{\"b\":2}\n{\"c\":3}\n", []string{`2:{"b":2}`, `3:{"c":3}`},
			[]int{1}},
		"broken off at the end":  {"{\"b\":2}\n{\"a\":", []string{`1:{"b":2}`}, []int{2}},
		"without a line between": {`{"a":"x"{"b":2}{"c":3}`, []string{`1:{"c":3}`}, []int{1}},
		"wrong bracket":          {"{\"a\":[1}\n{\"b\":2}", []string{`2:{"b":2}`}, []int{1}},
		"garbage": {"garbage\nmore\n{\"b\":2}\n\"text\"\n7\n{\"c\":3}",
			[]string{`3:{"b":2}`, `6:{"c":3}`}, []int{1, 4}},
		"too deep": {strings.Repeat(`{"a":`, 100) + "\n{\"b\":2}", []string{`2:{"b":2}`}, []int{1}},
	} {
		for _, in := range []io.Reader{strings.NewReader(c.text), iotest.OneByteReader(strings.NewReader(c.text))} {
			got, s, err := each(t, format.File{Reader: bufio.NewReaderSize(in, 16)})
			if err != nil || !slices.Equal(s.BadAt, c.bad) || !slices.Equal(got, c.want) {
				t.Errorf("%s: got %q, bad %v %q, %v; want %q, %v", name, got, s.BadAt, s.Bads, err, c.want, c.bad)
			}
		}
	}
}

func TestObjectsThatAreTooLongAreReportedAndSkipped(t *testing.T) {
	for name, long := range map[string]string{
		"in one line": `{"a":"` + strings.Repeat("x", maxObject) + `"}`,
		"over lines":  `{"a":` + strings.Repeat("\n", maxObject) + `1}`,
	} {
		got, s, err := each(t, formattest.File(long+"\n{\"b\":2}\n", time.Time{}))
		if err != nil || len(got) != 1 || !strings.HasSuffix(got[0], `:{"b":2}`) || !slices.Equal(s.BadAt, []int{1}) {
			t.Errorf("%s: got %d objects, bad %v, %v", name, len(got), s.BadAt, err)
		}
	}
}

func TestManyBrokenObjectsTakeLinearTime(t *testing.T) {
	text := strings.Repeat("{\"a\":\n", 200_000) + `{"b":2}`
	start := time.Now()
	got, s, err := each(t, formattest.File(text, time.Time{}))
	if err != nil || len(got) != 1 || len(s.BadAt) != 200_000 {
		t.Errorf("got %d objects, %d bad, %v", len(got), len(s.BadAt), err)
	}
	// A slow machine with -race needs half a minute; quadratic time would be an hour.
	if took := time.Since(start); took > 5*time.Minute {
		t.Errorf("it took %v", took)
	}
}

func TestALongObjectThatArrivesInPiecesTakesLinearTime(t *testing.T) {
	text := `{"a":"` + strings.Repeat("x", 4<<20) + `"}`
	start := time.Now()
	got, _, err := each(t, format.File{Reader: bufio.NewReader(&pieces{text})})
	if err != nil || len(got) != 1 {
		t.Errorf("got %d objects, %v", len(got), err)
	}
	if took := time.Since(start); took > 2*time.Minute { // quadratic time would be more than ten minutes
		t.Errorf("it took %v", took)
	}
}

// pieces reads a text in pieces of 64 bytes.
type pieces struct{ rest string }

func (p *pieces) Read(b []byte) (int, error) {
	if p.rest == "" {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 64)], p.rest)
	p.rest = p.rest[n:]
	return n, nil
}

func TestEachObjectEndsWithTheErrorOfTheFile(t *testing.T) {
	broken := errors.New("input/output error")
	got, _, err := each(t, format.File{Reader: bufio.NewReader(io.MultiReader(strings.NewReader(`{"a":1}{"b":`),
		iotest.ErrReader(broken)))})
	if !errors.Is(err, broken) || !slices.Equal(got, []string{`1:{"a":1}`}) {
		t.Errorf("got %q, %v; want the whole object and the error", got, err)
	}
}

func TestValuesOfAnyKindAreRead(t *testing.T) {
	type values struct {
		ID    string
		Tags  []string
		Extra []string
	}
	for in, want := range map[string]values{
		`{"ID": 19421798915720714, "Tags": "a", "Extra": {"b": 1.50, "a": {"c": [1]}, "d": null, "e": "ü"}}`: {
			"19421798915720714", []string{"a"}, []string{"b=1.50", `a={"c": [1]}`, "e=ü"}},
		`{"ID": "x\ud83d", "id": "y", "Tags": ["a", 2, null, ""], "Extra": "none"}`: {"x\ufffd",
			[]string{"a", "2"}, nil},
		`{"ID": null, "Tags": null, "Extra": null, "ID": true}`: {"true", nil, nil},
		`{"ID": {"a": 1}, "Tags": {}, "Extra": {}}`:             {"", nil, nil},
		`{"ID": "[", "Tags": "[\"a\", \"b\"]", "Extra": "{\"a\": \"[b]\"}"}`: {"[",
			[]string{"a", "b"}, []string{"a=[b]"}},
		`{"ID": "é\n", "Tags": "[a", "Extra": "{a"}`: {"é\n", []string{"[a"}, nil},
	} {
		r := &reader{}
		err := r.read([]byte(in), func(_ *reader, o object) error {
			got := values{ID: o.get("ID"), Tags: o.texts("Tags")}
			for _, m := range o.variables("Extra") {
				got.Extra = append(got.Extra, string(m.name)+"="+m.value())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", in, diff)
			}
			return nil
		})
		if err != nil || r.fault != "" {
			t.Errorf("%s: %v, %s", in, err, r.fault)
		}
	}
}

func TestReaderReportsObjectsOfAnotherForm(t *testing.T) {
	r := &reader{service: service{object: func(r *reader, o object) error {
		return r.as(taken, event{
			at: []string{"1"}, id: o.object("Mail").object("Destination").get("Address"), recipients: []string{"a"},
			headers: []upstream.Header{{Name: fmt.Sprint(o.flag("Flag"), len(o.objects("List")))}},
		})
	}}}
	var s formattest.Sink
	text := `{"Mail":{"Destination":{"Address":"a"}}}` + "\n" + `{"Mail":{"Destination":"b"}}` + "\n" +
		`{"Mail":{"Destination":["c"] "x"}}` + "\n" + `{"Mail" 1}` + "\n" +
		`{"Flag":1}{"List":[{},null,[]]}{"List":{}}` +
		`{"Mail":{"Destination":{"Address":"a"}},"Flag":true,"List":[{},null]}`
	if err := r.Read(t.Context(), formattest.File(text, time.Time{}), &s); err != nil {
		t.Fatal(err)
	}
	if want := []string{"Mail/Destination must not be a string", "the object is not JSON after 28 bytes",
		"the object is not JSON after 7 bytes", "Flag must not be a number", "List/2 must not be an array",
		"List must not be an object"}; !slices.Equal(s.Bads, want) || len(s.Records) != 2 ||
		s.Records[1].Headers[0].Name != "true 2" {
		t.Errorf("got %+v, bad %q; want %q", s.Records, s.Bads, want)
	}
}

// What is kept of a record while it is read is not kept any longer, in files of objects and in tables.
func TestReadersKeepNothingOfEarlierRecords(t *testing.T) {
	objects := strings.Repeat(`{"email":"a@example.com","event":"open","timestamp":1,`+
		`"category":["a","b"],"unique_args":{"c":1}}`+"\n", 1000)
	table := "processed,message_id,event,email,categories,unique_args\n" +
		strings.Repeat(`2016-04-19 19:47:30,1.filter,open,a@example.com,"[""a"",""b""]","{""c"":1}"`+"\n", 1000)
	for name, text := range map[string]string{"objects": objects, "table": table} {
		r := SendGrid.New(format.Options{}).(*reader)
		var s formattest.Sink
		if err := r.Read(t.Context(), formattest.File(text, time.Time{}), &s); err != nil || s.Skipped["open"] != 1000 {
			t.Fatal(err, s)
		}
		if cap(r.members) > 100 {
			t.Errorf("%s: %d members are kept", name, cap(r.members))
		}
	}
}

func TestFirstObjectGivesMembersAsFarAsTheyGo(t *testing.T) {
	for head, want := range map[string]map[string]string{
		`{"a": "x", "b": {"c": 1}, "d": [1], "e": 1.0, "f": nul`: {"a": "x", "b": "{", "d": "[", "e": "1.0"},
		"[[\n{\"a\": 1}, {\"b\": 2}]":                            {"a": "1"},
		`{"a": {"b": "cut`:                                       {"a": "{"},
		`{"a"`:                                                   {"a": ""},
		`{}`:                                                     {},
		"text":                                                   nil,
		"[]":                                                     nil,
		"":                                                       nil,
	} {
		got := firstObject([]byte(head))
		delete(got, "f")
		if diff := cmp.Diff(want, map[string]string(got)); diff != "" {
			t.Errorf("firstObject(%s) (-want +got):\n%s", head, diff)
		}
	}
}

// Every text of objects that encoding/json reads gives the same objects, whatever stands before.
func FuzzEachObject(f *testing.F) {
	for _, seed := range []string{`{"a":1}{"b":{}}`, "[{\"a\":\"\\\"{\"},\n{}]", "{\"a\":\n{", "garbage\n{}",
		`{"a":[1}`, `{"a":"x"{"b":2}{"c":3}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got, s, err := each(t, format.File{Reader: bufio.NewReaderSize(bytes.NewReader(text), 16)})
		if err != nil {
			t.Fatal(err)
		}
		lines := bytes.Count(text, []byte("\n")) + 1
		for _, n := range s.BadAt {
			if n < 1 || n > lines {
				t.Fatalf("line %d of %d is bad", n, lines)
			}
		}
		var want []string
		for d := json.NewDecoder(bytes.NewReader(text)); ; {
			var object json.RawMessage
			if err := d.Decode(&object); err == io.EOF {
				break
			} else if err != nil || object[0] != '{' || depth(object) > 60 {
				return // only texts of nothing but objects are compared
			}
			line := 1 + bytes.Count(text[:int(d.InputOffset())-len(object)], []byte("\n"))
			want = append(want, fmt.Sprintf("%d:%s", line, object))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

func depth(object []byte) int {
	return bytes.Count(object, []byte("{")) + bytes.Count(object, []byte("["))
}

func BenchmarkEachObject(b *testing.B) {
	object := `{"eventType":"Bounce","mail":{"destination":["a@example.com"],"headers":[` +
		strings.Repeat(`{"name":"X-Tag","value":"some text of usual length"},`, 20) + `{}]}}` + "\n"
	text := strings.Repeat(object, 2000)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		n := 0
		if err := eachObject(b.Context(), formattest.File(text, time.Time{}), &formattest.Sink{},
			func(int, []byte) error { n++; return nil }); err != nil || n != 2000 {
			b.Fatal(n, err)
		}
	}
}

func TestReasonsBecomeCodes(t *testing.T) {
	table := map[string]string{"bounced address": "hardbounce"}
	for in, want := range map[string]string{" Bounced Address": "hardbounce", "Invalid": "invalid",
		"Spam Content (if app)": "spam-content-if-app", "": "none", "–": "none"} {
		if got := reason(table, in, "none"); got != want {
			t.Errorf("reason(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestVariablesBecomeCustomHeaders(t *testing.T) {
	for name, want := range map[string]string{"campaign": "X-campaign", "X-Tag": "X-Tag", "my var: ü": "X-my-var---"} {
		var e event
		if e.variable(name, "v"); e.headers[0] != (upstream.Header{Name: want, Value: "v"}) {
			t.Errorf("variable(%q) adds %+v, want the name %q", name, e.headers, want)
		}
	}
}
