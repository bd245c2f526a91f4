// Package reload follows files that change while the program runs, such as a file of
// keys, and loads their contents again.
//
// Files are read and compared, every few seconds, rather than watched: that sees
// every way in which files are replaced (by renaming, by a symbolic link as Kubernetes
// does it, over a network) and they are small. [Open] is for one file, [Watch] for
// several.
package reload

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// File is a file that is followed.
type File struct {
	path string
	load func([]byte) error

	mu   sync.Mutex
	seen [sha256.Size]byte // of the contents that load was given last
	err  error             // of load for them
}

// maxBytes is the most that a file may have.
const maxBytes = 4 << 20

// Open reads the file and gives its contents to load. Errors are those of reading, or
// load's, with the file's name before them.
func Open(path string, load func([]byte) error) (*File, error) {
	f := &File{path: path, load: load}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the file, and gives its contents to load if they have changed. It
// reports whether they have, and as long as they are no good, load's error.
func (f *File) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := read(f.path)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(text)
	if sum == f.seen {
		return false, f.err
	}
	f.seen, f.err = sum, nil
	if err := f.load(text); err != nil {
		f.err = fmt.Errorf("%s: %w", f.path, err)
	}
	return f.err == nil, f.err
}

// Follow reloads the file again and again until ctx ends. Each time that it can no
// longer be read or loaded, it logs one error: what was loaded before stays in force.
func (f *File) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	Watch(ctx, every, f.Reload,
		func() { logger.Info("reloaded", "file", f.path) },
		func(err error) {
			logger.Error("a file is missing or no longer good: what it said before stays in force", "file", f.path, "error", err)
		})
}

// Watch calls reload again and again until ctx ends: for what is in more than one file.
// It calls refused when reload begins to fail, or fails for another reason, and taken
// when there was a change or reload no longer fails.
func Watch(ctx context.Context, every time.Duration, reload func() (changed bool, err error), taken func(), refused func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := "" // why reload does at present
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := reload()
		switch {
		case err != nil && err.Error() == failed:
		case err != nil:
			refused(err)
			failed = err.Error()
		case changed, failed != "":
			taken()
			failed = ""
		}
	}
}

func read(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var b bytes.Buffer
	if n, err := io.Copy(&b, io.LimitReader(file, maxBytes+1)); err != nil {
		return nil, err
	} else if n > maxBytes {
		return nil, fmt.Errorf("%s: it has more than %d bytes", path, maxBytes)
	}
	return b.Bytes(), nil
}
