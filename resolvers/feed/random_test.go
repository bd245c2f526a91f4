package feed_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/resolvers/feed"
	"deliverygraph/upstream"
)

// reader reads a feed over a series of subscriptions.
type reader struct {
	s      *feed.Subscription // nil between two subscriptions
	cursor *string
	must   map[string]bool // appeared after the reader began
	may    map[string]bool // appeared shortly before
	got    map[string]int
}

// bubble hides the test's deadline, which is meaningless under synctest's clock.
type bubble struct{ rapid.TB }

// Bounces appear in any order, however late; the upstream fails; gateways restart; readers stop, fall behind
// and resume. Still, each reader gets each bounce once.
func TestEachReaderGetsEachBounceOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(bubble{t}, func(r *rapid.T) {
			const overlap = 2 * time.Minute
			w := newWorld()
			o := feed.Options{Interval: 5 * time.Second, Overlap: overlap, Buffer: 5}
			f := w.feed(o)
			defer func() { f.Close() }()
			var readers []*reader
			var shortly []string // appeared, but perhaps not read yet
			begin := func() {
				s, err := f.Subscribe(t.Context(), upstream.ListQuery{}, nil)
				if err != nil {
					return // the upstream is down
				}
				n := &reader{s: s, must: map[string]bool{}, may: map[string]bool{}, got: map[string]int{}}
				for _, id := range shortly {
					n.may[id] = true
				}
				readers = append(readers, n)
			}
			stop := func(n *reader) {
				if n.s != nil {
					n.s.Close()
					n.s = nil
				}
			}
			goOn := func(n *reader) {
				if n.s == nil && n.cursor != nil {
					n.s, _ = f.Subscribe(t.Context(), upstream.ListQuery{}, n.cursor)
				}
			}
			take := func(n *reader, most int) {
				for range most {
					if n.s == nil {
						return
					}
					e, err := next(n.s)
					slow := new(feed.SlowError)
					switch {
					case err == nil:
						n.got[e.Bounce.EmailID]++
						c := n.s.Cursor(e)
						n.cursor = &c
					case errors.As(err, &slow):
						n.cursor = &slow.Cursor
						stop(n)
						return
					case upstream.CodeOf(err) == upstream.Unavailable, errors.Is(err, feed.ErrClosed):
						stop(n) // failed while catching up
						return
					default:
						return // nothing more to read
					}
				}
			}
			for range rapid.IntRange(1, 60).Draw(r, "steps") {
				switch rapid.IntRange(0, 9).Draw(r, "step") {
				case 0, 1, 2:
					late := time.Duration(rapid.IntRange(-5, int(overlap/time.Second)-1).Draw(r, "late")) * time.Second
					ids := w.appear(20, rapid.IntRange(1, 9).Draw(r, "rows"), late)
					for _, id := range ids {
						for _, n := range readers {
							n.must[id] = true
						}
					}
					shortly = append(shortly, ids...)
				case 3:
					w.fail([]error{nil, errDown}[rapid.IntRange(0, 1).Draw(r, "down")])
				case 4:
					begin()
				case 5:
					for _, n := range readers {
						take(n, rapid.IntRange(0, 12).Draw(r, "reads"))
					}
				case 6:
					if len(readers) > 0 {
						n := readers[rapid.IntRange(0, len(readers)-1).Draw(r, "who")]
						if n.cursor != nil {
							stop(n)
						}
					}
				case 7:
					for _, n := range readers {
						goOn(n)
					}
				case 8:
					if rapid.IntRange(0, 3).Draw(r, "restart") == 0 {
						var alive []*reader
						for _, n := range readers {
							if stop(n); n.cursor != nil { // without a cursor it cannot resume
								alive = append(alive, n)
							}
						}
						readers = alive
						f.Close()
						f = w.feed(o)
					}
				default:
					seconds := rapid.IntRange(1, 200).Draw(r, "seconds")
					time.Sleep(time.Duration(seconds) * time.Second)
					if !w.failing() && seconds > 61 {
						shortly = nil // every topic has read them by now
					}
				}
				synctest.Wait()
			}
			w.fail(nil)
			for range 4 {
				time.Sleep(2 * time.Minute)
				synctest.Wait()
				for _, n := range readers {
					goOn(n)
					take(n, 10_000)
				}
			}
			for i, n := range readers {
				for id, times := range n.got {
					if times != 1 || !n.must[id] && !n.may[id] {
						r.Errorf("reader %d got %s %d times", i, id, times)
					}
				}
				for id := range n.must {
					if n.got[id] == 0 {
						r.Errorf("reader %d did not get %s", i, id)
					}
				}
				stop(n)
			}
		})
	})
}
