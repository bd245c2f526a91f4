package sqlite_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"

	_ "modernc.org/sqlite" // as "sqlite"
)

// edit changes a database behind the store's back.
func edit(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range statements {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(q, err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRejectsOtherFilesUnchanged(t *testing.T) {
	for name, c := range map[string]struct {
		make func(t *testing.T, path string)
		want string
	}{
		"a text file": {func(t *testing.T, path string) {
			if err := os.WriteFile(path, []byte(strings.Repeat("not a database\n", 100)), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a store"},
		"another program's database": {func(t *testing.T, path string) { edit(t, path, "create table other (x)") },
			"another program"},
		"a database of another id": {func(t *testing.T, path string) {
			edit(t, path, "create table other (x)", "pragma application_id = 77")
		}, "another program"},
		"a newer store": {func(t *testing.T, path string) {
			s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, path, "pragma user_version = 99")
		}, "version 99, made by a newer release"},
		"a store of packed pages": {func(t *testing.T, path string) {
			edit(t, path, "create table chunk (x)", "pragma application_id = 0x44475645", "pragma user_version = 1")
		}, "import the data again"},
		"a directory": {func(t *testing.T, path string) {
			if err := os.Mkdir(path, 0o700); err != nil {
				t.Fatal(err)
			}
		}, "directory"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.db")
			c.make(t, path)
			before, _ := os.ReadFile(path)
			for _, readOnly := range []bool{false, true} {
				s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, ReadOnly: readOnly})
				if err == nil {
					_ = s.Close()
					t.Fatal("it is opened")
				}
				if !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), path) {
					t.Errorf("the error is %q, want it to name the file and %q", err, c.want)
				}
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(before, after) {
				t.Error("the file was changed")
			}
		})
	}
}

func TestOpenReportsMissingFiles(t *testing.T) {
	ctx := context.Background()
	missing := filepath.Join(t.TempDir(), "none", "events.db")
	empty := filepath.Join(t.TempDir(), "events.db")
	for _, o := range []sqlite.Options{
		{Path: missing}, {Path: missing, ReadOnly: true}, {Path: empty, ReadOnly: true},
	} {
		if s, err := sqlite.Open(ctx, o); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%+v gives %v, %v", o, s, err)
		}
	}
	if _, err := sqlite.Open(ctx, sqlite.Options{ReadOnly: true}); err == nil {
		t.Error("a store without a path is opened to be read only")
	}
}

func TestMustExistCreatesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "events.db")
	refused := func(what string) {
		t.Helper()
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, MustExist: true})
		if !errors.Is(err, store.ErrNoStore) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s gives %v, %v", what, s, err)
		}
	}
	refused("no file")
	if found, _ := os.ReadDir(dir); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused("an empty file")
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("the empty file became %v, %v", info, err)
	}

	s := open(t, path) // so that there is one, all of which may lie in the file beside it
	if again, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, MustExist: true}); err != nil {
		t.Error(err)
	} else if err := again.Close(); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, MustExist: true})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Write(t, again, store.Batch{Emails: []upstream.Email{{ProcessTime: 5}}})
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}

func TestReadOnlyStoreCannotBeWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	w := open(t, path)
	storetest.Write(t, w, store.Batch{Emails: []upstream.Email{{UserID: 20, ProcessTime: 5}}})
	r, err := sqlite.Open(context.Background(), sqlite.Options{Path: path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if i := storetest.Must[store.Info](t)(r.Info(context.Background())); i.Emails.Rows != 1 {
		t.Errorf("it has %+v", i)
	}
	if _, err := r.Write(context.Background(), store.Batch{Emails: []upstream.Email{{ProcessTime: 6}}}); err == nil {
		t.Error("it is written")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
}

func TestCloseRemovesPrivateStore(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	s, err := sqlite.Open(context.Background(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	storetest.Write(t, s, store.Batch{Emails: []upstream.Email{{ProcessTime: 5}}})
	if found, _ := os.ReadDir(dir); len(found) != 1 {
		t.Fatalf("the temporary directory has %v", found)
	}
	for range 2 { // closing twice is no fault
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if found, _ := os.ReadDir(dir); len(found) != 0 {
		t.Errorf("left behind: %v", found)
	}
	_, err = storetest.API(s).Emails(context.Background(), upstream.ListQuery{Window: storetest.Ever})
	if !errors.Is(err, store.ErrClosed) {
		t.Errorf("reading after Close gives %v", err)
	}
	if _, err := s.Write(context.Background(), store.Batch{}); !errors.Is(err, store.ErrClosed) {
		t.Errorf("writing after Close gives %v", err)
	}
}

func TestDamageCausesErrors(t *testing.T) {
	ctx := context.Background()
	good := filepath.Join(t.TempDir(), "good.db")
	s := storetest.Must[*sqlite.Store](t)(sqlite.Open(ctx, sqlite.Options{Path: good}))
	var b store.Batch
	for i := range 500 {
		e := upstream.Email{UserID: 20, SenderID: upstream.ID(i % 5), EmailID: fmt.Sprint(i), Local: "r",
			Domain: "example.com", EmailAddress: "r@example.com", ProcessTime: upstream.Time(i),
			XHeaders: []upstream.Header{}}
		b.Emails = append(b.Emails, e)
	}
	b.Bounces = []upstream.BounceDetail{{Bounce: upstream.Bounce{BounceTime: 5},
		FullContent: strings.Repeat("long ", 100)}}
	storetest.Write(t, s, b)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{
		"delete from domain",
		"update email set headers = '{'",
		"update email set headers = '{\"X-A\":\"1\"'",
		"drop table domain",
		"drop table event_count",
	} {
		t.Run(statement, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "bad.db")
			if err := os.WriteFile(path, image, 0o600); err != nil {
				t.Fatal(err)
			}
			edit(t, path, statement)
			s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
			if err != nil {
				return
			}
			defer s.Close()
			var errs []error
			_, err = storetest.API(s).Emails(ctx, upstream.ListQuery{Window: storetest.Ever, SenderID: 3})
			errs = append(errs, err)
			_, err = storetest.API(s).Emails(ctx, upstream.ListQuery{Window: upstream.Window{Start: 7, End: 300}})
			errs = append(errs, err)
			_, err = storetest.API(s).Counts(ctx, upstream.Emails, upstream.CountQuery{Window: storetest.Ever})
			errs = append(errs, err)
			_, err = storetest.API(s).Bounce(ctx, upstream.BounceKey{BounceTime: 5})
			errs = append(errs, err)
			err = errors.Join(errs...)
			if err == nil || upstream.CodeOf(err) != upstream.Internal {
				t.Errorf("the errors are %v", err)
			}
		})
	}
}

// Rows written to a file without a name would be lost.
func TestAStoreWhoseFileWasReplacedIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	for name, replace := range map[string]func(path string) error{
		"deleted": os.Remove,
		"moved":   func(path string) error { return os.Rename(path, path+".old") },
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", nil, 0o600), os.Rename(path+".new", path))
		},
	} {
		path := filepath.Join(dir, name+".db")
		s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close() //nolint:errcheck // its file is gone
		batch := store.Batch{Senders: []store.Sender{{SenderID: 1, UserID: 1, Address: "news@example.com"}}}
		if _, err := s.Write(t.Context(), batch); err != nil {
			t.Fatal(err)
		}
		if err := replace(path); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Write(t.Context(), batch); err == nil ||
			!strings.Contains(err.Error(), path+": the file was moved, deleted or replaced") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A store and its backups contain recipients.
func TestOnlyTheOwnerMayReadAStoreAndItsBackups(t *testing.T) {
	dir := t.TempDir()
	path, target := filepath.Join(dir, "events.db"), filepath.Join(dir, "backup.db")
	if err := open(t, path).Backup(t.Context(), target); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{path, path + "-wal", target} {
		if st := storetest.Must[os.FileInfo](t)(os.Stat(file)); st.Mode().Perm() != 0o600 {
			t.Errorf("%s has the mode %v", file, st.Mode())
		}
	}
}
