// Package format is the contract between the importer and the readers of foreign
// files: mail logs, bounce mails, and the events of delivery services.
//
// A reader has a package of its own below this one, such as format/postfix, and turns
// what it reads into [Record] values. It neither numbers users and senders nor sorts
// bounces into categories nor knows the store: the importer does that for all formats.
package format

import (
	"bufio"
	"context"
	"io"
	"time"

	"deliverygraph/upstream"
)

// Outcome says what became of a message for one recipient.
type Outcome uint8

// The outcomes. If a file reports several for the same message and recipient, in
// whatever order, Blocked and Bounced win over Delivered, and Delivered over Accepted.
const (
	Accepted  Outcome = iota // taken for delivery; nothing further is known
	Delivered                // the receiving server took it
	Bounced                  // it came back, or its time ran out
	Blocked                  // it was never sent, because its recipient is suppressed
)

// Record is what a file says about one message and one of its recipients. Its strings may
// hold bytes that are not UTF-8, as mail logs do: the importer replaces them by U+FFFD.
type Record struct {
	Outcome   Outcome
	Account   string        // the account, tenant or subaccount that sent it; empty if the format has none
	Sender    string        // the From address; empty if the format does not tell
	EmailID   string        // unique per recipient: see FORMAT.md; must not contain an address
	Recipient string        // the recipient's address, as it was given
	Processed upstream.Time // when the message was taken for delivery, Unix seconds
	Time      upstream.Time // when the outcome was reported, Unix seconds

	// For Bounced.
	Code       string // enhanced status code (RFC 3463), such as "5.1.1"; empty if there is none
	Diagnostic string // what the receiving server said, such as "smtp;550 5.1.1 User unknown"
	Content    string // the whole bounce message, if the source is one

	// For Bounced, if the format itself says so; otherwise the importer decides by its rules.
	Type     upstream.BounceType
	Category string

	Reason  string            // for Blocked, such as "hardbounce"
	Headers []upstream.Header // custom X- headers of the message, in the order sent

	// Earliest is for records whose Sender, Processed and time in EmailID are guesses, as those of
	// mail logs without the lines about the beginning of a message. It is the earliest time at which
	// the server may have taken the message, and zero in all other records.
	Earliest upstream.Time
}

// Sink takes what a reader finds. Its errors end the reading.
type Sink interface {
	// Record takes a record that was read at a line of the file, counted from 1.
	Record(line int, r Record) error
	// Skip counts a record that is well formed and makes no row. The reason is a short
	// phrase of a small set, such as "delay notice" or "open event".
	Skip(reason string)
	// Bad reports what cannot be read, and why. Reading goes on with the next record
	// unless Bad returns an error.
	Bad(line int, reason string) error
}

// File is one input, decompressed.
type File struct {
	Name    string    // for messages
	ModTime time.Time // when it was last written, which tells the year of logs without one; zero if unknown
	// Clock is for a file that is read piece by piece. It holds the time of the last line before
	// the piece, zero if there is none, and gets that of the last line in it, as far as the year
	// of a line depends on the line before.
	Clock *time.Time
	*bufio.Reader
}

// BufferSize is how much of a file lies in memory at a time, so how much can be looked at
// before it is read.
const BufferSize = 256 << 10

// NewFile makes a file that is read from r.
func NewFile(name string, modTime time.Time, r io.Reader) File {
	return File{Name: name, ModTime: modTime, Reader: bufio.NewReaderSize(r, BufferSize)}
}

// Beginning returns what of the file's beginning can be had without waiting, if nothing was read
// yet. It is valid until something is read.
func (f File) Beginning() []byte {
	_, _ = f.Peek(1) // an error comes again when the file is read
	head, _ := f.Peek(f.Buffered())
	return head
}

// Reader reads the files of one format. It is not safe for concurrent use.
type Reader interface {
	// Read reads f to its end. Its error is that of reading, of the context or of the sink:
	// what is wrong with the content goes to [Sink.Bad].
	Read(ctx context.Context, f File, s Sink) error
}

// Keeper is a Reader of logs that tell about a message in several lines. It keeps the messages
// whose end it has not read, in bounded memory: their other lines may follow in another file,
// such as the next one that is rotated, or in a later import.
type Keeper interface {
	Reader
	// Flush hands over the recipients whose outcome is open, as far as it did not before. The
	// messages are kept. Growing says that lines may be on their way at the moment.
	Flush(s Sink, growing bool) error
	// Save calls put with the messages that have changed since they were loaded or saved, under
	// keys of their own. An empty value removes a message.
	Save(put func(key, value string))
	// Load adds the messages that Save gave, before anything is read. It passes over values that
	// it cannot read, such as those of a newer release.
	Load(saved map[string]string)
}

// Options say how to read what a file leaves open.
type Options struct {
	Location *time.Location // of times without a zone; nil is UTC
	Now      time.Time      // no log line is later than this, which tells the year of those without one; zero is now
}

// Format is one kind of file.
type Format struct {
	Name  string // what --format takes, such as "postfix"
	About string // one line for --help and docs, such as "Postfix mail logs: syslog, RFC 3339, journalctl -o json"
	// Recognise reports whether a file that begins with head is of this format. Head is
	// as much as 64 KiB, cut anywhere.
	Recognise func(head []byte) bool
	// Begins returns the time of a file's first record, zero if it cannot tell. The importer
	// reads the files of a format in the order of these times, as shells list the newest of
	// rotated logs first. It is nil if the order does not matter. It reads nothing from f
	// and may peek at it.
	Begins func(f File, o Options) time.Time
	New    func(Options) Reader
	// Header reports whether a line, the first of a file, tells how to read the others. It is nil if
	// there is none such.
	Header func(line []byte) bool
	// Whole says that a file is read as a whole, and not line by line, so that it cannot be read
	// while it grows.
	Whole bool
}
