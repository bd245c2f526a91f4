package sqlite_test

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/embedded/store/storetest"
)

const killedImport = "STORE_TEST_IMPORT" // the file that a child process imports into

func TestMain(m *testing.M) {
	if path := os.Getenv(killedImport); path != "" {
		if err := importSteps(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	_ = flag.Set("test.parallel", "4") // some tests wait for files and for other processes
	os.Exit(m.Run())
}

// killSteps is the number of batches of an import.
const killSteps = 400

// importSteps writes batches, and prints the number of each when it is written.
func importSteps(path string) error {
	ctx := context.Background()
	s, err := sqlite.Open(ctx, sqlite.Options{Path: path})
	if err != nil {
		return err
	}
	for n := range killSteps {
		if _, err := s.Write(ctx, storetest.Step(n)); err != nil {
			return err
		}
		fmt.Println(n)
	}
	return s.Close()
}

func TestKilledImportLeavesWholeBatches(t *testing.T) {
	t.Parallel()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for _, after := range []int{0, 3, 50} {
		t.Run(fmt.Sprintf("after %d batches", after), func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "events.db")
			child := exec.Command(exe)
			child.Env = append(os.Environ(), killedImport+"="+path)
			child.Stderr = os.Stderr
			out, err := child.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			said := 0
			for lines := bufio.NewScanner(out); lines.Scan(); {
				if strings.TrimSpace(lines.Text()) == fmt.Sprint(said) {
					said++
				}
				if said == after+1 {
					if err := child.Process.Kill(); err != nil { // SIGKILL, amid the next batch
						t.Fatal(err)
					}
				}
			}
			if err := child.Wait(); err == nil {
				t.Fatal("the import ended before it was killed")
			}

			s := open(t, path)
			o := &storetest.Model{}
			rows := int(storetest.Must[store.Info](t)(s.Info(context.Background())).Emails.Rows)
			if rows%10 != 0 || rows < 10*said {
				t.Fatalf("there are %d rows after %d batches of 10", rows, said)
			}
			for n := range rows / 10 {
				o.Write(storetest.Step(n))
			}
			storetest.SameEmails(t, s, o)
			var again store.Written
			for n := range rows/10 + 5 {
				w := storetest.Write(t, s, storetest.Step(n))
				o.Write(storetest.Step(n))
				again.New += w.New
				again.Unchanged += w.Unchanged
			}
			if want := (store.Written{New: 50, Unchanged: rows}); again != want {
				t.Errorf("importing again gives %+v, want %+v", again, want)
			}
			storetest.SameEmails(t, s, o)
		})
	}
}
