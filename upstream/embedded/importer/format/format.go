// Package format defines what the importer needs of a file format: of mail logs, bounce mails,
// and the events of delivery services.
//
// The packages below this one turn files into [Record] values: format/services those of
// delivery services, and one each those of Postfix, Exim and bounce mails. The importer does
// the rest for all formats: it numbers users and senders, sorts bounces into categories, and
// writes to the store.
package format

import (
	"bufio"
	"context"
	"io"
	"time"

	"deliverygraph/upstream"
)

// Outcome is what became of a message for one recipient.
type Outcome uint8

// The outcomes. If there are several records for a message and recipient, in any order, Blocked and
// Bounced take precedence over Delivered, and Delivered over Accepted.
const (
	Accepted  Outcome = iota // accepted for delivery, with no outcome so far
	Delivered                // accepted by the receiving server
	Bounced                  // refused, returned, or expired in the queue
	Blocked                  // not sent, because the recipient is suppressed
)

// Record is what a file says about one message and one of its recipients. Its strings need not be
// valid UTF-8: the importer replaces invalid bytes with U+FFFD.
type Record struct {
	Outcome   Outcome
	Account   string        // the account, tenant or subaccount that sent it; empty if the format has none
	Sender    string        // the From or envelope address; empty if it is unknown
	EmailID   string        // unique per recipient: see FORMAT.md; must not contain an address
	Recipient string        // the recipient's address, as it was given
	Processed upstream.Time // when the message was accepted for delivery, in Unix seconds
	Time      upstream.Time // when the outcome was reported, in Unix seconds

	// For Bounced.
	Code       string // enhanced status code (RFC 3463), such as "5.1.1"; empty if there is none
	Diagnostic string // what the receiving server said, such as "smtp;550 5.1.1 User unknown"
	Content    string // the whole bounce message, if the record comes from one
	Notice     string // its text for people, if that is about this recipient only
	// Expired is set for Bounced if the sending server gave up after temporary failures. Diagnostic is then
	// about the last attempt. See [classify.Rules.ClassifyExpired].
	Expired bool

	// For Bounced, if the format provides them. Otherwise the importer applies its rules.
	Type     upstream.BounceType
	Category string

	Reason  string            // for Blocked, such as "hardbounce"
	Headers []upstream.Header // custom X- headers of the message, in the order sent

	// Earliest is set if Sender, Processed, or a part of EmailID may be guesses, because other records say more about
	// the message; for Blocked without AnyAccount, if Processed may be. It is the earliest time at which the server may
	// have accepted the message. In all other records it is zero.
	Earliest upstream.Time
	// Latest is the end of the window that Earliest begins, if email ids are unique. In records of logs, whose ids
	// begin with a time that may be a guess, it is zero.
	Latest upstream.Time
	// AnyAccount is set with Latest if other records of the message may name another account or sender, or none. Then
	// the first record of a message decides whose it is.
	AnyAccount bool
	// Place is set with Latest if recipients share EmailID, and other records may not say so. It is the recipient's
	// place, from 1, which becomes part of the id: see [NthID].
	Place int
}

// Sink receives what a reader finds. If a method returns an error, the reader stops.
type Sink interface {
	// Record handles a record that begins on a line of the file, counted from 1.
	Record(line int, r Record) error
	// Skip counts a valid record that has no rows. The reason is one of a few short phrases, such as
	// "delay notice" or "open event".
	Skip(reason string)
	// Bad reports an invalid record, and why it is invalid. The reader continues with the next record
	// unless Bad returns an error.
	Bad(line int, reason string) error
}

// File is one input, decompressed.
type File struct {
	Name    string    // for messages
	ModTime time.Time // when it was last written, for the year of logs without one; zero if unknown
	// Clock is set if the file is read in pieces whose years depend on each other. It holds the time
	// of the last line before this piece, zero if there is none. The reader sets it to the time of the
	// last line of the piece.
	Clock *time.Time
	*bufio.Reader
}

// BufferSize is the size of a file's buffer, and so how many bytes readers can peek at.
const BufferSize = 256 << 10

// NewFile returns a file that is read from r.
func NewFile(name string, modTime time.Time, r io.Reader) File {
	return File{Name: name, ModTime: modTime, Reader: bufio.NewReaderSize(r, BufferSize)}
}

// Beginning returns the first bytes of the file that are available without waiting. It must be called
// before anything is read, and the result is valid until then.
func (f File) Beginning() []byte {
	_, _ = f.Peek(1) // the error occurs again when the file is read
	head, _ := f.Peek(f.Buffered())
	return head
}

// Reader reads the files of one format. It is not safe for concurrent use.
type Reader interface {
	// Read reads f to its end. It returns errors of reading, of ctx and of the sink. Invalid content
	// is reported by [Sink.Bad] instead.
	Read(ctx context.Context, f File, s Sink) error
}

// Keeper is a Reader of logs that describe a message in several lines. It keeps unfinished messages in
// bounded memory, because their other lines may be in the next file, or in that of a later import.
type Keeper interface {
	Reader
	// Flush passes on the recipients without an outcome, unless it already has. The messages are kept.
	// Growing says that the log is being written at the moment.
	Flush(s Sink, growing bool) error
	// Save calls put with each message that has changed since it was loaded or saved. An empty value
	// says that the message is finished.
	Save(put func(key, value string))
	// Load adds messages that Save returned earlier. It is called before Read, and ignores invalid
	// values, such as those of a newer release.
	Load(saved map[string]string)
}

// OtherProgram is the reason for skipping a line of a log that the format's program did not write.
const OtherProgram = "line of another program"

// Options say how to interpret what files leave open.
type Options struct {
	Location *time.Location // of times without a zone; nil means UTC
	Now      time.Time      // the latest possible time of a line, for the year of logs without one; zero means now
}

// Format is a file format.
type Format struct {
	Name  string // for --format, such as "postfix"
	About string // one line for --help and docs, such as "Postfix mail logs: syslog, RFC 3339, journalctl -o json"
	// Recognise reports whether a file that begins with head has this format. Head has at most 64 KiB,
	// and may end anywhere.
	Recognise func(head []byte) bool
	// Begins returns the time of a file's first record, or zero if it is unknown. The importer reads the
	// files of a format in the order of these times, because shells list the newest of rotated logs
	// first. Begins may peek at f, but not read from it. It is nil if the order does not matter.
	Begins func(f File, o Options) time.Time
	New    func(Options) Reader
	// Header reports whether the first line of a file names the columns of the others. It is nil if the
	// format has no such line.
	Header func(line []byte) bool
	// Whole says that files are not read line by line, so that they cannot be followed.
	Whole bool
}
