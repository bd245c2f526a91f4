package format_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/importer/format/formattest"
)

func each(t *testing.T, f format.File) (got []string, s formattest.Sink, err error) {
	err = f.Lines(t.Context(), &s, func(n int, line []byte) error {
		got = append(got, fmt.Sprintf("%d:%s", n, line))
		return nil
	})
	return got, s, err
}

func TestLinesGivesLinesWithoutTheirEnds(t *testing.T) {
	text := "\xef\xbb\xbfone\r\n\n \t\ntwo \n\x00\x00\xef\xbb\xbfthree\n\xe9\nlast"
	got, _, err := each(t, formattest.File(text, time.Time{}))
	want := []string{"1:one", "4:two ", "5:three", "6:\xe9", "7:last"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestLinesThatAreTooLongAreReportedAndSkipped(t *testing.T) {
	long := strings.Repeat("x", format.MaxLine)
	got, s, err := each(t, formattest.File(long+"\r\n"+long+"y\nafter\n", time.Time{}))
	if err != nil || len(got) != 2 || got[0] != "1:"+long || got[1] != "3:after" {
		t.Errorf("got %d lines, %v; want the first and the third", len(got), err)
	}
	if !slices.Equal(s.BadAt, []int{2}) {
		t.Errorf("lines %v are reported, want 2", s.BadAt)
	}
}

func TestLinesEndsWithTheErrorOfTheFile(t *testing.T) {
	broken := errors.New("input/output error")
	in := bufio.NewReader(io.MultiReader(strings.NewReader("one\ntw"), iotest.ErrReader(broken)))
	got, _, err := each(t, format.File{Reader: in})
	if !errors.Is(err, broken) || !slices.Equal(got, []string{"1:one"}) {
		t.Errorf("got %q, %v; want the whole line and the error", got, err)
	}
}

func TestLinesEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	err := formattest.File(strings.Repeat("line\n", 10_000), time.Time{}).Lines(ctx, &formattest.Sink{},
		func(int, []byte) error {
			n++
			cancel()
			return nil
		})
	if !errors.Is(err, context.Canceled) || n > 1024 {
		t.Errorf("%d lines were read after the context had ended, and the error is %v", n, err)
	}
}
