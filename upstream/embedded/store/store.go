// Package store is the contract of the database that keeps the events of the metrics API: serving, importing and
// maintenance use a [Store], and know nothing of what is behind it. Packages sqlite and clickhouse implement it, by
// rules that are here: how rows of a message are merged, events grouped, and addresses erased. Package storetest tests
// any implementation.
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"deliverygraph/upstream"
)

// Store is a database of emails, bounces, blocked emails and senders.
//
// It is safe for concurrent use, and other processes may use the same data. Each call that reads sees one state of it,
// between two writes. A call returns when its context ends, with the context's error. Other errors are an
// [upstream.Error], or name the data; both may wrap one of the causes below.
type Store interface {
	Reader
	Writer
	Maintainer

	// Generation returns the number of the last transaction that changed rows, and of the last one that changed
	// senders, removed events, or changed events that were at least so old at the time; 0 if there was none. As long as
	// old stays the same, so do answers about older events; as long as last does, so do all answers. Transactions of
	// other processes count. It is quick enough to be called for each query.
	Generation(ctx context.Context, age time.Duration) (last, old int64, err error)

	// Close waits for calls in progress and ends the use of the store. Later calls fail with ErrClosed, except Close.
	Close() error
}

// Causes of errors.
var (
	ErrClosed   = errors.New("the store is closed")
	ErrDiskFull = errors.New("the disk is full")
	ErrNoStore  = errors.New("there is no store")
	ErrInUse    = errors.New("another process is using the store")
	ErrDamaged  = errors.New("the store is damaged") // its content contradicts itself
	ErrChanged  = errors.New("unfinished messages of imports were erased or pruned meanwhile")
)

// Writer takes rows.
type Writer interface {
	// Write adds a batch, all of it or nothing. Rows that exist are replaced: kind, time, email id, recipient, user and
	// sender identify a row. Rows of one batch with the same identity count as if each came in a batch of its own, in
	// their order: the last one stays. Domains are stored in lower case.
	//
	// When Write returns, all later reads see the rows, and the rows survive the end of the process. The error is
	// [upstream.InvalidArgument] if the time of a row is beyond [MaxTime], or if more than 1,048,575 rows of one kind
	// have the same time. Writes wait for one another.
	Write(ctx context.Context, b Batch) (Written, error)
	// Sync returns when everything written survives a failure of the machine.
	Sync() error
	// Finish completes what writing to a new store leaves out for speed. Until then, answers are right but slow.
	// Imports call it at their end; if one was killed, the first list does. The work continues when ctx ends, until the
	// store is closed.
	Finish(ctx context.Context) error

	// UserID returns the number of an account that has none of its own, such as a tenant in a mail log, by its name.
	// A new account gets a number that no row, sender or account uses. It never changes.
	UserID(ctx context.Context, account string) (upstream.ID, error)
	// ReserveUser keeps accounts from getting a user's number, since its mail names no account. If an account has the
	// number already, it returns the account's name, and otherwise "".
	ReserveUser(ctx context.Context, id upstream.ID) (account string, err error)
	// SenderID returns the number of a user's sender by its address. A new sender gets a number that no row or sender
	// uses. It never changes. The case of the domain is ignored.
	SenderID(ctx context.Context, user upstream.ID, address string) (upstream.ID, error)
	// State returns the keys that begin with prefix, and their values, that batches have stored.
	State(ctx context.Context, prefix string) (map[string]string, error)
}

// Maintainer looks after the data.
type Maintainer interface {
	// Info describes the store. It is quick.
	Info(ctx context.Context) (Info, error)
	// Check looks for damage: it compares rows, indexes and counts with each other. It reads everything.
	Check(ctx context.Context) (Problems, error)

	// Scan returns a kind's events in the window with all their details, in list order. It reads some at a time. It may
	// or may not return events that are written, changed or removed meanwhile. It ends with the first error.
	Scan(ctx context.Context, k upstream.Kind, w upstream.Window) iter.Seq2[Event, error]
	// Senders returns all senders, ordered by id.
	Senders(ctx context.Context) ([]Sender, error)
	// Accounts returns all accounts, ordered by name.
	Accounts(ctx context.Context) ([]Account, error)

	// Prune removes the events before a time and subtracts them from the counts, in many small transactions, and the
	// unfinished messages whose last line is from before it. With dry it only counts the events. New events use the
	// room; Compact returns it to the disk.
	Prune(ctx context.Context, before upstream.Time, dry bool) (Removed, error)
	// Erase removes a recipient: its rows and the address in email ids, headers, diagnostics and messages of other
	// rows and in senders' return paths, whether written plainly, in a return path (VERP, SRS), percent-encoded or in
	// quoted-printable, in any case of its letters and either spelling of an international domain. It also removes the
	// recipient from unfinished messages. No file contains the address afterwards, unless it is written meanwhile. With
	// dry it only counts. If it is interrupted, a second call completes it. It fails with ErrInUse if other processes
	// keep old data alive until ctx ends.
	Erase(ctx context.Context, address string, dry bool) (Erased, error)
	// Reclassify calls sort for each bounce, with its details, oldest first, and gives the bounces the classes that it
	// returns, in many small transactions. It returns how many have changed, also with an error. With dry it changes
	// none.
	Reclassify(ctx context.Context, dry bool, sort func(upstream.BounceDetail) Class) (changed int, err error)
	// Compact returns unused room to the disk. Others can read meanwhile, but wait to write.
	Compact(ctx context.Context) error
	// Backup writes a copy of the current state to a file that must not exist. Others can read and write meanwhile.
	Backup(ctx context.Context, target string) error
	// Checkpoint makes the store's main file complete, so that it can be copied by itself. It fails with ErrInUse if
	// other processes use the store until ctx ends. No rows are lost in any case.
	Checkpoint(ctx context.Context) error
}

// ReservedName is the name under which stores keep the number of a user that [Writer].ReserveUser has reserved. No
// account has such a name.
func ReservedName(id upstream.ID) string { return fmt.Sprintf("--user %d", id) }

// Class is how a bounce is sorted.
type Class struct {
	Type     upstream.BounceType
	Category string
	Rule     string
}

// MaxTime is the latest time that a row may be listed by, and -MaxTime the earliest.
const MaxTime upstream.Time = 1 << 42

// Documented has the documented codes of the kinds that have a catalogue. Stores list them and those in use.
var Documented = upstream.PerKind[[]string]{
	Bounces: []string{
		"bad-configuration", "bad-connection", "bad-domain", "bad-mailbox", "content-related", "inactive-mailbox",
		"invalid-sender", "message-expired", "no-answer-from-host", "other", "policy-related", "protocol-errors",
		"quota-issues", "relaying-issues", "routing-errors", "spam-related", "unclassified", "virus-related",
	},
	BlockedEmails: []string{"complaint", "hardbounce", "manual", "softbounce", "unsubscribe"},
}

// Remains begins the keys of the state that say that an Erase was interrupted.
const Remains = "store/remains"

// Batch is what one Write takes: rows of any kinds, in any order. It needs all rows: the store derives neither an email
// from its bounce nor a bounce from its email. Rows may come before their sender. Batches of some thousands of rows in
// order of time are written fastest.
type Batch struct {
	// Accounts are those of another store, from which the rows come. The error of Write is [upstream.InvalidArgument]
	// if one has another number here, or its number is that of another account or reserved.
	Accounts      []Account
	Senders       []Sender
	Emails        []upstream.Email
	Bounces       []upstream.BounceDetail
	BlockedEmails []upstream.BlockedEmail

	// Merge is for rows that are made of log records, which come in any order and repeatedly. They are merged with
	// those of the same message, which user, sender, email id and recipient identify. An email gets the earliest
	// process time and the most headers. It is delivered if any record says so, unless there is a bounce or a blocked
	// email of it. Of several bounces, or blocked emails, the one that says most stays.
	Merge bool
	// State is stored with the rows, all or nothing, such as how far a log was read: see [Writer.State]. An empty value
	// removes its key.
	State map[string]string
	// Given is state that must be as the batch assumes, with "" for a key that does not exist. Otherwise Write fails
	// with ErrChanged.
	Given map[string]string
}

// Account is a name in mail logs, such as that of a tenant, and the user that it became: see [Writer].UserID.
type Account struct {
	Name   string
	UserID upstream.ID
}

// ErrTaken returns the error of a [Writer] for an account whose name or number other, which the store has, already
// uses.
func (a Account) ErrTaken(other Account) error {
	return &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
		"the account %q is user %d, but in the store %q is user %d; use an empty store", a.Name, a.UserID, other.Name,
		other.UserID)}
}

// Sender is an approved From address of a user. Its id alone identifies it.
type Sender struct {
	UserID   upstream.ID
	SenderID upstream.ID
	Address  string
}

// Written says what a Write did with the rows of its batch, including senders.
type Written struct {
	New       int
	Replaced  int // existed with other content
	Unchanged int // existed
}

// Info describes a store.
type Info struct {
	Users   int // with events or senders
	Senders int
	upstream.PerKind[Extent]

	Bytes      int64 // of the main file
	ExtraBytes int64 // of files beside it, until a Checkpoint
	Version    int   // of the schema
	Unfinished bool  // an import has not called Finish
	Remains    bool  // an Erase was interrupted
}

// MaxProblems is the maximum number of problems that Check returns.
const MaxProblems = 100

// Problems are what Check finds.
type Problems []string

// Add adds a problem, unless there are MaxProblems.
func (p *Problems) Add(format string, args ...any) {
	if len(*p) < MaxProblems {
		*p = append(*p, fmt.Sprintf(format, args...))
	}
}

// Extent is the number of rows of a kind, and the times of the first and the last; both are 0 if there are none.
type Extent struct {
	Rows  int64
	First upstream.Time
	Last  upstream.Time
}

// Removed is how many rows were removed, or would be.
type Removed struct{ upstream.PerKind[int64] }

// Rows is the number of rows of all kinds.
func (r Removed) Rows() int64 { return upstream.Sum(r.PerKind) }

// Erased is what Erase found.
type Erased struct {
	Removed          // rows of the recipient
	Edited     int64 // other rows that contained the address
	Unfinished int64 // unfinished messages of imports that contained it
	Senders    int64 // senders with the address, which keep it
}
