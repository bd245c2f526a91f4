package model_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/graph/model"
	"deliverygraph/upstream"
)

var (
	ids   = rapid.Map(rapid.Int64Range(1, 1<<63-1), func(n int64) upstream.ID { return upstream.ID(n) })
	times = rapid.Map(rapid.Int64Range(-62167219200, 253402300799),
		func(n int64) upstream.Time { return upstream.Time(n) })
	texts = rapid.StringN(1, 60, 200).Filter(utf8.ValidString)
)

func nodeIDs(t *rapid.T) model.NodeID {
	types := append([]model.NodeType{model.UserNode, model.SenderNode}, model.RowNodes...)
	switch k := rapid.SampledFrom(types).Draw(t, "type"); k {
	case model.UserNode:
		return model.NodeID{Type: k, UserID: ids.Draw(t, "user")}
	case model.SenderNode:
		return model.NodeID{Type: k, SenderID: ids.Draw(t, "sender")}
	default:
		return model.NodeID{
			Type: k, UserID: ids.Draw(t, "user"), SenderID: ids.Draw(t, "sender"), Time: times.Draw(t, "time"),
			EmailID: texts.Draw(t, "email id"), Recipient: texts.Draw(t, "recipient"),
		}
	}
}

func TestNodeIDsRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		id := nodeIDs(t)
		text := id.String()
		got, err := model.ParseNodeID(text)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(id, got); d != "" {
			t.Error(d)
		}
		if strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Errorf("%q must be escaped in a URL", text)
		}
	})
}

// Different objects have different ids.
func TestNodeIDsDiffer(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := nodeIDs(t), nodeIDs(t)
		if rapid.Bool().Draw(t, "alike") { // texts that could run into one another
			b = a
			all := a.EmailID + a.Recipient
			cut := rapid.IntRange(0, len(all)).Draw(t, "cut")
			b.EmailID, b.Recipient = all[:cut], all[cut:]
		}
		if (a == b) != (a.String() == b.String()) {
			t.Errorf("%+v and %+v are %s and %s", a, b, a, b)
		}
	})
}

// raw builds an id from its parts, as a forger would.
func raw(parts ...any) string {
	var b []byte
	for _, p := range parts {
		switch p := p.(type) {
		case byte:
			b = append(b, p)
		case int:
			b = binary.AppendVarint(b, int64(p))
		case uint:
			b = binary.AppendUvarint(b, uint64(p))
		case string:
			b = append(b, p...)
		}
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func TestForgedNodeIDsAreRefused(t *testing.T) {
	t.Parallel()
	const v = byte(1)
	if _, err := model.ParseNodeID(raw(v, byte('B'), 20, 100, 5, uint(3), "ididx")); err != nil {
		t.Fatalf("raw cannot even build a valid id: %v", err)
	}
	good := model.NodeID{Type: model.UserNode, UserID: 21}.String()
	for name, text := range map[string]string{
		"nothing":                     "",
		"a number":                    "21",
		"no base64":                   "!!!!",
		"a space before":              " " + good,
		"a line's end":                good + "\n",
		"padding":                     good + "=",
		"standard base64":             "AVUq+/==",
		"cut short":                   good[:len(good)-1],
		"more behind it":              raw(v, byte('U'), 21, "x"),
		"another version":             raw(byte(2), byte('U'), 21),
		"another type":                raw(v, byte('X'), 21),
		"a type in lower case":        raw(v, byte('u'), 21),
		"a user of none":              raw(v, byte('U'), 0),
		"a negative user":             raw(v, byte('U'), -1),
		"a sender of none":            raw(v, byte('S'), 0),
		"a bounce of no user":         raw(v, byte('B'), 0, 100, 5, uint(3), "ididx"),
		"a bounce of no sender":       raw(v, byte('B'), 20, 0, 5, uint(3), "ididx"),
		"an email without an id":      raw(v, byte('E'), 20, 100, 5, uint(0), "ididx"),
		"an email without recipient":  raw(v, byte('E'), 20, 100, 5, uint(5), "ididx"),
		"a time of no year":           raw(v, byte('K'), 20, 100, 253402300800, uint(3), "ididx"),
		"a length beyond its end":     raw(v, byte('K'), 20, 100, 5, uint(6), "ididx"),
		"a length beyond everything":  raw(v, byte('K'), 20, 100, 5, uint(1<<63), "ididx"),
		"a number that is not ended":  raw(v, byte('U'), "\x80"),
		"a number longer than needed": raw(v, byte('U'), "\xaa\x00"),
		"a number of 70 bits":         raw(v, byte('U'), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f"),
		"a text that is no UTF-8":     raw(v, byte('E'), 20, 100, 5, uint(3), "i\xffix"),
		"UTF-8 in two halves":         raw(v, byte('E'), 20, 100, 5, uint(1), "ä"),
		"much too long":               raw(v, byte('E'), 20, 100, 5, uint(3), "idi"+strings.Repeat("x", 5000)),
	} {
		_, err := model.ParseNodeID(text)
		if err == nil {
			t.Errorf("%s is accepted", name)
			continue
		}
		var u *upstream.Error
		if !errors.As(err, &u) || u.Code != upstream.InvalidArgument || u.Status != 0 || len(u.Message) > 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Any text is an error or the canonical text of its id.
func FuzzParseNodeID(f *testing.F) {
	for _, s := range []string{
		"", "AVUq", "AVPIAQ", raw(byte(1), byte('B'), 20, 100, 5, uint(3), "ididx"), "AVUq\n", "==",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := model.ParseNodeID(s)
		if err == nil && id.String() != s {
			t.Errorf("%q is %+v, whose id is %q", s, id, id)
		}
		if err != nil && id != (model.NodeID{}) {
			t.Errorf("an error and an id: %+v", id)
		}
	})
}

// A user or sender number has exactly one text.
func TestKeysHaveOneText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]upstream.ID{
		"1": 1, "21": 21, "5000000020": 5000000020, "9223372036854775807": 1<<63 - 1,
	} {
		if got, err := model.ParseKey(text); got != want || err != nil {
			t.Errorf("%s is %d, %v", text, got, err)
		}
		if got := written(model.MarshalKey(want)); got != `"`+text+`"` {
			t.Errorf("%d is written %s", want, got)
		}
	}
	for _, text := range []string{
		"", "0", "-1", "+1", "01", " 1", "1 ", "1.0", "1e3", "0x10", "1_000", "me", "9223372036854775808", "٣",
	} {
		if got, err := model.ParseKey(text); err == nil {
			t.Errorf("%q is accepted as %d", text, got)
		}
	}
}
