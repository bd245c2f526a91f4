package store

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// The texts of a bounce are compressed on their own, since they are read one at a
// time. A detail is a byte that says how it is kept, and then the texts: the lengths
// of the first two as varints, and all three.
const (
	plainDetail = iota
	zstdDetail
)

// maxDetailBytes bounds what a detail may grow to when it is read.
const maxDetailBytes = 1 << 30

var (
	packTexts = sync.OnceValues(func() (*zstd.Encoder, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(128<<10))
	})
	unpackTexts = sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxDetailBytes))
	})
)

// texts reads a detail; 0 is none.
func (c *conn) texts(id int64) (texts, error) {
	if id == 0 {
		return texts{}, nil
	}
	b, err := c.blob("select data from detail where id = ?", id)
	if err != nil {
		return texts{}, err
	}
	t, err := decodeTexts(b)
	if err != nil {
		err = fmt.Errorf("detail %d: %w", id, err)
	}
	return t, err
}

func encodeTexts(t texts) ([]byte, error) {
	raw := make([]byte, 1, len(t.diagnostic)+len(t.rule)+len(t.content)+2*binary.MaxVarintLen64+1)
	raw = binary.AppendUvarint(raw, uint64(len(t.diagnostic)))
	raw = binary.AppendUvarint(raw, uint64(len(t.rule)))
	raw = append(raw, t.diagnostic...)
	raw = append(raw, t.rule...)
	raw = append(raw, t.content...)
	if len(raw) < 128 {
		return raw, nil
	}
	z, err := packTexts()
	if err != nil {
		return nil, err
	}
	packed := z.EncodeAll(raw[1:], append(make([]byte, 0, len(raw)), zstdDetail))
	if len(packed) >= len(raw) {
		return raw, nil
	}
	return packed, nil
}

func decodeTexts(b []byte) (texts, error) {
	if len(b) == 0 || b[0] > zstdDetail {
		return texts{}, errCorrupt
	}
	how, b := b[0], b[1:]
	if how == zstdDetail {
		z, err := unpackTexts()
		if err != nil {
			return texts{}, err
		}
		if b, err = z.DecodeAll(b, nil); err != nil {
			return texts{}, err
		}
	}
	diagnostic, n := binary.Uvarint(b)
	rule, m := binary.Uvarint(b[max(n, 0):])
	if n <= 0 || m <= 0 {
		return texts{}, errCorrupt
	}
	s := string(b[n+m:])
	if diagnostic > uint64(len(s)) || rule > uint64(len(s))-diagnostic {
		return texts{}, errCorrupt
	}
	return texts{s[:diagnostic], s[diagnostic : diagnostic+rule], s[diagnostic+rule:]}, nil
}
