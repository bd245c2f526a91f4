package cached

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"deliverygraph/upstream"
)

// sharedKey returns the key of what is kept under k. It is a hash, so that it reveals neither the question nor the key
// of the API. It differs between APIs, scopes and formats, and between caches that keep answers differently.
func (c *Cache) sharedKey(k key) string {
	keeps := [...]time.Duration{c.o.Settle, c.o.Sealed, c.o.Fresh, c.o.Catalogue}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d %q %q %d %d %s?%s",
		format(), keeps, c.o.Realm, k.scope, k.form, k.hour, k.q.Path(), k.q.Encode()))
	return base64.RawURLEncoding.EncodeToString(sum[:24])
}

// format identifies what answers consist of. Another release of the gateway may know other fields. The number is for
// changes of the encoding itself.
var format = sync.OnceValue(func() string {
	shapes := shapeOf[upstream.BounceDetail]() + shapeOf[upstream.Count]() + shapeOf[upstream.Series]() +
		shapeOf[upstream.Groups]()
	for _, k := range upstream.Kinds {
		none, _ := upstream.DecodePage(k, "[]")
		shapes += shape(reflect.TypeOf(none.Rows()))
	}
	return fmt.Sprintf("1 %x", sha256.Sum256([]byte(shapes)))
})

// shapeOf describes a type with its fields.
func shapeOf[T any]() string { return shape(reflect.TypeFor[T]()) }

func shape(t reflect.Type) string {
	s := t.String()
	switch t.Kind() {
	case reflect.Struct:
		for f := range t.Fields() {
			s += " " + f.Name + ":" + shape(f.Type)
		}
		s += ";"
	case reflect.Slice, reflect.Array:
		s += shape(t.Elem())
	}
	return s
}

var errDamaged = errors.New("cached: a shared value is damaged")

// Values are compressed: a page of 500 rows takes 20 to 30 KB.
var (
	compressor, _   = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
	decompressor, _ = zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(64<<20))
)

// encode returns the value of an answer: for how long it is shared and how long it is fresh, both in milliseconds, the
// end of a sum, and the answer as the API sends it, compressed.
func encode(q *upstream.Question, f fetched, share time.Duration) []byte {
	value := binary.AppendVarint(nil, share.Milliseconds())
	value = binary.AppendVarint(value, f.keep.Milliseconds())
	value = binary.AppendVarint(value, int64(f.upTo))
	text := texts.Get().(*[]byte)
	defer texts.Put(text)
	*text = q.Append((*text)[:0], f.value)
	return compressor.EncodeAll(*text, value)
}

// texts are buffers for answers before they are compressed: growing a new one for each page would take a tenth of the
// time.
var texts = sync.Pool{New: func() any { return new([]byte) }}

// decode is the inverse of encode, for a value that will be there for some more time.
func decode(q *upstream.Question, value []byte, left time.Duration) (f fetched, err error) {
	var head [3]int64
	for i := range head {
		n, size := binary.Varint(value)
		if size <= 0 {
			return f, errDamaged
		}
		head[i], value = n, value[size:]
	}
	body, err := decompressor.DecodeAll(value, nil)
	if err != nil {
		return f, err
	}
	f.age = max(0, time.Duration(head[0])*time.Millisecond-left)
	if f.keep = time.Duration(head[1]) * time.Millisecond; head[1] == Forever.Milliseconds() {
		f.keep = Forever
	}
	f.upTo = upstream.Time(head[2])
	f.value, err = q.Decode(string(body))
	return f, err
}
