package importer

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"deliverygraph/internal/classify"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/importer/format"
	"deliverygraph/upstream/embedded/store"
)

// Numberer numbers the accounts and senders that files name. The numbers stay the same in all imports.
type Numberer interface {
	// UserID returns the number of an account.
	UserID(ctx context.Context, account string) (upstream.ID, error)
	// ReserveUser keeps accounts from getting a number, or returns the account that has it.
	ReserveUser(ctx context.Context, id upstream.ID) (account string, err error)
	// SenderID returns the number of a user's sender. The empty address stands for unknown senders.
	SenderID(ctx context.Context, user upstream.ID, address string) (upstream.ID, error)
}

// converter turns records into rows. It numbers users and senders, and sorts bounces into categories if
// the format does not.
type converter struct {
	store    Store
	user     upstream.ID // of mail that names no account
	rules    *classify.Rules
	users    map[string]upstream.ID
	accounts []string // the keys of users, in the order of their first records
	senders  map[senderKey]upstream.ID
	reserved bool   // no account gets the number of user any more
	owner    string // the account that already has the number; empty if none
	met      int    // the number of different senders, including unknown ones

	// recent has the emails of records whose Latest is set, which the store may not have yet, and those of the store
	// that were read to find them. Seen has the windows, by recipient, whose emails were all read for this batch.
	recent format.Recent[message, upstream.Email]
	seen   map[string]upstream.Window
}

// message identifies a message to one recipient.
type message struct{ emailID, recipient string }

func messageOf(r *format.Record) message {
	return message{r.EmailID, upstream.LowerAddress(r.Recipient)}
}

// UserTakenError is returned if mail that names no account would be mixed with the mail of an account.
type UserTakenError struct {
	User    upstream.ID // Options.User
	Account string      // that already has this number
}

func (e *UserTakenError) Error() string {
	return fmt.Sprintf("user %d is the account %q: mail that names no account needs another user", e.User, e.Account)
}

type senderKey struct {
	user    upstream.ID
	address string
}

func newConverter(s Store, o Options) *converter {
	if o.Rules == nil {
		o.Rules = classify.Default()
	}
	return &converter{
		store: s, user: cmp.Or(o.User, 1), rules: o.Rules,
		users: map[string]upstream.ID{}, senders: map[senderKey]upstream.ID{}, seen: map[string]upstream.Window{},
	}
}

// add adds the rows of a record to the batch, or says what is wrong with the record.
func (c *converter) add(ctx context.Context, r *format.Record, b *store.Batch) (bytes int, problem string, err error) {
	if len(b.Emails) == 0 {
		clear(c.seen) // others may have written meanwhile
	}
	for _, text := range []*string{&r.Account, &r.Sender, &r.EmailID, &r.Recipient, &r.Code, &r.Diagnostic,
		&r.Content, &r.Category, &r.Reason} {
		*text = strings.ToValidUTF8(*text, "\ufffd")
	}
	if fault := format.RecipientFault(r.Recipient); fault != "" {
		return 0, fault, nil
	}
	if r.Processed <= 0 || r.Time <= 0 {
		return 0, "the record has no time", nil
	}
	if problem := cmp.Or(nameFault("the email id", r.EmailID), nameFault("the category", r.Category),
		nameFault("the reason", r.Reason), nameFault("the account", r.Account)); problem != "" {
		return 0, problem, nil
	}
	user, sender, err := c.number(ctx, r)
	if err != nil {
		return 0, "", err
	}
	address := upstream.LowerAddress(r.Recipient)
	at := strings.LastIndexByte(address, '@')
	e := store.Event{
		Identity: upstream.Identity{
			UserID: user, SenderID: sender, EmailID: r.EmailID, Recipient: address, Time: r.Processed,
		},
		Local: address[:at], Domain: address[at+1:], XHeaders: headersOf(r.Headers),
	}
	e.Delivered = r.Outcome == format.Delivered
	b.Add(upstream.Emails, e)
	switch r.Outcome {
	case format.Bounced:
		e.RuleName = c.classify(r)
		e.Time, e.ProcessTime, e.Type, e.Category, e.Code = r.Time, r.Processed, r.Type, r.Category, r.Code
		e.DiagnosticCode, e.FullContent = r.Diagnostic, r.Content
		b.Add(upstream.Bounces, e)
	case format.Blocked:
		e.Reason = r.Reason
		b.Add(upstream.BlockedEmails, e)
	}
	const row = 300 // the approximate size of a row without long texts
	bytes = row + len(r.Diagnostic) + len(r.Content)
	for _, h := range e.XHeaders {
		bytes += row/4 + len(h.Name) + len(h.Value)
	}
	return bytes, "", nil
}

// classify sorts a bounce as far as the format does not, and returns the name of the rule that matched.
func (c *converter) classify(r *format.Record) (rule string) {
	if r.Category != "" {
		if r.Type == "" {
			r.Type = typeOf(r.Category)
		}
		return ""
	}
	var m classify.Match
	if r.Expired {
		m = c.rules.ClassifyExpired(r.Code, r.Diagnostic)
	} else {
		m = c.rules.Classify(r.Code, r.Diagnostic, r.Notice)
	}
	r.Category = m.Rule.Category
	if r.Type == "" {
		r.Type = m.Rule.Type
	}
	return m.Rule.Name
}

// typeOf returns the type of bounces of a category, for formats that have categories and no types: hard where mail to
// the recipient is in vain from now on.
func typeOf(category string) upstream.BounceType {
	switch category {
	case "bad-mailbox", "bad-domain", "inactive-mailbox", "routing-errors":
		return upstream.Hard
	}
	return upstream.Soft
}

// number returns the numbers of a record's user and sender.
func (c *converter) number(ctx context.Context, r *format.Record) (user, sender upstream.ID, err error) {
	if !c.reserved {
		if c.owner, err = c.store.ReserveUser(ctx, c.user); err != nil {
			return 0, 0, err
		}
		if _, err := c.store.ReserveUser(ctx, 1); err != nil { // the default of later imports
			return 0, 0, err
		}
		c.reserved = true
	}
	user = c.user
	if r.Account == "" && c.owner != "" {
		return 0, 0, &UserTakenError{c.user, c.owner}
	}
	if r.Account != "" {
		known := false
		if user, known = c.users[r.Account]; !known {
			if user, err = c.store.UserID(ctx, r.Account); err != nil {
				return 0, 0, err
			}
			c.users[r.Account] = user
			c.accounts = append(c.accounts, r.Account)
		}
	}
	if r.Earliest > 0 {
		known, ok, err := c.known(ctx, user, r)
		switch {
		case err != nil:
			return 0, 0, err
		case !ok:
		case r.Outcome == format.Blocked && !r.AnyAccount: // only its time is a guess
			r.Processed = min(r.Processed, known.ProcessTime)
		default:
			if known.EmailID != r.EmailID || known.ProcessTime < r.Processed {
				r.EmailID, r.Processed = cmp.Or(known.EmailID, r.EmailID), cmp.Or(known.ProcessTime, r.Processed)
			}
			return known.UserID, known.SenderID, nil
		}
	}
	m := messageOf(r)
	r.EmailID = format.NthID(r.EmailID, r.Place)
	if sender, err = c.sender(ctx, user, senderAddress(r)); err == nil && r.Latest > 0 {
		c.remember(m, upstream.Email{
			UserID: user, SenderID: sender, EmailID: r.EmailID, ProcessTime: r.Processed,
		})
	}
	return user, sender, err
}

// sender returns the number of a user's sender.
func (c *converter) sender(ctx context.Context, user upstream.ID, address string) (upstream.ID, error) {
	key := senderKey{user, address}
	if sender, known := c.senders[key]; known {
		return sender, nil
	}
	sender, err := c.store.SenderID(ctx, user, address)
	if err != nil {
		return 0, err
	}
	if len(c.senders) >= maxSenders {
		clear(c.senders)
	}
	c.senders[key] = sender
	c.met++
	return sender, nil
}

// maxSenders limits the cache of sender numbers.
const maxSenders = 1 << 16

// senderAddress returns the address that identifies a sender, or "" if the record has no valid one. It
// removes the recipient from return paths such as news+user=example.com@example.org, because otherwise
// each recipient would have its own sender.
func senderAddress(r *format.Record) string {
	address := upstream.LowerAddress(r.Sender)
	if format.AddressFault(address) != "" {
		return ""
	}
	if !strings.Contains(address, "=") { // as most do not
		return address
	}
	at := strings.LastIndexByte(address, '@')
	rcpt := strings.LastIndexByte(r.Recipient, '@')
	named := lower(r.Recipient[:rcpt] + "=" + r.Recipient[rcpt+1:])
	if i := strings.Index(lower(address[:at]), named); i > 0 {
		return strings.TrimRight(address[:i], "+-_.=") + address[at:]
	}
	if tag, rest, ok := strings.Cut(address[:at], "="); ok && strings.EqualFold(tag, "prvs") { // BATV: prvs=tag=local
		if _, rest, ok := strings.Cut(rest, "="); ok && rest != "" {
			return rest + address[at:]
		}
	}
	return address
}

// lower converts ASCII letters to lower case, which does not change the length.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// headersOf returns the headers that rows can have.
func headersOf(list []upstream.Header) (kept []upstream.Header) {
	for _, h := range list {
		if h.Name = strings.ToValidUTF8(h.Name, "-"); upstream.IsHeaderName(h.Name) {
			kept = append(kept, upstream.Header{Name: h.Name, Value: strings.ToValidUTF8(h.Value, "\ufffd")})
		}
	}
	return kept
}
