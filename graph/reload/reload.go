// Package reload keeps up with files that change while the program runs, such as one
// of keys: whoever needs their contents is given them again when they are others.
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

// File is a file that is kept up with.
type File struct {
	path string
	load func([]byte) error

	mu   sync.Mutex
	seen [sha256.Size]byte // of the contents that load was given last
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

// Reload reads the file, and gives its contents to load if they are not those of the
// last time. It says whether they were taken.
func (f *File) Reload() (taken bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	text, err := read(f.path)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(text)
	if sum == f.seen {
		return false, nil
	}
	f.seen = sum // be they good or not: once is enough to complain of them
	if err := f.load(text); err != nil {
		return false, fmt.Errorf("%s: %w", f.path, err)
	}
	return true, nil
}

// Follow reloads the file again and again until ctx ends. What cannot be read or
// loaded is logged as an error, once: whatever was loaded before it stays in force.
func (f *File) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	Watch(ctx, every, f.Reload,
		func() { logger.Info("reloaded", "file", f.path) },
		func(err error) {
			logger.Error("a file has changed and is no longer good: what it said before stays in force", "file", f.path, "error", err)
		})
}

// Watch calls reload again and again until ctx ends: for what is in more than one file.
// It calls taken when there was a change, and refused when one is no good, once for as
// long as the error says the same.
func Watch(ctx context.Context, every time.Duration, reload func() (changed bool, err error), taken func(), refused func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	told := ""
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		changed, err := reload()
		switch {
		case err != nil && err.Error() != told:
			refused(err)
			told = err.Error()
		case changed:
			taken()
			told = ""
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
