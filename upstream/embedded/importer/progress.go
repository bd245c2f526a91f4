package importer

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// ProgressLine shows the progress of a command at intervals: on a terminal in one line, elsewhere in a line each time.
type ProgressLine struct {
	out      io.Writer
	terminal bool
	shown    time.Time
	begun    bool // the line is on the terminal
}

// NewProgressLine returns a line that is first shown an interval after start.
func NewProgressLine(out io.Writer, terminal bool, start time.Time) *ProgressLine {
	return &ProgressLine{out: out, terminal: terminal, shown: start}
}

// Show shows the progress, unless it was shown shortly before.
func (l *ProgressLine) Show(now time.Time, progress fmt.Stringer) {
	interval := 10 * time.Second
	if l.terminal {
		interval = 100 * time.Millisecond
	}
	if now.Sub(l.shown) < interval {
		return
	}
	l.shown = now
	if l.terminal {
		fmt.Fprintf(l.out, "\r%s\x1b[K", progress)
		l.begun = true
	} else {
		fmt.Fprintln(l.out, progress)
	}
}

// Clear removes the line from the terminal, so that something else can be written.
func (l *ProgressLine) Clear() {
	if l.begun {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.begun = false
	}
}

// Rate describes how many rows were written in a time, such as "1,310,720 rows, 81,920 rows/s".
func Rate(rows int, took time.Duration) string {
	return fmt.Sprintf("%s rows, %s rows/s", humanize.Comma(int64(rows)),
		humanize.Comma(int64(float64(rows)/max(took.Seconds(), 1e-9))))
}

// meter tracks the progress of an import, and shows it. It is safe for concurrent use.
type meter struct {
	bytes atomic.Int64 // read from the files
	aside atomic.Int64 // rows set aside for sorting

	mu       sync.Mutex
	line     *ProgressLine // nil to show nothing
	now      func() time.Time
	report   func(BadLine)
	total    int64 // the size of all files in bytes; 0 if unknown
	start    time.Time
	files    int
	rows     int // written
	badLines int
	badFiles int
	finished bool
}

func newMeter(o Options, total int64) *meter {
	m := &meter{now: o.now, report: o.Report, total: total, start: o.now()}
	if o.Progress != nil {
		m.line = NewProgressLine(o.Progress, o.Terminal, m.start)
	}
	return m
}

func (m *meter) opened() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.files++
}

// bad counts and reports a bad line.
func (m *meter) bad(b BadLine) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.finished {
		return // Run did not wait for the reader
	}
	if b.Line == 0 {
		m.badFiles++
	} else {
		m.badLines++
	}
	if m.report != nil {
		m.clear()
		m.report(b)
	}
}

// wrote sets the number of rows written so far.
func (m *meter) wrote(rows int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows = rows
	m.show()
}

// sorts counts a row that is set aside for sorting.
func (m *meter) sorts() { m.aside.Add(1) }

// tick is called for each line, and shows the progress at intervals.
func (m *meter) tick(line int) {
	if line%4096 != 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.show()
}

// badSoFar returns the number of bad lines and files so far.
func (m *meter) badSoFar() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.badLines + m.badFiles
}

// finish returns the counts. Nothing is shown or reported afterwards.
func (m *meter) finish() (files, badLines, badFiles int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	m.finished = true
	return m.files, m.badLines, m.badFiles
}

func (m *meter) clear() {
	if m.line != nil {
		m.line.Clear()
	}
}

func (m *meter) show() {
	if m.line != nil && !m.finished {
		m.line.Show(m.now(), m)
	}
}

// String describes the progress, such as "1,310,720 rows, 81,920 rows/s, 42 %".
func (m *meter) String() string {
	s := Rate(m.rows, m.now().Sub(m.start))
	if aside := m.aside.Load(); aside > 0 {
		s += fmt.Sprintf(", %s set aside for sorting", humanize.Comma(aside))
	}
	if m.total > 0 {
		s += fmt.Sprintf(", %d %%", min(100, 100*m.bytes.Load()/m.total))
	}
	if m.badLines > 0 {
		s += ", " + english.Plural(m.badLines, "bad line", "")
	}
	return s
}
