package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
	"deliverygraph/upstream/upstreamtest"
)

// forms are ways to write jane.roe@pots.example in texts.
var forms = []string{
	"jane.roe@pots.example", "Jane.Roe@POTS.example", "<jane.roe@pots.example>...",
	"bounces+jane.roe=pots.example@mail6", "b-1-jane.roe=pots.example@mail6",
	"SRS0=x1=7a=pots.example=jane.roe@forward.example", "jane.roe%40pots.example", "jane.roe=40pots.example",
}

// others are not the same address.
var others = []string{"mary.jane.roe@pots.example", "jane.roe@pots.example.net", "jane.roe@pots.example-mail.net",
	"mary-jane.roe@pots.example", "jane.roex@pots.example", "xjane.roe=pots.example@mail6"}

func TestEraseLeavesNoTraceInFiles(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	gateway := open(t, path) // another process, as far as SQLite knows
	base := func(n int, local, domain string) store.Event {
		return store.Event{
			Identity: upstream.Identity{
				Time: upstream.Time(1479600000 + n/3), EmailID: fmt.Sprintf("id%04d", n),
				Recipient: local + "@" + domain, UserID: 20, SenderID: 17,
			},
			Local: local, Domain: domain, XHeaders: []upstream.Header{{Name: "X-N", Value: fmt.Sprint(n)}},
			Own: store.Own{
				Type: upstream.Hard, Category: "bad-mailbox", Reason: "manual", DiagnosticCode: "smtp; 550",
				FullContent: strings.Repeat("x", n%3000),
			},
		}
	}
	var rows store.Batch
	add := func(e store.Event) { rows.Append(upstreamtest.RowsOf(e)) }
	for n := range 400 {
		add(base(n, fmt.Sprint("r", n), "example.com"))
	}
	for n, local := range []string{"jane.roe", "Jane.Roe", "jane.roe"} {
		d := base(500+n, local, "pots.example")
		d.XHeaders = append(d.XHeaders, upstream.Header{Name: "X-Customer", Value: "jane's own number 4711"})
		add(d)
	}
	edited := 0
	for i, text := range slices.Concat(forms, others) {
		for field := range 4 {
			d := base(1000+10*i+field, "someone", "example.com")
			switch field {
			case 0:
				d.EmailID = fmt.Sprint(i, "/", text)
			case 1:
				d.DiagnosticCode = "said: " + text + " is unknown"
			case 2:
				d.FullContent = strings.Repeat("a line\r\n", 500) + "To: " + text + "\r\n\x00 and " + text + "\r\n"
			case 3:
				d.XHeaders = []upstream.Header{{Name: "X-To", Value: text}, {Name: "X-N", Value: "1"}}
			}
			if i < len(forms) {
				edited++
			}
			if field == 0 || field == 3 { // emails and blocked emails have it too
				add(d)
				if i < len(forms) {
					edited += 2
				}
			} else {
				rows.Add(upstream.Bounces, d)
			}
		}
	}
	storetest.Write(t, s, rows)
	storetest.Must[[]upstream.Email](t)(storetest.API(gateway).Emails(ctx, upstream.ListQuery{Window: storetest.Ever,
		Recipient: "jane.roe@pots.example"}))
	files := func() (all []byte) {
		for _, suffix := range []string{"", "-wal", "-shm"} {
			image, err := os.ReadFile(path + suffix)
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				t.Fatal(err)
			}
			all = append(all, bytes.ToLower(image)...)
		}
		return all
	}
	if !bytes.Contains(files(), []byte("jane.roe=pots.example")) || !bytes.Contains(files(), []byte("4711")) {
		t.Fatal("nothing is to be erased")
	}
	for _, dry := range []bool{true, false} {
		got := storetest.Must[store.Erased](t)(s.Erase(ctx, "jane.roe@Pots.Example", dry))
		var three upstream.PerKind[int64]
		for _, k := range upstream.Kinds {
			*three.Of(k) = 3
		}
		if want := (store.Erased{Removed: store.Removed{PerKind: three}, Edited: int64(edited)}); got != want {
			t.Errorf("dry %v: it says %+v, want %+v", dry, got, want)
		}
	}
	image := files()
	for _, other := range others {
		image = bytes.ReplaceAll(image, []byte(other), nil)
	}
	for _, gone := range []string{"jane.roe", "pots.example=jane", "4711"} {
		if i := bytes.Index(image, []byte(gone)); i >= 0 {
			t.Errorf("%q is in the files: %q", gone, image[max(0, i-60):i+60])
		}
	}
	for _, kept := range others {
		if n := bytes.Count(files(), []byte(kept)); n < 4 {
			t.Errorf("%q is there %d times", kept, n)
		}
	}
	storetest.Sound(t, gateway)
	if got := storetest.Must[store.Erased](t)(s.Erase(ctx, "jane.roe@pots.example", false)); got != (store.Erased{}) {
		t.Errorf("erased again: %+v", got)
	}
	if rows := storetest.Must[[]upstream.Email](t)(storetest.API(gateway).Emails(ctx,
		upstream.ListQuery{Window: storetest.Ever, Domain: "pots.example"})); len(rows) != 0 {
		t.Errorf("there are %+v", rows)
	}
}

// An Erase that cannot empty the -wal because another process reads is completed by the next one.
func TestEraseCompletesInterruptedErase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	storetest.Write(t, s, store.Batch{
		Senders: []store.Sender{{UserID: 20, SenderID: 17, Address: "Jane@example.com"}},
		Emails: []upstream.Email{{UserID: 20, SenderID: 17, EmailAddress: "jane@example.com", Local: "jane",
			Domain: "example.com", ProcessTime: 5}},
	})
	release := reading(t, path)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second) // it waits that long for the reader
	defer cancel()
	n, err := s.Erase(ctx, "jane@example.com", false)
	if !errors.Is(err, store.ErrInUse) || n.Emails != 1 || n.Senders != 1 {
		t.Fatalf("it gives %+v, %v", n, err)
	}
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); !i.Remains {
		t.Errorf("the store is said to have no remains: %+v", i)
	}
	release()
	if n, err := s.Erase(t.Context(), "jane@example.com", false); err != nil || n.Rows() != 0 {
		t.Fatalf("the second gives %+v, %v", n, err)
	}
	if i := storetest.Must[store.Info](t)(s.Info(t.Context())); i.Remains {
		t.Errorf("the store is said to have remains: %+v", i)
	}
}

// until is a context that ends when a function says so.
type until struct {
	context.Context
	ended func() bool
}

func (c until) Err() error {
	if c.ended() {
		return context.Canceled
	}
	return c.Context.Err()
}

// Compact must not take an Erase that another process begins meanwhile for a complete one.
func TestCompactLeavesTheRemainsOfALaterErase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	here, there := open(t, path), open(t, path)
	var b store.Batch
	for _, local := range []string{"jane", "joe"} {
		b.Emails = append(b.Emails, upstream.Email{EmailAddress: local + "@example.com", Local: local,
			Domain: "example.com", ProcessTime: 5})
	}
	storetest.Write(t, here, b)
	db := storetest.Must[*sql.DB](t)(sql.Open("sqlite", path))
	defer db.Close()
	db.SetMaxOpenConns(1)
	number := func(query string) (n int) {
		t.Helper()
		if err := db.QueryRow(query).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// erase removes the rows of an address, and is interrupted then.
	erase := func(s *sqlite.Store, local string) {
		t.Helper()
		ctx := until{t.Context(), func() bool {
			return number("select count(*) from email where local = '"+local+"'") == 0
		}}
		if n, err := s.Erase(ctx, local+"@example.com", false); n.Emails != 1 || !errors.Is(err, context.Canceled) {
			t.Fatalf("Erase gives %+v, %v", n, err)
		}
	}
	erase(here, "jane")
	release := reading(t, path) // so that Compact waits
	before, waiting := number("pragma data_version"), false
	err := here.Compact(until{t.Context(), func() bool {
		if !waiting && number("pragma data_version") != before { // it has rewritten the file
			waiting = true
			erase(there, "joe")
			release()
		}
		return false
	}})
	if err != nil || !waiting {
		t.Fatalf("Compact gives %v, after it waited: %v", err, waiting)
	}
	for _, remains := range []bool{true, false} {
		if i := storetest.Must[store.Info](t)(here.Info(t.Context())); i.Remains != remains {
			t.Errorf("the store is said to have remains: %v, want %v", i.Remains, remains)
		}
		if err := here.Compact(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestBackupIsOneState(t *testing.T) {
	ctx := context.Background()
	dir := t.TempDir()
	path, target := filepath.Join(dir, "events.db"), filepath.Join(dir, "backup.db")
	s := open(t, path)
	for n := range 20 {
		storetest.Write(t, s, storetest.Step(n))
	}
	done, stop := make(chan error), make(chan struct{})
	go func() {
		var err error
		for n := 20; err == nil; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
				_, err = s.Write(ctx, storetest.Step(n))
			}
		}
		done <- err
	}()
	err := s.Backup(ctx, target)
	close(stop)
	if err := errors.Join(err, <-done); err != nil {
		t.Fatal(err)
	}
	b := open(t, target)
	rows := storetest.Must[store.Info](t)(b.Info(ctx)).Emails.Rows
	if rows < 200 || rows%10 != 0 {
		t.Errorf("it has %d rows", rows)
	}
	o := &storetest.Model{}
	for n := range int(rows / 10) {
		o.Write(storetest.Step(n))
	}
	storetest.SameEmails(t, b, o)
	storetest.Sound(t, b)
	if err := s.Backup(ctx, target); !errors.Is(err, os.ErrExist) {
		t.Errorf("over a file it gives %v", err)
	}
	canceled, cancel := context.WithCancel(ctx)
	cancel()
	if err := s.Backup(canceled, filepath.Join(dir, "none.db")); err == nil {
		t.Error("it is made without a context")
	}
	if found, _ := filepath.Glob(filepath.Join(dir, "*none*")); len(found) > 0 {
		t.Errorf("left behind: %v", found)
	}
}

func TestCheckFindsContradictions(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	good := filepath.Join(t.TempDir(), "good.db")
	s := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: good}))
	for b := range storetest.Batches(200, 200) {
		storetest.Write(t, s, b)
	}
	if err := s.Finish(ctx); err != nil {
		t.Fatal(err)
	}
	storetest.Sound(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"update email set delivered = 1 - delivered where id = (select max(id) from email)",
		"update email set user_id = 99 where id = (select max(id) from email)",
		"update email set id = id + 3600 * (1 << 20) where id = (select max(id) from email)",
		"update email set headers = '{}' where id = (select max(id) from email)",
		"update bounce set type = 'hard' where id = (select max(id) from bounce where type = 'soft')",
		"delete from bounce where id = (select max(id) from bounce)",
		"delete from email_header where id = (select max(id) from email)",
		"update email_header set header_id = 1 where (header_id, id) in" +
			" (select max(header_id), id from email_header where id = (select max(id) from email))",
		"delete from event_count where kind = 'blocked_email' and day in" +
			" (select max(day) from event_count where kind = 'blocked_email')",
		"update event_count set h3 = h3 + 1 where kind = 'email' and day = (select max(day) from event_count)",
		"delete from domain where id = 1",
		"delete from header where id = 1",
	} {
		t.Run(statement, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			if err := os.WriteFile(path, image, 0o600); err != nil {
				t.Fatal(err)
			}
			edit(t, path, statement)
			if problems, err := open(t, path).Check(ctx); err != nil || len(problems) == 0 {
				t.Errorf("it finds %q, %v", problems, err)
			}
		})
	}
	t.Run("bytes of indexes", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "bad.db")
		bad := slices.Clone(image)
		for i := len(bad) - 20000; i < len(bad); i += 100 { // indexes come last
			bad[i] ^= 4
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
		if err != nil {
			return
		}
		defer s.Close()
		if problems, err := s.Check(ctx); err == nil && len(problems) == 0 {
			t.Error("it finds nothing")
		}
	})
}
