package importer

import (
	"fmt"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// note writes a message for the user.
func (f *follower) note(text string) { fmt.Fprintln(f.status, text) }

// report reports the progress once a minute.
func (f *follower) report() {
	if now := f.options.now(); now.Sub(f.reported) >= statusInterval {
		f.reported = now
		f.note(f.String())
		f.before = f.counts
	}
}

// String describes the progress, such as "following 2 files: 1,200 lines in the last minute, 56,789 in all;
// 1,234 rows new".
func (f *follower) String() string {
	var of []string
	if n := f.files.Files(); n > 0 {
		of = append(of, english.Plural(n, "file", ""))
	}
	if n := len(f.mails); n > 0 {
		of = append(of, english.Plural(n, "Maildir", ""))
	}
	if n := len(f.spools); n > 0 {
		of = append(of, english.Plural(n, "folder", ""))
	}
	if f.input != nil {
		of = append(of, "standard input")
	}
	text := "following " + english.WordSeries(of, "and") + ": "
	if len(f.mails) > 0 {
		text += fmt.Sprintf("%s and ", english.Plural(f.mailsRead-f.before.mailsRead, "mail", ""))
	}
	if len(f.spools) > 0 {
		text += fmt.Sprintf("%s and ", english.Plural(f.filesRead-f.before.filesRead, "file", ""))
	}
	text += fmt.Sprintf("%s in the last minute, %s in all; %s new", english.Plural(f.lines-f.before.lines, "line", ""),
		humanize.Comma(int64(f.lines+f.mailsRead+f.filesRead)), english.Plural(f.summary.New, "row", ""))
	if n := f.meter.badSoFar(); n > 0 {
		text += ", " + english.Plural(n, "bad line", "")
	}
	return text
}
