package upstream_test

import (
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	. "deliverygraph/upstream"
)

// mustBePlain examines all strings of rows that are marked plain.
func mustBePlain(t interface{ Fatalf(string, ...any) }, rows any) {
	var walk func(v reflect.Value, said bool)
	walk = func(v reflect.Value, said bool) {
		switch v.Kind() {
		case reflect.String:
			if s := v.String(); said && (!utf8.ValidString(s) ||
				strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == '"' || r == '\\' })) {
				t.Fatalf("%q is in a row marked plain", s)
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), said)
			}
		case reflect.Struct:
			for i := range v.NumField() { // a detail begins with its bounce
				if f := v.Field(i); f.Kind() == reflect.Struct {
					walk(f, said)
					said = said || f.FieldByName("Plain").IsValid() && f.FieldByName("Plain").Bool()
				}
			}
			if f := v.FieldByName("Plain"); f.IsValid() {
				said = f.Bool()
			}
			for i := range v.NumField() {
				walk(v.Field(i), said)
			}
		}
	}
	walk(reflect.ValueOf(rows), false)
}

// A row is marked plain if and only if all its strings are.
func TestPlainMarksRowsWithoutEscapes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field string
		plain bool
	}{
		"nothing odd":                  {`"local":"a b/c"`, true},
		"an escape that need not be":   {`"local":"\/\u0041"`, true},
		"not ASCII":                    {`"local":"é\u00e9😀"`, true},
		"invalid UTF-8":                {"\"local\":\"a\xff\"", true}, // becomes U+FFFD
		"DEL":                          {"\"local\":\"\x7f\"", true},
		"quote":                        {`"local":"a\"b"`, false},
		"backslash":                    {`"domain":"\\"`, false},
		"line feed":                    {`"bounce_code":"a long text, and then\n"`, false},
		"a control character":          {`"local":"\u001f"`, false},
		"a header's name":              {`"xheaders":{"X-\"":"a"}`, false},
		"a header's value":             {`"xheaders":{"X-A":"\t"}`, false},
		"a header's line":              {`"xheaders":["X-A: \\"]`, false},
		"a pair in an array":           {`"xheaders":[{"X-A":"\\"}]`, false},
		"a pair's name":                {`"xheaders":[{"X-\\":"a"}]`, false},
		"what is no part of the row":   {`"other":["\n",{"\"":"\\"}]`, true},
		"an escaped key":               {`"loc\u0061l":"a"`, true},
		"an address that is made of 2": {`"local":"\"a\"","domain":"example.com"`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rows, err := DecodeBounces(`[{` + fewest + `},{` + fewest + `,` + c.field + `},{` + fewest + `}]`)
			if err != nil {
				t.Fatal(err)
			}
			mustBePlain(t, rows)
			for i, want := range []Plain{true, Plain(c.plain), true} {
				if rows[i].Plain != want {
					t.Errorf("row %d is plain: %v, want %v", i, rows[i].Plain, want)
				}
			}
		})
	}
}
