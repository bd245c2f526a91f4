package gateway

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer"
	"deliverygraph/upstream/embedded/importer/format/dsn"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
)

type classifyCommand struct {
	Files        []string `arg:"" optional:"" name:"file"`
	Rules        string   `placeholder:"FILE"`
	PrintRules   bool
	JSON         bool `name:"json"`
	Unclassified bool
	Data         string `placeholder:"FILE"`
}

// Run classifies diagnostics.
func (c *classifyCommand) Run(ctx context.Context, io Streams) error {
	if c.PrintRules {
		if c.Unclassified || len(c.Files) > 0 {
			return badSetting("--print-rules prints the embedded rules: leave out --unclassified and files")
		}
		_, err := fmt.Fprint(io.Out, classify.Embedded())
		return err
	}
	rules, err := loadRules(c.Rules)
	if err != nil {
		return err
	}
	switch {
	case c.Unclassified && c.Data == "":
		return badSetting("--unclassified needs --data, the store whose bounces to list, such as --data metrics.db")
	case c.Unclassified && len(c.Files) > 0:
		return badSetting("--unclassified lists the bounces of --data: leave out %s", c.Files[0])
	case c.Unclassified:
		return c.unknown(ctx, rules, io)
	case c.Data != os.Getenv("DELIVERYGRAPH_DATA"): // which may be set for the other commands
		return badSetting("--data is for --unclassified, which lists the bounces of a store that no rule matches; "+
			"to sort all of them, use deliverygraph reclassify --data %s --dry-run", nameOfData(c.Data))
	}
	if len(c.Files) == 0 {
		c.Files = []string{"-"}
	}
	files, err := importer.Files(c.Files)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(io.Out)
	for _, name := range files {
		if err := c.file(name, rules, out, io); err != nil {
			return errors.Join(err, out.Flush())
		}
	}
	return out.Flush()
}

// loadRules returns the embedded rules, extended by those of a file if one is named.
func loadRules(file string) (*classify.Rules, error) {
	if file == "" {
		return classify.Default(), nil
	}
	rules, err := classify.Load(file)
	if err != nil {
		err = fmt.Errorf("%w (deliverygraph classify --print-rules prints an example of such a file)", err)
		return nil, badFile("--rules", err, "give a file of rules, or leave it out for the embedded ones")
	}
	return rules, nil
}

// loadProviders returns the embedded providers of mailboxes, extended by those of a file if one is named.
func loadProviders(file string) (*grouped.Providers, error) {
	if file == "" {
		return grouped.DefaultProviders(), nil
	}
	f, err := os.Open(file)
	if err == nil {
		defer f.Close()
		var t *grouped.Providers
		if t, err = grouped.DefaultProviders().With(f); err == nil {
			return t, nil
		}
		err = fmt.Errorf("%s: %w", file, err)
	}
	return nil, badFile("--providers", err, "give a file of providers, or leave it out for the embedded ones")
}

// file classifies the contents of a file: mails if it begins with one, otherwise lines.
func (c *classifyCommand) file(name string, rules *classify.Rules, out *bufio.Writer, s Streams) error {
	shownName := cmp.Or(strings.TrimPrefix(name, "-"), "standard input")
	r := bufio.NewReaderSize(s.In, 64<<10)
	if name != "-" {
		text, closed, err := importer.OpenText(name)
		if err != nil {
			return err
		}
		defer closed()
		r = text
	}
	if head, err := r.Peek(1); len(head) == 0 {
		if err == io.EOF {
			return nil
		}
		return fmt.Errorf("%s: %w", shownName, err)
	}
	head, _ := r.Peek(r.Buffered()) // without waiting for more: input may be typed by hand
	if name == "-" && (bytes.HasPrefix(head, []byte("\x1f\x8b")) || bytes.IndexByte(head, 0) >= 0) {
		return errors.New("standard input is compressed or binary, not text: decompress it first")
	}
	if dsn.Format.Recognise(head) {
		return c.mails(shownName, r, rules, out, s)
	}
	for {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) { // text beyond the buffer is ignored
			line = slices.Clone(line)
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = r.ReadSlice('\n')
			}
		}
		if text := strings.TrimSpace(string(line)); text != "" {
			if err := c.print(out, rules.Classify("", text, ""), classified{Diagnostic: text}); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%s: %w", shownName, err)
		case r.Buffered() == 0: // show each result at once
			if err := out.Flush(); err != nil {
				return err
			}
		}
	}
}

// mails classifies each recipient of bounce mails.
func (c *classifyCommand) mails(name string, r *bufio.Reader, rules *classify.Rules, out *bufio.Writer,
	s Streams) error {
	for m, err := range dsn.All(r) {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if m.Refusal != "" {
			fmt.Fprintf(s.Err, "%s:%d: %s\n", name, m.Line, m.Refusal)
		}
		recipients := m.Recipients
		if len(recipients) == 0 {
			recipients = []dsn.Recipient{{}}
		}
		for _, to := range recipients {
			match := rules.Classify(to.Code(), to.Diagnostic, m.Notice)
			if to.Expired {
				match = rules.ClassifyExpired(to.Code(), to.Diagnostic)
			}
			if m.Refusal != "" && match.Rule.Name == "" || to.Action == "delivered" || to.Action == "relayed" ||
				to.Action == "expanded" {
				continue
			}
			said := classified{Recipient: to.Address, Action: to.Action, Code: to.Code(), Diagnostic: to.Diagnostic}
			if err := c.print(out, match, said); err != nil {
				return err
			}
		}
	}
	return nil
}

// classified is what --json prints.
type classified struct {
	Category    string              `json:"category"`
	Type        upstream.BounceType `json:"type"`
	Rule        string              `json:"rule"`
	Matched     string              `json:"matched"`
	Description string              `json:"description,omitempty"`
	Recipient   string              `json:"recipient,omitempty"`
	Action      string              `json:"action,omitempty"`
	Code        string              `json:"code,omitempty"`
	Diagnostic  string              `json:"diagnostic,omitempty"`
}

// print prints a classification.
func (c *classifyCommand) print(out *bufio.Writer, m classify.Match, said classified) error {
	if c.JSON {
		said.Category, said.Type, said.Rule = m.Rule.Category, m.Rule.Type, m.Rule.Name
		said.Matched, said.Description = m.Words, m.Rule.Description
		e := json.NewEncoder(out)
		e.SetEscapeHTML(false)
		return e.Encode(said)
	}
	line := []string{m.Rule.Category, string(m.Rule.Type), cmp.Or(m.Rule.Name, "-"), cmp.Or(m.Words, "-")}
	if said.Recipient != "" {
		line = append(line, said.Recipient)
	}
	_, err := fmt.Fprintln(out, strings.Join(line, "\t"))
	return err
}

// unknown lists the diagnostics in the store that no rule matches.
func (c *classifyCommand) unknown(ctx context.Context, rules *classify.Rules, s Streams) error {
	said, total := make(map[string]int), 0
	count := func(d upstream.BounceDetail) (unchanged store.Class) {
		if d.Category != classify.Unclassified ||
			rules.Classify(d.Code, d.DiagnosticCode, noticeOf(d)).Rule.Name != "" {
			return // a rule matches by now: reclassify would change it
		}
		text := strings.TrimSpace(d.Code + " " + grouped.Pattern(cmp.Or(d.DiagnosticCode, noticeOf(d)), d.Local))
		said[cmp.Or(text, "(nothing)")]++
		total++
		return
	}
	if err := (storeFlags{c.Data}).reading(ctx, func(s store.Store) error {
		_, err := s.Reclassify(ctx, true, count)
		return err
	}); err != nil {
		return err
	}
	texts := slices.SortedFunc(maps.Keys(said), func(a, b string) int {
		return cmp.Or(said[b]-said[a], strings.Compare(a, b))
	})
	out := bufio.NewWriter(s.Out)
	for _, text := range texts {
		fmt.Fprintf(out, "%d\t%s\n", said[text], text)
	}
	fmt.Fprintf(s.Err, "%s of %s that no rule matches\n", english.Plural(len(texts), "text", ""),
		english.Plural(total, "bounce", ""))
	return out.Flush()
}

// noticeOf returns the human-readable part of a bounce's message, if it has one.
func noticeOf(d upstream.BounceDetail) string {
	if d.FullContent == "" {
		return ""
	}
	return dsn.Notice(d.FullContent)
}
