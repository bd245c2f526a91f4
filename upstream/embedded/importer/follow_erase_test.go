package importer_test

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/store"
)

// A running import holds an unfinished message in memory whose recipient is erased from the store. It must not store
// the recipient again with the next lines, and lose none of these.
func TestErasedRecipientsOfUnfinishedMessagesAreNotStoredAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "mail.log")
	in, out := io.Pipe()
	defer out.Close()
	for name, c := range map[string]struct {
		file  string
		write func(string)
	}{
		"file":           {path, func(text string) { appendTo(t, path, text) }},
		"standard input": {"-", func(text string) { fmt.Fprint(out, text) }},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShop(t)
			f := follow(t, s, importer.Options{Stdin: in}, c.file)
			has := func(word string) func() bool {
				return func() bool {
					state, err := s.State(t.Context(), store.UnfinishedPrefix)
					return err == nil && strings.Contains(fmt.Sprint(state), word)
				}
			}
			write := c.write
			go write(logBegin)
			eventually(t, "the message is kept", has("c@example.net"))
			if n, err := s.Erase(t.Context(), "c@example.net", false); err != nil || n.Unfinished != 1 {
				t.Fatal(n, err)
			}
			// Another recipient of the message, and another message.
			other := strings.NewReplacer("4B1ED9C4292", "5C1ED9C4292", "@example.net", "@example.org")
			go write(logEnd + other.Replace(logBegin))
			eventually(t, "the other message is kept", has("c@example.org"))
			f.end(t)
			if has("c@example.net")() {
				t.Error("the erased address is stored again")
			}
			if text := fmt.Sprint(s.rows(t)); strings.Contains(text, "c@example.net") ||
				!strings.Contains(text, "a@example.net 1 true") || !strings.Contains(text, "b@example.org 1 hard") {
				t.Errorf("the rows are %s", text)
			}
			if got := f.sum.Formats[0]; len(f.sum.Formats) != 1 || got.Files != 1 ||
				fmt.Sprint(got.Outcomes) != "[2 1 2 0]" {
				t.Errorf("the summary is %+v", f.sum.Formats)
			}
		})
	}
}

// An import that was running during an erase stores nothing of what it holds in memory, and says so.
func TestImportsFailIfUnfinishedMessagesAreErasedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	s.take(t, importer.Options{}, file(t, logBegin))
	in, out := io.Pipe()
	go func() {
		fmt.Fprint(out, strings.ReplaceAll(logBegin, "4B1ED9C4292", "5C1ED9C4292")) // the format is detected from it
		fmt.Fprint(out, strings.ReplaceAll(logBegin, "4B1ED9C4292", "6D1ED9C4292")) // returns once that was read
		_, err := s.Erase(t.Context(), "c@example.net", false)
		_ = out.CloseWithError(err)
	}()
	if _, err := s.try(t, importer.Options{Stdin: in}, "-"); !errors.Is(err, store.ErrChanged) {
		t.Errorf("the error is %v", err)
	}
	if text := fmt.Sprint(s.rows(t)); strings.Contains(text, "c@example.net") {
		t.Errorf("the rows are %s", text)
	}
}
