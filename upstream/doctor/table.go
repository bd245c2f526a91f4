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

// Layout says how a report is printed.
type Layout struct {
	Width int  // columns; 0 is 100, and fewer than 60 are 60
	ASCII bool // for terminals that print nothing else
}

// WriteTable prints the report for a person: what was looked at, what agrees, what was
// seen and what could not be judged, what differs, and the verdict in the last line.
// Where the server could not be examined it is a sentence, and no more.
func (r Report) WriteTable(w io.Writer, l Layout) error {
	if l.Width == 0 {
		l.Width = 100
	}
	p := printer{width: max(l.Width, 60)}
	p.line("%s: %s in %v", r.URL, plural(r.Requests, "request"), r.Took.Round(time.Millisecond))
	p.line("")
	if len(r.Findings) > 0 {
		p.seen(r.Seen)
		p.short("Agrees", "✓", r.with(Agrees))
		p.noted("Seen, and neither right nor wrong", "·", r.with(Told))
		p.noted("Could not be judged", "?", r.with(Unjudged))
		p.long("Differs, and the gateway copes", "≈", r.with(Copes))
		p.long("Differs, and the gateway does not cope", "✗", r.with(Breaks))
	}
	p.wrap("", r.conclusion())
	text := p.Bytes()
	if l.ASCII {
		text = []byte(ascii(string(text)))
	}
	_, err := w.Write(text)
	return err
}

// conclusion is the verdict in words.
func (r Report) conclusion() string {
	breaks, copes := len(differences(r.with(Breaks))), len(differences(r.with(Copes)))
	switch v := r.Verdict(); {
	case r.Trouble != "":
		return "It will not do: " + strings.ToLower(r.Trouble[:1]) + r.Trouble[1:]
	case v == WillNotDo && copes > 0:
		return fmt.Sprintf("It will not do: the gateway does not cope with %s, and copes with %d.", plural(breaks, "difference"), copes)
	case v == WillNotDo:
		return fmt.Sprintf("It will not do: the gateway does not cope with %s.", plural(breaks, "difference"))
	case v == Unproven:
		return "Nothing speaks against it, but there was no data to judge it by: try a window that holds some."
	case v == Differs:
		return fmt.Sprintf("It will do: there %s, and the gateway copes.", map[bool]string{true: "is 1 difference", false: "are " + plural(copes, "difference")}[copes == 1])
	}
	return "It will do: no differences were found."
}

func (r Report) with(o Outcome) (found []Finding) {
	for _, f := range r.Findings {
		if f.Outcome == o {
			found = append(found, f)
		}
	}
	return found
}

// printer gathers a report's lines.
type printer struct {
	bytes.Buffer
	width int
}

func (p *printer) line(format string, args ...any) {
	p.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// wrap prints text after a prefix, and goes on below its end. Words stay whole.
func (p *printer) wrap(prefix, text string) {
	indent := strings.Repeat(" ", utf8.RuneCountInString(prefix))
	line, empty := prefix, true
	for word := range strings.FieldsSeq(text) {
		if !empty && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > p.width {
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

// seen prints what was looked at.
func (p *printer) seen(all [len(upstream.Kinds)]Seen) {
	p.line("Looked at")
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
			text += fmt.Sprintf("; row by row %d up to %s", s.Rows, s.Part.End.UTC().Format(time.DateTime))
			if s.Part.Start != s.Window.Start {
				text = fmt.Sprintf("%s UTC: %s; row by row %d of %s", span(s.Window), counted, s.Rows, span(s.Part))
			}
		}
		p.wrap(fmt.Sprintf("  %-15s ", k.String()), text)
	}
	p.line("")
}

// group is findings that are told together, by the first of them.
type group struct {
	Finding
	subjects []string
}

// groups puts findings together that are equal in what key gives.
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

// differences are findings of which those that are alike are one.
func differences(findings []Finding) []*group {
	return groups(findings, func(f Finding) string { return f.Rule + "\x00" + f.alike + "\x00" + f.Effect })
}

// short prints rules, and where they hold.
func (p *printer) short(title, mark string, findings []Finding) {
	if len(findings) == 0 {
		return
	}
	p.line("%s", title)
	for _, g := range groups(findings, func(f Finding) string { return f.Rule }) {
		p.wrap("  "+mark+" ", g.Rule)
		p.wrap("      ", strings.Join(g.subjects, ", "))
	}
	p.line("")
}

// noted prints rules, where, and what there is to say of them.
func (p *printer) noted(title, mark string, findings []Finding) {
	if len(findings) == 0 {
		return
	}
	p.line("%s", title)
	rule := ""
	for _, g := range groups(findings, func(f Finding) string { return f.Rule + "\x00" + f.Note }) {
		if g.Rule != rule {
			p.wrap("  "+mark+" ", g.Rule)
			rule = g.Rule
		}
		p.wrap("      ", strings.Join(g.subjects, ", ")+": "+g.Note)
	}
	p.line("")
}

// long prints differences with all there is to know of them.
func (p *printer) long(title, mark string, findings []Finding) {
	if len(findings) == 0 {
		return
	}
	p.line("%s", title)
	for _, g := range differences(findings) {
		p.wrap("  "+mark+" ", g.Rule)
		p.wrap("      ", strings.Join(g.subjects, ", "))
		p.wrap("      asked   ", g.Asked)
		p.wrap("      came    ", g.Came)
		p.wrap("      wanted  ", g.Wanted)
		p.wrap("      so      ", g.Effect)
	}
	p.line("")
}

// ascii writes our own marks in ASCII, and ? for other characters.
func ascii(s string) string {
	s = strings.NewReplacer("✓", "+", "·", "-", "≈", "~", "✗", "!", "…", "...", "–", "-").Replace(s)
	return strings.Map(func(r rune) rune {
		if r > '~' {
			return '?'
		}
		return r
	}, s)
}
