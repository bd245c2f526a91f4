package importer

import (
	"bytes"
	"cmp"
	"fmt"
)

// maxTrial is how many bad lines at the beginning of a file, without a good one, show that it has
// another format.
const maxTrial = 20

// trial delays reports about the first lines of a file until it is clear whether the file contains
// rows at all. If it does, each bad line is reported. Otherwise a single message says what the file
// seems to be.
type trial struct {
	bad     func(line int, reason string) *BadLine // reports it
	strict  bool                                   // stop at the first bad line
	held    []fault
	text    []byte // of the lines held
	over    bool   // the file contains rows
	objects bool   // a line held begins like a JSON object
}

type fault struct {
	line   int
	reason string
}

// fault handles a bad line. If it returns a [*BadLine], the file is not read further.
func (t *trial) fault(n int, line []byte, reason string) error {
	t.held = append(t.held, fault{n, reason})
	if t.over {
		return t.report()
	}
	const enough = 64 << 10 // bytes, to detect a format
	t.text = append(append(t.text, line[:min(len(line), max(0, enough-len(t.text)))]...), '\n')
	t.objects = t.objects || bytes.HasPrefix(bytes.TrimLeftFunc(line, blank), []byte("{"))
	if t.over = isRow(line); t.over || t.strict || len(t.held) == maxTrial {
		return t.end()
	}
	return nil
}

// pass notes that the file contains rows.
func (t *trial) pass() {
	if !t.over {
		t.over = true
		_ = t.report() // with strict, nothing is held
	}
}

// end handles the end of the file or of the trial.
func (t *trial) end() error {
	if t.over || len(t.held) == 0 {
		return t.report()
	}
	what, sure := seems(t.text)
	if len(t.held) < maxTrial && !sure && (t.objects || len(t.held) == 1) {
		return t.report() // what is wrong with each line says more
	}
	lines := "its first line is not a row"
	if n := len(t.held); n > 1 {
		lines = fmt.Sprintf("none of its first %d lines is a row", n)
	}
	if what == "" || !sure {
		lines += fmt.Sprintf(" (line %d: %s)", t.held[0].line, t.held[0].reason)
	}
	return t.bad(0, fmt.Sprintf("%s: it seems to be %s; %s", lines, cmp.Or(what, "text of another kind"), formats))
}

// report reports the delayed lines. With strict it returns the first of them as the error.
func (t *trial) report() error {
	for _, f := range t.held {
		if bad := t.bad(f.line, f.reason); t.strict {
			return bad
		}
	}
	t.held, t.text = t.held[:0], nil
	return nil
}
