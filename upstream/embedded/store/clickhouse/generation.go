package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strings"
	"time"
)

// noting runs f, which makes the changes. It notes them before, in case that the process ends meanwhile, and
// afterwards, since readers may have read in between: also if f fails, as some changes may be made.
func (w *writer) noting(ctx context.Context, f func() error) error {
	if err := w.note(ctx); err != nil {
		return err
	}
	err := f()
	if err != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialLimit)
		defer cancel()
		ctx = ending
	}
	return errors.Join(err, w.note(ctx))
}

// note notes, for readers, that events from the earliest change on have changed.
func (w *writer) note(ctx context.Context) error {
	age := int64(math.MaxInt64)
	if w.oldest != everything {
		age = max(0, time.Now().Unix()-int64(w.oldest))
		age += -age & 63 // so that there are fewer
	}
	return on(ctx).Exec(ctx, fmt.Sprintf("insert into change (age, n) select toInt64(%d), toUInt64(1)", age))
}

// changes are numbers of changes, by the level of the age of what they changed.
type changes [levels]int64

// levels are ages of less than 1 hour, of 1 to 2, of 2 to 4, and so on.
const levels = 16

func levelOf(age int64) int { return min(bits.Len64(uint64(max(0, age))/3600), levels-1) }

// from returns the number of changes of a level and those above.
func (c *changes) from(level int) (n int64) {
	for _, some := range c[level:] {
		n += some
	}
	return n
}

func (s *Store) changes(ctx context.Context) (c changes, err error) {
	var reached []string
	for i := range levels - 1 {
		reached = append(reached, "(age >= "+number(3600<<i)+")")
	}
	var level uint32
	var n int64
	err = each(ctx, "select toUInt32("+strings.Join(reached, " + ")+
		") as level, toInt64(sum(n)) from change group by level", []any{&level, &n}, func() { c[level] = n })
	return c, err
}

// Generation returns the number of changes, and of those of old events: see [store.Store].
func (s *Store) Generation(ctx context.Context, age time.Duration) (last, old int64, err error) {
	err = s.read(ctx, "look for changes", func(ctx context.Context) error {
		return on(ctx).QueryRow(ctx, "select toInt64(sum(n)), toInt64(sumIf(n, age >= "+
			number(int64(age/time.Second))+")) from change").Scan(&last, &old)
	})
	return last, old, err
}
