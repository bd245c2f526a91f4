package importer_test

import (
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
)

// Bounce messages may have attachments.
func TestRowsWithLongMessagesAreFollowed(t *testing.T) {
	t.Parallel()
	row := `{"kind":"bounce","user_id":21,"sender_id":17,"email_id":"e1","email_address":"a@example.net",` +
		`"process_time":1794304801,"bounce_time":1794304802,"bounce_type":"hard","bounce_category":"bad-mailbox",` +
		`"full_content":"` + strings.Repeat("x", 4<<20) + `"}` + "\n"
	text := emails(1) + row + email(1) + "\n"
	for name, o := range map[string]importer.Options{
		file(t, text): {}, importer.Stdin: {Stdin: strings.NewReader(text)},
	} {
		s := newShop(t)
		f := follow(t, s, o, name)
		eventually(t, "the rows", func() bool { e, b := s.count(t); return e == 2 && b == 1 })
		f.end(t)
		if f.sum.BadLines > 0 {
			t.Errorf("%s: %.200s", name, f.notes.String())
		}
	}
}
