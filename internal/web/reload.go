package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"
)

// File is a file that is reloaded when it changes, such as a file of keys. It is read and compared every few seconds
// instead of watched. That detects every way of replacing a file (by renaming, by a symbolic link as in Kubernetes,
// over a network), and the files are small.
type File struct {
	path string
	load func([]byte) error

	mu   sync.Mutex
	seen [sha256.Size]byte // hash of the contents last passed to load
	err  error             // the error that load returned for them
}

// maxBytes limits the size of a file.
const maxBytes = 4 << 20

// OpenFile reads the file and passes its contents to load. Errors of reading name the file; those of load get the
// file's name as a prefix.
func OpenFile(path string, load func([]byte) error) (*File, error) {
	f := &File{path: path, load: load}
	if _, err := f.Reload(); err != nil {
		return nil, err
	}
	return f, nil
}

// Reload reads the file, and passes its contents to load if they have changed. It reports whether new contents were
// loaded. While the contents are invalid, it returns load's error.
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

// Follow reloads the file periodically until ctx ends. When the file can no longer be read or loaded, it logs one
// error; the contents loaded before stay in force. It does not follow a pipe, such as that of a shell's <(…): its
// contents can be read only once, and it would seem empty from then on.
func (f *File) Follow(ctx context.Context, every time.Duration, logger *slog.Logger) {
	if i, err := os.Stat(f.path); err == nil && !i.Mode().IsRegular() {
		return
	}
	Watch(ctx, every, f.Reload,
		func() { logger.Info("reloaded", "file", f.path) },
		func(err error) {
			logger.Error("a file is missing or invalid: its previous contents stay in force", "file", f.path, "error",
				err)
		})
}

// Watch calls reload periodically until ctx ends. It is for data in more than one file. It calls refused when reload
// begins to fail or its error changes, and taken after a change or when reload recovers.
func Watch(ctx context.Context, every time.Duration, reload func() (changed bool, err error), taken func(),
	refused func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failed := "" // the current error of reload
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
	text, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err == nil && len(text) > maxBytes {
		err = fmt.Errorf("%s: the file has more than %d bytes", path, maxBytes)
	}
	return text, err
}
