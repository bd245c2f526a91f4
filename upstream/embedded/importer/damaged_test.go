package importer_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format"
)

func TestFilesThatCannotBeReadAreBadAsAWhole(t *testing.T) {
	t.Parallel()
	packed := gzipped(strings.Repeat(emails(50), 20))
	tar := "rows.ndjson" + strings.Repeat("\x00", 246) + "ustar\x0000" + strings.Repeat("\x00", 248) + emails(3)
	for name, c := range map[string]struct {
		text, reason string
		rows         bool
	}{
		"gzip that breaks off":          {packed[:len(packed)*3/4], "is damaged or cut off", true},
		"gzip that ends before its sum": {packed[:len(packed)-5], "is damaged or cut off", true},
		"gzip with a wrong sum":         {packed[:len(packed)-5] + "\x01" + packed[len(packed)-4:], "damaged", true},
		"gzip with a broken head":       {packed[:5], "gzip", false},
		"zstd":                          {"\x28\xb5\x2f\xfd and so on", "zstd", false},
		"a zip archive":                 {"PK\x03\x04 and so on", "zip", false},
		"a tar archive":                 {tar, "tar archive", false},
		"a tar archive, packed":         {gzipped(tar), "tar archive", false},
		"UTF-16":                        {"\xff\xfe{\x00", "UTF-8", false},
		"a database":                    {"SQLite format 3\x00 and so on", "NDJSON", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, broken, last := file(t, emails(2)), file(t, c.text), file(t, emails(4))
			run := func(strict bool) (importer.Summary, []importer.BadLine, error) {
				var bad []importer.BadLine
				s, err := importer.Run(t.Context(), &memory{}, []string{first, broken, last}, importer.Options{
					Strict: strict, BatchRows: 2, Report: func(b importer.BadLine) { bad = append(bad, b) },
				})
				return s, bad, err
			}
			s, bad, err := run(false)
			if err != nil || len(bad) != 1 || s.BadLines+s.BadFiles != 1 || (s.BadFiles == 0) != c.rows ||
				bad[0].File != broken || !strings.Contains(bad[0].Reason, c.reason) {
				t.Fatalf("%v, %v, want one bad line that says %q", err, bad, c.reason)
			}
			if more := s.Rows() > 6; more != c.rows || s.Files != 3 {
				t.Errorf("%d rows of %d files", s.Rows(), s.Files)
			}
			s, bad, err = run(true)
			var stopped *importer.BadLine
			if !errors.As(err, &stopped) || len(bad) != 1 || stopped.File != broken {
				t.Errorf("strict: %v, %v", err, bad)
			}
			if s.Files != 2 || s.Rows() < 2 {
				t.Errorf("strict: %+v", s)
			}
		})
	}
}

func TestALineThatIsTooLongIsSkipped(t *testing.T) {
	t.Parallel()
	row := strings.Replace(strings.TrimSuffix(email(1), "}"), `"xheaders":null,`, "", 1)
	padded := func(size int) string { return row + strings.Repeat(" ", size-len(row)-1) + "}" }
	for _, end := range []string{"\n", "\r\n"} {
		text := strings.Join([]string{email(0), padded(format.MaxLine + 1), padded(format.MaxLine), email(2)}, end)
		_, s, bad, err := imported(t, text, importer.Options{})
		if err != nil || s.Emails != 3 || len(bad) != 1 ||
			!strings.Contains(bad[0].Reason, fmt.Sprint(format.MaxLine)) {
			t.Errorf("%v, %+v, %v", err, s, bad)
		}
	}
}

func TestFailuresStopTheImportAndNameTheFile(t *testing.T) {
	t.Parallel()
	t.Run("of the store", func(t *testing.T) {
		t.Parallel()
		m := memory{fail: errors.New("disk full")}
		s, err := importer.Run(t.Context(), &m, []string{file(t, emails(50))}, importer.Options{BatchRows: 5})
		if !errors.Is(err, m.fail) || s.Rows() != 0 {
			t.Errorf("%v, %+v", err, s)
		}
	})
	t.Run("of the store amid a log", func(t *testing.T) {
		t.Parallel()
		var log strings.Builder
		for _, id := range []string{"4B1ED9C4292", "5C1ED9C4292", "6D1ED9C4292", "7E1ED9C4292"} {
			log.WriteString(strings.ReplaceAll(postfixLog, "4B1ED9C4292", id))
		}
		m := memory{fail: errors.New("disk full"), after: 2}
		s, err := importer.Run(t.Context(), &m, []string{file(t, log.String())}, importer.Options{BatchRows: 5})
		found := s.Formats[0].Outcomes
		if rows := m.rows(); !errors.Is(err, m.fail) || s.Rows() < 10 || found[format.Bounced] != len(rows.Bounces) ||
			found[format.Delivered]+found[format.Bounced]+found[format.Accepted] != len(rows.Emails) {
			t.Errorf("%v, %+v, but %d emails and %d bounces are stored", err, s, len(rows.Emails), len(rows.Bounces))
		}
	})
	t.Run("of reading", func(t *testing.T) {
		t.Parallel()
		broken := errors.New("the line is dead")
		var m memory
		s, err := importer.Run(t.Context(), &m, []string{"-"}, importer.Options{
			BatchRows: 2, Stdin: io.MultiReader(strings.NewReader(emails(5)), failing{broken}),
		})
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "standard input") ||
			s.Emails != 4 || s.BadLines != 0 {
			t.Errorf("%v, %+v", err, s)
		}
	})
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }
