package sqlite_test

import (
	"database/sql"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

var update = flag.Bool("update", false, "write the answers of docs/sql.md anew")

const sqlPage = "../../../../docs/sql.md"

// TestSQLPageShowsTrueAnswers runs the queries of docs/sql.md over the last days of the demo data of
// one moment, and compares the answers with the page's. To write them anew:
//
//	go test ./upstream/embedded/store/sqlite -run SQLPage -update
func TestSQLPageShowsTrueAnswers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 9, 37, 21, 0, time.UTC)
	first := upstream.Time(now.AddDate(0, 0, -14).Unix())
	for b := range demo.Generate(now) {
		storetest.Write(t, s, b.Select(func(_ upstream.Kind, e upstream.Event) bool { return e.Time >= first }))
	}
	if err := s.Finish(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	page, err := os.ReadFile(sqlPage)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	made := regexp.MustCompile("(?s)```sql\n(.*?)```\n\n```\n.*?```\n").ReplaceAllStringFunc(string(page),
		func(block string) string {
			asked++
			question, _, _ := strings.Cut(strings.TrimPrefix(block, "```sql\n"), "```")
			return "```sql\n" + question + "```\n\n```\n" + answer(t, db, question) + "```\n"
		})
	if asked != 6 {
		t.Errorf("the page has %d questions, want 6", asked)
	}
	if *update {
		if err := os.WriteFile(sqlPage, []byte(made), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if made != string(page) {
		t.Errorf("%s has other answers: run go test ./upstream/embedded/store/sqlite -run SQLPage -update, "+
			"which gives:\n%s", sqlPage, made)
	}
}

// answer is what sqlite3 -column -header prints of a query.
func answer(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.Query(query)
	if err != nil {
		t.Fatalf("%s\n%v", query, err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	table := [][]string{columns, nil}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		var line []string
		for _, v := range values {
			line = append(line, fmt.Sprint(*v.(*any)))
		}
		table = append(table, line)
	}
	if err := rows.Err(); err != nil || len(table) < 3 {
		t.Fatalf("%s\nhas no answer: %v", query, err)
	}
	widths := make([]int, len(columns))
	for _, line := range table {
		for i, v := range line {
			widths[i] = max(widths[i], len(v))
		}
	}
	for _, w := range widths {
		table[1] = append(table[1], strings.Repeat("-", w))
	}
	var b strings.Builder
	for _, line := range table {
		for i, v := range line {
			line[i] = v + strings.Repeat(" ", widths[i]-len(v))
		}
		b.WriteString(strings.TrimRight(strings.Join(line, "  "), " ") + "\n")
	}
	return b.String()
}
