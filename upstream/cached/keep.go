package cached

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Good values for the fields of [Options], which have no defaults of their own.
const (
	DefaultBytes     = 64 << 20
	DefaultFresh     = 5 * time.Second
	DefaultCatalogue = time.Hour
)

// Options say what is kept. A zero switches its part off.
type Options struct {
	// Bytes is how much memory the answers may hold, all scopes together. It is
	// passed for the moment that it takes to put the least useful answers out. An
	// answer that is larger is not kept. 0 keeps nothing.
	Bytes int64

	// Fresh is how long list pages, counts, time series and details are kept,
	// from when they arrived. 0 keeps none of them.
	Fresh time.Duration

	// Catalogue is how long the catalogues of categories and reasons are kept. 0
	// keeps neither.
	Catalogue time.Duration

	// Observe, if not nil, is told of every question to a part that is not switched
	// off: see [Lookup]. It is called by many goroutines at once and holds up the
	// answer while it runs. It gets the caller's context.
	Observe func(context.Context, Lookup)
}

func (o Options) check() error {
	var errs []error
	for _, v := range []struct {
		name    string
		value   int64
		example string
	}{
		{"Bytes", o.Bytes, "such as 67108864 (64 MiB)"},
		{"Fresh", int64(o.Fresh), "such as 5s"},
		{"Catalogue", int64(o.Catalogue), "such as 1h"},
	} {
		if v.value < 0 {
			errs = append(errs, fmt.Errorf("cached: %s must not be negative: give %s, or 0 to switch it off", v.name, v.example))
		}
	}
	return errors.Join(errs...)
}

// keepRows is how long events may be kept.
func (o Options) keepRows() time.Duration { return o.Fresh }

// keepCatalogue is how long a set of codes may be kept.
func (o Options) keepCatalogue() time.Duration { return o.Catalogue }
