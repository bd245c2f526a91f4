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

// How often progress is shown.
const (
	terminalInterval = 100 * time.Millisecond
	logInterval      = 10 * time.Second
)

// meter tracks the progress of an import, and shows it. It is safe for concurrent use.
type meter struct {
	bytes atomic.Int64 // read from the files
	aside atomic.Int64 // rows set aside for sorting

	mu       sync.Mutex
	out      io.Writer
	terminal bool
	now      func() time.Time
	report   func(BadLine)
	total    int64 // the size of all files in bytes; 0 if unknown
	start    time.Time
	shown    time.Time
	begun    bool // the progress line is on the terminal
	files    int
	rows     int // written
	badLines int
	badFiles int
	finished bool
}

func newMeter(o Options, total int64) *meter {
	m := &meter{out: o.Progress, terminal: o.Terminal, now: o.now, report: o.Report, total: total, start: o.now()}
	m.shown = m.start
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
func (m *meter) finish() (files, badLines, badFiles int, bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.clear()
	m.finished = true
	return m.files, m.badLines, m.badFiles, m.bytes.Load()
}

func (m *meter) clear() {
	if m.begun {
		fmt.Fprint(m.out, "\r\x1b[K")
		m.begun = false
	}
}

func (m *meter) show() {
	interval := logInterval
	if m.terminal {
		interval = terminalInterval
	}
	now := m.now()
	if m.out == nil || m.finished || now.Sub(m.shown) < interval {
		return
	}
	m.shown = now
	if m.terminal {
		fmt.Fprintf(m.out, "\r%s\x1b[K", m)
		m.begun = true
	} else {
		fmt.Fprintln(m.out, m)
	}
}

// String describes the progress, such as "1,310,720 rows, 81,920 rows/s, 42 %".
func (m *meter) String() string {
	seconds := max(m.now().Sub(m.start).Seconds(), 1e-9)
	s := fmt.Sprintf("%s rows, %s rows/s", humanize.Comma(int64(m.rows)),
		humanize.Comma(int64(float64(m.rows)/seconds)))
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
