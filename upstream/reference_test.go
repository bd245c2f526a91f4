package upstream_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	. "deliverygraph/upstream"
)

// The reference decoder defines what the decoders of this package must return for any input. It is written for
// simplicity on package jsontext: it parses the text into a tree, and the tree into rows.

// value is a JSON value. Objects keep the order of their keys, and repeated keys.
type value struct {
	kind jsontext.Kind
	text string // of a string, unescaped, or of a number
	list []value
	keys []string // of an object, parallel to list
}

var errReference = errors.New("not in the contract")

// check stops the reference decoder if a rule is broken.
func check(ok bool, format string, args ...any) {
	if !ok {
		panic(fmt.Errorf("%w: %s", errReference, fmt.Sprintf(format, args...)))
	}
}

// reference turns a function that reads the tree, and may panic through check, into a decoder.
func reference[T any](read func(value) T) func([]byte) (T, error) {
	return func(body []byte) (v T, err error) {
		defer func() {
			if p := recover(); p != nil {
				failed, ok := p.(error)
				if !ok || !errors.Is(failed, errReference) {
					panic(p)
				}
				err = failed
			}
		}()
		d := jsontext.NewDecoder(bytes.NewReader(body), jsontext.AllowDuplicateNames(true),
			jsontext.AllowInvalidUTF8(true))
		tree := readValue(d, 1)
		_, err = d.ReadToken()
		check(errors.Is(err, io.EOF), "more after the value")
		return read(tree), nil
	}
}

func readValue(d *jsontext.Decoder, depth int) value {
	t, err := d.ReadToken()
	check(err == nil, "%v", err)
	v := value{kind: t.Kind()}
	switch v.kind {
	case '"', '0':
		v.text = t.String()
	case '{', '[':
		check(depth <= 64, "too deep")
		for d.PeekKind() != '}' && d.PeekKind() != ']' {
			if v.kind == '{' {
				k, err := d.ReadToken()
				check(err == nil, "%v", err)
				v.keys = append(v.keys, k.String())
			}
			v.list = append(v.list, readValue(d, depth+1))
		}
		_, err := d.ReadToken()
		check(err == nil, "%v", err)
	}
	return v
}

func (v value) array() []value {
	check(v.kind == '[', "not an array")
	return v.list
}

// each calls visit for the pairs of an object.
func (v value) each(visit func(key string, v value)) {
	check(v.kind == '{', "not an object")
	for i, key := range v.keys {
		visit(key, v.list[i])
	}
}

func (v value) str() string {
	check(v.kind == '"' || v.kind == 'n', "not a string")
	return v.text
}

var numberForm = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?$`)

// number returns the text of a number or of a numeric string; empty for null.
func (v value) number() string {
	if v.kind == 'n' {
		return ""
	}
	check(v.kind == '0' || v.kind == '"', "not a number")
	check(numberForm.MatchString(v.text), "not numeric")
	return v.text
}

func (v value) id() ID {
	s := v.number()
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	check(err == nil && n > 0, "not an id")
	return ID(n)
}

func (v value) count() *int64 {
	s := v.number()
	if s == "" {
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	check(err == nil && n >= 0, "not a count")
	return &n
}

func (v value) time() Time {
	s := v.number()
	if s == "" {
		return 0
	}
	var floor *big.Int
	if strings.ContainsAny(s, "eE") {
		f, err := strconv.ParseFloat(s, 64)
		check(err == nil, "too large")
		floor, _ = big.NewFloat(math.Floor(f)).Int(nil)
	} else {
		r, _ := new(big.Rat).SetString(s)
		floor = new(big.Int).Div(r.Num(), r.Denom()) // rounds down, because the denominator is positive
	}
	check(floor.IsInt64() && floor.Int64() >= -62167219200 && floor.Int64() <= 253402300799, "not a time")
	return Time(floor.Int64())
}

func (v value) headers() []Header {
	var hs []Header
	pair := func(name string, v value) {
		check(name != "" && v.kind == '"', "not a header")
		hs = append(hs, Header{Name: name, Value: v.text})
	}
	switch v.kind {
	case 'n':
	case '{':
		v.each(pair)
	default:
		for _, e := range v.array() {
			if e.kind == '"' {
				name, text, ok := strings.Cut(e.text, ":")
				check(ok && strings.TrimSpace(name) != "", "not a header line")
				hs = append(hs, Header{Name: strings.TrimSpace(name), Value: strings.TrimSpace(text)})
				continue
			}
			check(e.kind == '{' && len(e.keys) == 1, "not one pair")
			e.each(pair)
		}
	}
	return hs
}

// data returns the array that an answer contains.
func (v value) data() value {
	if v.kind == '[' {
		return v
	}
	data := value{kind: '0'}
	v.each(func(key string, v value) {
		check(key != "error" || v.kind == 'n', "an error")
		if key == "data" {
			data = v
		}
	})
	check(data.kind == '[' || data.kind == 'n', "no data")
	return data
}

// objectData is data for an answer that should be an object.
func (v value) objectData() value {
	check(v.kind == '{', "not an object")
	if !slices.Contains(v.keys, "data") {
		return v
	}
	var data value
	v.each(func(key string, v value) {
		check(key != "error" || v.kind == 'n', "an error")
		if key == "data" {
			data = v
		}
	})
	return data
}
