package cached

import (
	"hash/maphash"
	"math"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"
)

// madeFor is how long what was made of answers is kept: they may be gone by then, and
// where they are not, making it again costs little.
const madeFor = 5 * time.Minute

// products is what callers made of answers, such as the text that their rows were written
// as. It has room of its own: an answer that it puts out would cost a call.
type products struct {
	entries *otter.Cache[any, product]
	seed    maphash.Seed
	// asked has what was asked for once, at one of two places that its hash tells. Others
	// may take both: then it is taken for new once more, which is no harm.
	asked [8192]atomic.Pointer[any]
}

type product struct {
	value any
	bytes int
}

func newProducts(o Options) (*products, error) {
	entries, err := otter.New(&otter.Options[any, product]{
		MaximumWeight:    uint64(o.Bytes / 2),
		Weigher:          func(_ any, p product) uint32 { return uint32(min(p.bytes+overhead, math.MaxUint32)) },
		ExpiryCalculator: otter.ExpiryWriting[any, product](madeFor),
	})
	return &products{entries: entries, seed: maphash.MakeSeed()}, err
}

// Made gives what make makes of answers, and keeps it for some minutes, within the same
// bound as the answers: it holds so many bytes. It does so from the second time on that a
// key is asked for. The first time it gives nil, as answers that have just come may never
// be met again; as it does where make gives nil, and where nothing is kept.
//
// Keys are comparable, and of a type of the caller's own. They must not hold answers, which
// would stay for as long: a weak pointer to one is as good, and unlike those to what
// follows it in memory.
func (a *API) Made(key any, make func() (value any, bytes int)) any {
	if a.memory == nil {
		return nil
	}
	p := a.memory.products
	if made, held := p.entries.GetIfPresent(key); held {
		return made.value
	}
	if !p.again(key) {
		return nil
	}
	value, bytes := make()
	if value != nil {
		p.entries.Set(key, product{value, bytes})
	}
	return value
}

// again says whether a key was asked for before, and forgets it then: what is put out at
// once is to be made at every other time at most. Else it notes the key.
func (p *products) again(key any) bool {
	hash := maphash.Comparable(p.seed, key)
	free := &p.asked[hash%uint64(len(p.asked))]
	for _, at := range [...]*atomic.Pointer[any]{free, &p.asked[hash>>32%uint64(len(p.asked))]} {
		switch met := at.Load(); {
		case met == nil:
			free = at
		case *met == key:
			at.CompareAndSwap(met, nil)
			return true
		}
	}
	free.Store(&key)
	return false
}
