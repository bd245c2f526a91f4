package sqlite_test

import (
	"bytes"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// bounceFor returns a bounce whose message has a text.
func bounceFor(n int, local, domain, content string) upstream.BounceDetail {
	return upstream.BounceDetail{Bounce: upstream.Bounce{
		UserID: 20, SenderID: 17, EmailID: fmt.Sprint("id", n), EmailAddress: local + "@" + domain, Local: local,
		Domain: domain, Type: upstream.Hard, Category: "bad-mailbox", BounceTime: upstream.Time(1479600000 + n),
	}, FullContent: content}
}

func TestEraseFindsEncodedAddressesInMessages(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "events.db"))
	type form struct{ text, want string }
	forms := []form{
		{"jane.r=\r\noe@pots.example", "erased"}, {"jane.roe@pots.ex=\nample", "erased"},
		{"jane.roe=\r\n@pots.example", "erased"}, {"jane.roe=40pots.example", "erased"},
		{"jane=2Eroe=40pots=2eexample", "erased"}, {"=6Aane.roe@pots.example", "erased"},
		{"href=3Djane.roe@pots.example", "href=3Derased"}, {"email%3Djane.roe%40pots.example", "email%3Derased"},
		{"bounces+jane.roe=3Dpots.example@mail6", "bounces+erased@mail6"},
		{"bounces+jane.roe=3Dpots.=\r\nexample@mail6", "bounces+erased@mail6"},
		{"mary.=\r\njane.roe@pots.example", "mary.=\r\njane.roe@pots.example"},
		{"jane.roe@pots.example=\r\n.net", "jane.roe@pots.example=\r\n.net"},
		{"\x00=4a=61ne.roe=40pots.example", "\x00erased"}, {"=6aane.roe@pots.example", "erased"},
		{"jane.roe=40pots.exampl=65", "erased"}, {"=4a=61ne.roe=40pots.example", "erased"},
		{"bounces+jane.roe=40pots.example@mail6", "bounces+erased@mail6"},
		{"jane.roe@pots.example>, <JANE=2Eroe@pots.example>, <pots.example=jane.roe", "erased>, <erased>, <erased"},
		{"jane.roe@pots.example.", "erased."}, {"mary+jane.roe@pots.example", "mary+jane.roe@pots.example"},
	}
	var b store.Batch
	for n, f := range forms {
		b.Bounces = append(b.Bounces, bounceFor(n, "someone", "example.com", "To: <"+f.text+">\r\n"))
	}
	storetest.Write(t, s, b)
	n := storetest.Must[store.Erased](t)(s.Erase(t.Context(), "Jane.Roe@pots.example", false))
	if n.Edited != int64(len(forms)-3) || n.Rows() != 0 {
		t.Errorf("it says %+v", n)
	}
	for i, f := range forms {
		d := storetest.Must[upstream.BounceDetail](t)(storetest.API(s).Bounce(t.Context(), b.Bounces[i].Key()))
		if want := "To: <" + f.want + ">\r\n"; d.FullContent != want {
			t.Errorf("%q became %q, want %q", f.text, d.FullContent, want)
		}
	}
	storetest.Sound(t, s)
}

func TestEraseKnowsInternationalAddresses(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"jörg@müller.example", "JÖRG@Müller.example", "jörg@xn--mller-kva.example"} {
		path := filepath.Join(t.TempDir(), "events.db")
		s := open(t, path)
		contents := []string{"for <jörg@müller.example>", "for <JÖRG@XN--MLLER-KVA.example>",
			"for <j=C3=B6rg@m=C3=\r\n=BCller.example>", "?to=j%c3%b6rg%40m%c3%bcller.example"}
		b := store.Batch{Bounces: []upstream.BounceDetail{
			bounceFor(100, "Jörg", "müller.example", ""),
			bounceFor(101, "JÖRG", "xn--mller-kva.example", ""),
			bounceFor(102, "j_rg", "müller.example", "not this one"),
			bounceFor(103, "järg", "müller.example", "nor this"),
		}}
		for n, text := range contents {
			b.Bounces = append(b.Bounces, bounceFor(n, "someone", "example.com", text))
		}
		storetest.Write(t, s, b)
		n := storetest.Must[store.Erased](t)(s.Erase(t.Context(), address, false))
		if n.Bounces != 2 || n.Edited != int64(len(contents)) {
			t.Errorf("%s: it says %+v", address, n)
		}
		image, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, trace := range []string{"jörg", "kva", "c3%b6", "c3=b6"} {
			if bytes.Contains(bytes.ToLower(image), []byte(trace)) {
				t.Errorf("%s: %q is in the file", address, trace)
			}
		}
		storetest.Sound(t, s)
	}
}

// A damaged file cannot be rewritten, but the rows are gone.
func TestEraseSaysWhatItDidToADamagedStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := storetest.Must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Options{Path: path}))
	storetest.Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{bounceFor(1, "jane", "example.com", "")}})
	storetest.Must[upstream.ID](t)(s.UserID(t.Context(), "shop"))
	if err := errors.Join(s.Finish(t.Context()), s.Close()); err != nil {
		t.Fatal(err)
	}
	db := storetest.Must[*sql.DB](t)(sql.Open("sqlite", path))
	var page, size int64
	row := db.QueryRow("select rootpage, page_size from sqlite_schema, pragma_page_size where name = 'account'")
	if err := errors.Join(row.Scan(&page, &size), db.Close()); err != nil {
		t.Fatal(err)
	}
	f := storetest.Must[*os.File](t)(os.OpenFile(path, os.O_RDWR, 0))
	_, err := f.WriteAt(make([]byte, size), (page-1)*size)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	n, err := open(t, path).Erase(t.Context(), "jane@example.com", false)
	if n.Bounces != 1 || err == nil || !strings.Contains(err.Error(), "has been removed from all rows") ||
		!strings.Contains(err.Error(), "damaged") {
		t.Errorf("it gives %+v, %v", n, err)
	}
}

// Another process writes while Erase looks for the address, and moves emails that contain it to other times.
func TestEraseLetsOthersWriteWhileItLooks(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	const many = 10
	var b store.Batch
	for n := range many {
		b.Emails = append(b.Emails, upstream.Email{UserID: 20, SenderID: 17, EmailID: fmt.Sprint("m", n),
			EmailAddress: "r@example.com", Local: "r", Domain: "example.com", ProcessTime: upstream.Time(100 + n),
			XHeaders: []upstream.Header{{Name: "X-To", Value: "jane@pots.example"}}})
	}
	b.BlockedEmails = []upstream.BlockedEmail{{UserID: 20, SenderID: 17, EmailAddress: "jane@pots.example",
		Local: "jane", Domain: "pots.example", ProcessTime: 100}}
	storetest.Write(t, s, b)
	there := storetest.Must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Options{Path: path,
		Waiting: func(time.Duration) error { return errors.New("the store is locked") }}))
	defer there.Close()
	storetest.Must[store.Info](t)(there.Info(t.Context()))
	writes, locked := 0, false
	ctx := until{t.Context(), func() bool {
		if !locked {
			e := b.Emails[writes%many]
			e.ProcessTime, e.XHeaders = upstream.Time(99-writes), nil
			_, err := there.Write(t.Context(), store.Batch{Merge: true, Emails: []upstream.Email{e}})
			if locked = err != nil; !locked {
				writes++
			}
		}
		return false
	}}
	n, err := s.Erase(ctx, "jane@pots.example", false)
	if err != nil || n.BlockedEmails != 1 || n.Edited != many {
		t.Errorf("it gives %+v, %v", n, err)
	}
	if writes <= many { // Erase has looked at its context for each of the emails
		t.Errorf("the other process could write %d times before Erase locked the store", writes)
	}
	rows := storetest.Must[[]upstream.Email](t)(storetest.API(s).Emails(t.Context(),
		upstream.ListQuery{Window: storetest.Ever}))
	if len(rows) != many {
		t.Errorf("there are %d emails, want %d", len(rows), many)
	}
	for _, e := range rows {
		if e.ProcessTime >= 100 || len(e.XHeaders) != 1 || e.XHeaders[0].Value != "erased" {
			t.Errorf("an email is %+v", e)
		}
	}
	storetest.Sound(t, s)
}

// Another process removes the last email of a domain while Erase runs, so that the next new domain gets its id.
func TestEraseSparesADomainThatGetsTheIdOfAnother(t *testing.T) {
	t.Parallel()
	reused := 0
	for at := range 30 { // whenever Erase looks at its context
		path := filepath.Join(t.TempDir(), "events.db")
		s := open(t, path)
		storetest.Write(t, s, store.Batch{Emails: []upstream.Email{email("jane", "pots.example", 100)}})
		there := storetest.Must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Options{Path: path,
			Waiting: func(time.Duration) error { return errors.New("the store is locked") }}))
		written, checks := false, 0
		ctx := until{t.Context(), func() bool {
			if checks++; checks == at+1 {
				if _, err := there.Prune(t.Context(), 200, false); err == nil {
					other := email("jane", "pans.example", 300)
					_, err = there.Write(t.Context(), store.Batch{Emails: []upstream.Email{other}})
					written = err == nil
				}
			}
			return false
		}}
		if _, err := s.Erase(ctx, "jane@pots.example", false); err != nil {
			t.Fatal(err)
		}
		rows := storetest.Must[[]upstream.Email](t)(storetest.API(s).Emails(t.Context(),
			upstream.ListQuery{Window: storetest.Ever}))
		if written && (len(rows) != 1 || rows[0].Domain != "pans.example") {
			t.Errorf("after a write at check %d there are %+v", at, rows)
		}
		if written {
			reused++
		}
		if err := errors.Join(there.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if reused == 0 {
		t.Error("the other process never wrote")
	}
}

func email(local, domain string, at upstream.Time) upstream.Email {
	return upstream.Email{UserID: 20, SenderID: 17, EmailID: fmt.Sprint("m", at), EmailAddress: local + "@" + domain,
		Local: local, Domain: domain, ProcessTime: at}
}
