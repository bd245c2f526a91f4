package importer_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store/storetest"
)

// scattered returns n valid lines, a minute apart, in random order.
func scattered(n int) (lines []string) {
	for i := range n {
		lines = append(lines, email(60*i))
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(n, func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	return lines
}

// small returns options with which few rows are spilled and merged.
func small(t *testing.T) importer.Options {
	return importer.Options{Strict: true, BatchRows: 100, SortBytes: 20 << 10, TempDir: t.TempDir()}
}

func ids(rows []upstream.Email) (ids []string) {
	for _, r := range rows {
		ids = append(ids, r.EmailID)
	}
	return ids
}

// Rows in random order are written in order after the first batch, which is small, through a temporary file that is
// removed afterwards: each batch comes after the one before.
func TestScatteredRowsAreSorted(t *testing.T) {
	t.Parallel()
	const n = 5_000
	for _, most := range []int{100, n} {
		o := small(t)
		o.BatchRows = most
		m, s, _, err := imported(t, strings.Join(scattered(n), "\n"), o)
		if err != nil || s.Emails != n || s.New != n {
			t.Fatal(err, s)
		}
		got := ids(m.rows().Emails)
		late := 0
		for i, b := range m.batches {
			if len(b.Emails) > o.BatchRows {
				t.Errorf("a batch has %d rows", len(b.Emails))
			}
			if !slices.IsSorted(ids(b.Emails)) ||
				i > 0 && b.Emails[0].EmailID < m.batches[i-1].Emails[len(m.batches[i-1].Emails)-1].EmailID {
				late = i
			}
		}
		if late > 1 || len(m.batches[0].Emails) > 1024 {
			t.Errorf("batch %d of %d is still out of order; the first has %d rows", late, len(m.batches),
				len(m.batches[0].Emails))
		}
		want := ids(m.rows().Emails)
		slices.Sort(want)
		if slices.Sort(got); !slices.Equal(got, want) || len(slices.Compact(want)) != n {
			t.Error("rows were lost or duplicated")
		}
		if left, err := os.ReadDir(o.TempDir); err != nil || len(left) > 0 {
			t.Errorf("%v: %v is left", err, left)
		}
	}
}

// Rows that are roughly in order of time are written as they come, file by file or kind by kind, without waiting for
// the last of them.
func TestRowsRoughlyInOrderAreNotSorted(t *testing.T) {
	t.Parallel()
	const n = 3_000
	var ordered, late, twice, reversed []string
	for i := range n {
		ordered = append(ordered, email(60*i))
		late = append(late, email(60*(i-i%7*3+20)))
		twice = append(twice, email(120*(i%(n/2))+i/(n/2)))
		reversed = append(reversed, email(60*((2-i/1000)*1000+i%1000)))
	}
	for name, lines := range map[string][]string{
		"in order": ordered, "some rows late": late, "the same days twice": twice, "the last days first": reversed,
	} {
		o := small(t)
		o.TempDir = filepath.Join(o.TempDir, "not there") // it must not be needed
		m, s, _, err := imported(t, strings.Join(lines, "\n"), o)
		if err != nil || s.Emails != n {
			t.Errorf("%s: %v, %+v", name, err, s)
			continue
		}
		for i, r := range m.rows().Emails {
			if want := fmt.Sprintf(`"email_id":"%s"`, r.EmailID); !strings.Contains(lines[i], want) {
				t.Errorf("%s: row %d is %s, want that of its line", name, i, r.EmailID)
				break
			}
		}
	}
}

// Of rows that the store considers the same, the last one in the file stays the last after sorting, and rows of the
// same time keep their order.
func TestSortingKeepsTheOrderOfEqualTimes(t *testing.T) {
	t.Parallel()
	lines := scattered(2_000)
	for i := range 50 {
		lines = slices.Insert(lines, 1_000+20*i, strings.ReplaceAll(email(600), "recipient1", fmt.Sprintf("r%02d", i)))
	}
	m, _, bad, err := imported(t, strings.Join(lines, "\n"), small(t))
	if err != nil {
		t.Fatal(err, bad)
	}
	var got []string
	for _, r := range m.rows().Emails {
		if strings.HasPrefix(r.EmailAddress, "r") && !strings.HasPrefix(r.EmailAddress, "recipient") {
			got = append(got, r.EmailAddress)
		}
	}
	if len(got) != 50 || !slices.IsSorted(got) {
		t.Errorf("%d rows of one time came as %v", len(got), got)
	}
}

// A strict import writes the rows before the line that stops it, and none after it, even if they were waiting to be
// sorted.
func TestStrictWritesRowsSetAsideForSorting(t *testing.T) {
	t.Parallel()
	lines := scattered(2_000)
	before := slices.Clone(lines[:1_500])
	m, s, _, err := imported(t, strings.Join(slices.Insert(lines, 1_500, "nonsense"), "\n"), small(t))
	var stopped *importer.BadLine
	if !errors.As(err, &stopped) || stopped.Line != 1_501 || s.Emails != 1_500 {
		t.Fatalf("%v, %+v", err, s)
	}
	want, _, _, err := imported(t, strings.Join(before, "\n"), importer.Options{Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	sorted := func(all []string) []string { slices.Sort(all); return all }
	if diff := cmp.Diff(sorted(ids(want.rows().Emails)), sorted(ids(m.rows().Emails))); diff != "" {
		t.Error(diff)
	}
}

// If the temporary file cannot be created, the import says so.
func TestSortingReportsAMissingFolder(t *testing.T) {
	t.Parallel()
	o := small(t)
	o.TempDir = filepath.Join(o.TempDir, "not there")
	_, s, _, err := imported(t, strings.Join(scattered(2_000), "\n"), o)
	if err == nil || !strings.Contains(err.Error(), "temporary file beside the store") || s.Emails == 0 {
		t.Errorf("%v, %+v", err, s)
	}
}

// A store has the same rows whatever the order of the lines in the file.
func TestTheOrderOfLinesDoesNotMatter(t *testing.T) {
	t.Parallel()
	b := demoBatch()
	lines := strings.Split(strings.TrimSpace(string(ndjson(b))), "\n")
	list := func(lines []string) (all []string) {
		s := open(t, "")
		o := small(t)
		o.BatchRows = 1_500
		name := file(t, strings.Join(lines, "\n"))
		if _, err := importer.Run(t.Context(), s, []string{name}, o); err != nil {
			t.Fatal(err)
		}
		for q := (upstream.ListQuery{
			Window: upstream.Window{Start: 0, End: 1 << 40},
		}); ; q.Offset += upstream.PageSize {
			rows, err := storetest.API(s).Emails(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				all = append(all, string(upstream.AppendEmailRow(nil, r)))
			}
			if len(rows) < upstream.PageSize {
				return all
			}
		}
	}
	want := list(lines)
	rand.New(rand.NewPCG(3, 4)).Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	if got := list(lines); !slices.Equal(got, want) {
		t.Errorf("%d rows in order and %d in random order, or different ones", len(want), len(got))
	}
}
