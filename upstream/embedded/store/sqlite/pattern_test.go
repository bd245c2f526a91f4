package sqlite_test

import (
	"database/sql"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

// refused returns a bounce with what a server said.
func refused(n int, local, diagnostic string) upstream.BounceDetail {
	d := bounceFor(n, local, "example.com", "")
	d.DiagnosticCode = diagnostic
	return d
}

// byDiagnostic returns the patterns of all bounces with their numbers, as the store groups them.
func byDiagnostic(t *testing.T, s *sqlite.Store) map[string]int64 {
	t.Helper()
	q := upstream.Question{
		Kind:      upstream.Bounces,
		ListQuery: upstream.ListQuery{Window: storetest.Ever},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDiagnostic}, Top: 100},
	}
	groups, err := storetest.API(s).Groups(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]int64{}
	for _, g := range groups.Groups {
		found[g.Keys[0]] = g.Count
	}
	return found
}

// texts returns a column of a database, sorted.
func texts(t *testing.T, path, query string) (all []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			t.Fatal(err)
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return all
}

func checkFinds(t *testing.T, s *sqlite.Store, want ...string) {
	t.Helper()
	problems, err := s.Check(t.Context())
	if err != nil || !slices.Equal(problems, want) {
		t.Errorf("Check returns %q, %v; want %q", problems, err, want)
	}
}

func TestOpenUpgradesStoresWithoutPatterns(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "events.db")
	s := storetest.Must[*sqlite.Store](t)(sqlite.Open(t.Context(), sqlite.Options{Path: path}))
	var b store.Batch
	for n := range 2500 { // more than are read at once
		b.Bounces = append(b.Bounces, refused(n, "jane", "smtp;550 5.1.1 <jane@example.com>: unknown"))
	}
	b.Bounces = append(b.Bounces, refused(2500, "joe", "552 joe: mailbox full"))
	storetest.Write(t, s, b)
	if err := s.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	edit(t, path, "drop view bounces", "drop trigger bounce_has_pattern", "drop index bounce_pattern",
		"alter table bounce drop column pattern_id", "drop table pattern",
		"create view bounces as select * from bounce", "pragma user_version = 1")

	old := sqlite.Options{Path: path, ReadOnly: true}
	if _, err := sqlite.Open(t.Context(), old); err == nil ||
		!strings.Contains(err.Error(), "open it once for writing") {
		t.Errorf("an old store opened to be read only gives %v", err)
	}
	s = open(t, path)
	want := map[string]int64{"550 5.1.1 <…>: unknown": 2500, "552 …: mailbox full": 1}
	info, err := s.Info(t.Context())
	if err != nil || info.Unfinished {
		t.Errorf("the store lacks indexes after the upgrade, or Info gives %v", err)
	}
	if got := byDiagnostic(t, s); !maps.Equal(got, want) {
		t.Errorf("its patterns are %v, want %v", got, want)
	}
	checkFinds(t, s)
	if got := texts(t, path, "select distinct pattern from bounces"); len(got) != 2 {
		t.Errorf("the view has the patterns %q", got)
	}
}

// Its bounces would be missing in groups.
func TestAnEarlierReleaseCannotAddBouncesWithoutPatterns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	open(t, path)
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	_, err = db.Exec("insert into bounce (id, user_id, sender_id, email_id, local, domain_id, process_time," +
		" postback_time, type, category, code, rule, diagnostic) values (1, 1, 1, '', '', 1, 0, 0, '', '', '', '', '')")
	if err == nil || !strings.Contains(err.Error(), "upgraded by a newer release") {
		t.Errorf("it gets %v", err)
	}
}

func TestPatternsFollowTheirDiagnostics(t *testing.T) {
	path := filepath.Join(t.TempDir(), "events.db")
	s := open(t, path)
	expect := func(after string, want ...string) {
		t.Helper()
		if got := texts(t, path, "select text from pattern"); !slices.Equal(got, want) {
			t.Errorf("after %s there are the patterns %q, want %q", after, got, want)
		}
		checkFinds(t, s)
	}
	storetest.Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{
		refused(1, "jane", "550 mailbox of Mrs Roe is unknown"), refused(2, "joe", "552 joe: mailbox full"),
		refused(3, "ann", "554 spam, see forward of Jane@example.com"), refused(4, "ann", "550 no such box"),
	}})
	expect("an import", "550 mailbox of Mrs Roe is unknown", "550 no such box", "552 …: mailbox full",
		"554 spam, see forward of …")
	storetest.Write(t, s, store.Batch{Bounces: []upstream.BounceDetail{refused(2, "joe", "550 joe: unknown")}})
	if got := byDiagnostic(t, s); got["550 …: unknown"] != 1 || got["552 …: mailbox full"] != 0 {
		t.Errorf("after a bounce was replaced, the patterns are %v", got)
	}
	if _, err := s.Erase(t.Context(), "jane@example.com", false); err != nil {
		t.Fatal(err)
	}
	expect("an erase", "550 no such box", "550 …: unknown", "554 spam, see forward of erased")
	if _, err := s.Prune(t.Context(), 1479600004, false); err != nil {
		t.Fatal(err)
	}
	expect("a prune", "550 no such box")
	edit(t, path, "update pattern set text = 'other'")
	checkFinds(t, s, "1 bounces do not have the pattern of their diagnostic")
}
