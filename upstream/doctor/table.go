package doctor

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"deliverygraph/upstream"
)

// width is the number of columns of a printed report.
const width = 100

// WriteTable prints the report for people: the data examined, passed checks,
// observations, checks that could not be made, differences, and the verdict in the last
// line. If the server could not be examined, it prints only a sentence that says why.
// With ascii it uses only ASCII characters.
func (r Report) WriteTable(w io.Writer, ascii bool) error {
	var p printer
	p.line("%s: %s in %v", r.URL, plural(r.Requests, "request"), r.Took.Round(time.Millisecond))
	p.line("")
	if len(r.Findings) > 0 {
		p.seen(r.Seen)
		rule := func(f Finding) string { return f.Rule }
		note := func(f Finding) string { return f.Rule + "\x00" + f.Note }
		p.section("Passed", "✓", groups(r.with(Agrees), rule), p.subjects)
		p.section("Observed, neither right nor wrong", "·", groups(r.with(Observed), note), p.note)
		p.section("Could not be checked", "?", groups(r.with(Unjudged), note), p.note)
		p.section("Differs, but the gateway copes", "≈", differences(r.with(Copes)), p.difference)
		p.section("Differs, and the gateway does not cope", "✗", differences(r.with(Breaks)), p.difference)
	}
	p.wrap("", r.conclusion())
	text := p.Bytes()
	if ascii {
		text = []byte(toASCII(string(text)))
	}
	_, err := w.Write(text)
	return err
}

// conclusion returns the verdict in words.
func (r Report) conclusion() string {
	breaks, copes := len(differences(r.with(Breaks))), len(differences(r.with(Copes)))
	switch v := r.Verdict(); {
	case r.Trouble != "":
		return "The gateway cannot use this server: " + strings.ToLower(r.Trouble[:1]) + r.Trouble[1:]
	case v == WillNotDo && copes > 0:
		return fmt.Sprintf("The gateway cannot use this server: it does not cope with %s, and copes with %d.",
			plural(breaks, "difference"), copes)
	case v == WillNotDo:
		return fmt.Sprintf("The gateway cannot use this server: it does not cope with %s.",
			plural(breaks, "difference"))
	case v == Unproven:
		return "Cannot tell whether the gateway can use this server: there was no data to check. " +
			"Try a window that holds some."
	case v == Differs:
		return fmt.Sprintf("The gateway can use this server: it copes with %s.", plural(copes, "difference"))
	}
	return "The gateway can use this server: no differences were found."
}

func (r Report) with(o Outcome) (found []Finding) {
	for _, f := range r.Findings {
		if f.Outcome == o {
			found = append(found, f)
		}
	}
	return found
}

// printer formats a report.
type printer struct{ bytes.Buffer }

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// wrap prints prefix and text, wrapped at spaces and indented by the prefix's width.
func (p *printer) wrap(prefix, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	line, empty := prefix, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			p.line("%s", line)
			line, empty = indent, true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	p.line("%s", line)
}

// seen prints which data was examined.
func (p *printer) seen(all [len(upstream.Kinds)]Seen) {
	p.line("Examined")
	for _, k := range upstream.Kinds {
		s := all[k]
		counted := "not counted"
		if s.Counted >= 0 {
			counted = humanize.Comma(s.Counted)
		}
		span := func(w upstream.Window) string {
			return w.Start.UTC().Format(time.DateTime) + " – " + w.End.UTC().Format(time.DateTime)
		}
		text := fmt.Sprintf("%s UTC: %s", span(s.Window), counted)
		switch {
		case s.Rows == 0:
		case s.Part == s.Window || s.Counted == int64(s.Rows):
			text += ", all of them row by row"
		default:
			text += fmt.Sprintf("; row by row %d of %s", s.Rows, span(s.Part))
		}
		p.wrap(fmt.Sprintf("  %-15s ", k.String()), text)
	}
	p.line("")
}

// group is several findings that are printed as one: the first, with all subjects.
type group struct {
	Finding
	subjects []string
}

// groups groups findings by key, in the order of their first.
func groups(findings []Finding, key func(Finding) string) (all []*group) {
	known := map[string]*group{}
	for _, f := range findings {
		k := key(f)
		if known[k] == nil {
			known[k] = &group{Finding: f}
			all = append(all, known[k])
		}
		known[k].subjects = append(known[k].subjects, f.Subject)
	}
	return all
}

// differences groups findings that are the same difference at several endpoints.
func differences(findings []Finding) []*group {
	return groups(findings, func(f Finding) string { return f.Rule + "\x00" + f.alike + "\x00" + f.Effect })
}

// section prints findings under a title, each group after a mark, if there are any.
func (p *printer) section(title, mark string, all []*group, print func(*group)) {
	if len(all) == 0 {
		return
	}
	p.line("%s", title)
	for i, g := range all {
		if i == 0 || g.Rule != all[i-1].Rule || g.Outcome >= Copes {
			p.wrap("  "+mark+" ", g.Rule)
		}
		print(g)
	}
	p.line("")
}

// subjects prints where a rule holds.
func (p *printer) subjects(g *group) { p.wrap("      ", strings.Join(g.subjects, ", ")) }

// note prints subjects and their note.
func (p *printer) note(g *group) { p.wrap("      ", strings.Join(g.subjects, ", ")+": "+g.Note) }

// difference prints a difference in full.
func (p *printer) difference(g *group) {
	p.subjects(g)
	p.wrap("      request ", g.Asked)
	p.wrap("      got     ", g.Came)
	p.wrap("      want    ", g.Wanted)
	p.wrap("      effect  ", g.Effect)
}

// toASCII replaces the marks of reports by ASCII ones and other characters by ?.
func toASCII(s string) string {
	s = strings.NewReplacer("✓", "+", "·", "-", "≈", "~", "✗", "!", "…", "...", "–", "-").Replace(s)
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, s)
}
