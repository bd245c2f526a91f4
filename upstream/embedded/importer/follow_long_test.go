package importer_test

import (
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"deliverygraph/upstream/embedded/importer"
)

// longBounce returns a bounce whose message has n bytes.
func longBounce(n int) string {
	return `{"kind":"bounce","user_id":21,"sender_id":17,"email_id":"e1","email_address":"a@example.net",` +
		`"process_time":1794304801,"bounce_time":1794304802,"bounce_type":"hard","bounce_category":"bad-mailbox",` +
		`"full_content":"` + strings.Repeat("x", n) + `"}` + "\n"
}

// Bounce messages may have attachments.
func TestRowsWithLongMessagesAreFollowed(t *testing.T) {
	t.Parallel()
	text := emails(1) + longBounce(4<<20) + email(1) + "\n"
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

// A pipe may be written a few bytes at a time.
func TestALongLineOfAPipeIsReadInLinearTime(t *testing.T) {
	t.Parallel()
	text := iotest.OneByteReader(strings.NewReader(emails(1) + longBounce(2<<20)))
	s := newShop(t)
	f := follow(t, s, importer.Options{Stdin: text}, importer.Stdin)
	select {
	case err := <-f.ended:
		if _, bounces := s.count(t); err != nil || bounces != 1 {
			t.Errorf("%d bounces, %v", bounces, err)
		}
	case <-time.After(time.Minute):
		t.Error("a line of 2 MiB takes more than a minute")
	}
}
