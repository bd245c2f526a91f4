package upstream_test

import (
	"bytes"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	. "deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// roundTrip draws rows, encodes them and decodes them, both with the decoder and with the reference: a mistake shared
// by encoder and decoder would otherwise go unnoticed.
func roundTrip[T any](t *testing.T, draw func(*rapid.T) T, encode func([]byte, T) []byte,
	decode func(string) (T, error), read func(value) T) {
	t.Helper()
	rapid.Check(t, func(t *rapid.T) {
		want := draw(t)
		prefix := []byte("before ")
		body := encode(prefix, want)
		if !bytes.HasPrefix(body, prefix) {
			t.Fatalf("%q does not begin with what was there", body)
		}
		body = body[len(prefix):]
		if !jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true)) {
			t.Fatalf("not JSON in UTF-8: %q", body)
		}
		for name, decode := range map[string]func(string) (T, error){
			"decoder":   decode,
			"reference": func(body string) (T, error) { return reference(read)([]byte(body)) },
		} {
			got, err := decode(string(body))
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, body)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s: -want +got\n%s\n%s", name, diff, body)
			}
		}
	})
}

func drawID(t *rapid.T) ID { return ID(rapid.Int64Min(1).Draw(t, "id")) }

// drawTime draws a time other than 0, which means none.
func drawTime(t *rapid.T) Time {
	return Time(rapid.Int64Range(-62167219200, 253402300799).Filter(func(n int64) bool { return n != 0 }).Draw(t,
		"time"))
}

// drawText draws any text, including control characters, quotes and U+FFFD.
func drawText(t *rapid.T) string {
	return rapid.OneOf(rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("a\"\\/\x00\x1f\x7f\n\r\t\b\f\u2028\uFFFD\uFEFF😀")))).Draw(t, "text")
}

func drawHeaders(t *rapid.T) []Header {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Header {
		return Header{Name: "X-" + drawText(t), Value: drawText(t)}
	}), 0, 5).Draw(t, "headers")
}

// drawRow draws a row of a kind, or its detail.
func drawRow(t *rapid.T, k Kind, detail bool) any {
	row := reflect.New(rowType(k, detail)).Elem()
	local, domain := drawText(t), strings.ReplaceAll(drawText(t), "@", "")
	fields := fieldsOf(k, detail)
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		to := row.FieldByName(fields[key].Name)
		switch fields[key].Type {
		case kind.ID:
			to.SetInt(int64(drawID(t)))
		case kind.Time:
			to.SetInt(int64(drawTime(t)))
		case kind.Flag:
			to.SetBool(rapid.Bool().Draw(t, key))
		case kind.Headers:
			to.Set(reflect.ValueOf(drawHeaders(t)))
		default:
			to.SetString(drawText(t))
		}
	}
	for name, text := range map[string]string{
		"EmailID": "1" + drawText(t), "EmailAddress": local + "@" + domain, "Local": local, "Domain": domain,
	} {
		row.FieldByName(name).SetString(text)
	}
	return row.Interface()
}

func drawDetail(t *rapid.T) BounceDetail { return drawRow(t, Bounces, true).(BounceDetail) }

func drawEmail(t *rapid.T) Email { return drawRow(t, Emails, false).(Email) }

func drawTally(t *rapid.T, k Kind) Tally {
	n := rapid.Int64Range(0, 1<<62-1)
	if k != Bounces {
		return Tally{Total: n.Draw(t, "total")}
	}
	soft, hard := n.Draw(t, "soft"), n.Draw(t, "hard")
	return Tally{Total: soft + hard, Soft: soft, Hard: hard}
}

func someOf[T any](draw func(*rapid.T) T) func(*rapid.T) []T {
	return func(t *rapid.T) []T { return rapid.SliceOfN(rapid.Custom(draw), 0, 4).Draw(t, "rows") }
}

func TestRowsRoundTrip(t *testing.T) {
	t.Parallel()
	envelope := Envelope{ProcessingTime: 0.00012, RecvTime: 1477422244.623, RespTime: 1477422244.8282, APIHost: "a\"b"}
	appendDetail := func(dst []byte, d BounceDetail) []byte { return AppendBounceDetail(dst, d, envelope) }

	for _, k := range Kinds {
		t.Run(k.String(), func(t *testing.T) {
			draw := someOf(func(t *rapid.T) any { return drawRow(t, k, false) })
			roundTrip(t, func(t *rapid.T) any { return sliceOf(k, draw(t)) },
				func(dst []byte, rows any) []byte { return AppendPage(dst, PageOf(rows)) }, decodePage(k), readPage(k))
		})
	}
	t.Run("detail", func(t *testing.T) { roundTrip(t, drawDetail, appendDetail, DecodeBounceDetail, readDetails) })
	t.Run("row of a detail", func(t *testing.T) {
		roundTrip(t, drawDetail, AppendBounceDetailRow, DecodeBounceDetail, readDetail)
	})
	t.Run("row of an email", func(t *testing.T) { roundTrip(t, drawEmail, AppendEmailRow, DecodeEmail, readEmail) })
	t.Run("codes", func(t *testing.T) {
		code := func(t *rapid.T) string { return "x" + drawText(t) }
		roundTrip(t, someOf(code), AppendCodes, DecodeCodes, rowsOf(readCode))
	})
}

func TestCountsRoundTrip(t *testing.T) {
	t.Parallel()
	for _, k := range Kinds {
		for _, r := range []Rollup{BySender, ByUser} {
			draw := func(t *rapid.T) []Count {
				n := ID(0)
				return someOf(func(t *rapid.T) Count {
					n += ID(rapid.IntRange(1, 1e9).Draw(t, "step")) // in ascending order
					c := Count{ID: n, Tally: drawTally(t, k)}
					if r == BySender {
						c.Sender = drawText(t)
					}
					return c
				})(t)
			}
			t.Run(k.String(), func(t *testing.T) {
				roundTrip(t, draw,
					func(dst []byte, rows []Count) []byte { return AppendCounts(dst, k, r, rows) },
					func(b string) ([]Count, error) { return DecodeCounts(b, k, r) }, readCounts(k, r))
			})
		}
		draw := func(t *rapid.T) []Series {
			n := ID(0)
			return someOf(func(t *rapid.T) Series {
				n += ID(rapid.IntRange(1, 1e9).Draw(t, "step"))
				at := Time(0)
				return Series{ID: n, Points: someOf(func(t *rapid.T) Point {
					at += Time(rapid.IntRange(1, 1e9).Draw(t, "step"))
					return Point{Start: at, Tally: drawTally(t, k)}
				})(t)}
			})(t)
		}
		t.Run(k.String()+" series", func(t *testing.T) {
			roundTrip(t, draw,
				func(dst []byte, rows []Series) []byte { return AppendSeries(dst, k, rows) },
				func(b string) ([]Series, error) { return DecodeSeries(b, k) }, readSeries(k))
		})
	}
}

// The envelope has seconds with four decimal places, as in the document, and is JSON even for NaN and infinities.
func TestEnvelopeHasFourDecimalPlaces(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]Envelope{
		`{"processing_time":0.2052,"resp_time":1477422244.8282,"data":`: {
			ProcessingTime: 0.20517, RespTime: 1477422244.82824,
		},
		`{"processing_time":0,"resp_time":0,"data":`: {
			ProcessingTime: math.NaN(), RespTime: math.Inf(1),
		},
	} {
		got := string(AppendBounceDetail(nil, BounceDetail{}, e))
		if !strings.HasPrefix(got, want) || !strings.HasSuffix(got, `,"api_host":"","recv_time":0}`) {
			t.Errorf("got %s\nwant %s…", got, want)
		}
	}
}

// Any text, even invalid UTF-8, is encoded as valid JSON.
func TestAnyTextBecomesValidJSON(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\x00\x1f\x7f\b\f\n\r\t": `"a\u0000\u001f` + "\x7f" + `\u0008\u000c\n\r\t"`,
		`"\/`:                     `"\"\\/"`,
		"a\xffb\xc3":              "\"a\uFFFDb\uFFFD\"",
		"\xed\xa0\x80":            "\"\uFFFD\uFFFD\uFFFD\"", // half a surrogate pair
		"é\u2028\uFFFD😀":          "\"é\u2028\uFFFD😀\"",
		"":                        `""`,
	} {
		if got, want := string(AppendCodes(nil, []string{in})), `{"data":[`+want+`]}`; got != want {
			t.Errorf("%q is %s, want %s", in, got, want)
		}
	}
}
