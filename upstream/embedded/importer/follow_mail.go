package importer

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// maildir follows a Maildir and those in it. A mail is in new at first, and later in cur under another
// name.
type maildir struct {
	path string
	seen
	scanned map[string]time.Time // when folders were last read
}

// poll reads the mails that were delivered since the last call.
func (d *maildir) poll(f *follower) error {
	folders := []string{d.path}
	entries, err := os.ReadDir(d.path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, e := range entries {
		if within := filepath.Join(d.path, e.Name()); e.IsDir() && strings.HasPrefix(e.Name(), ".") &&
			isMaildir(within) {
			folders = append(folders, within)
		}
	}
	for _, folder := range folders {
		if err := d.folder(f, folder); err != nil {
			return err
		}
	}
	return nil
}

// folder reads the new mails of a folder, and forgets those that no longer exist.
func (d *maildir) folder(f *follower, folder string) error {
	if d.unchanged(folder, f.options.now()) {
		return nil
	}
	prefix, err := keyOf(folder)
	if err != nil {
		return err
	}
	present := map[string]string{}                // paths by keys
	for _, part := range []string{"new", "cur"} { // in this order, because mails are moved from new to cur
		entries, err := os.ReadDir(filepath.Join(folder, part))
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the folder is being removed
		}
		if err != nil {
			return err
		}
		for _, e := range entries {
			if name := e.Name(); e.Type().IsRegular() && !strings.HasPrefix(name, ".") {
				unique, _, _ := strings.Cut(name, ":") // flags follow
				present[prefix+unique] = filepath.Join(folder, part, name)
			}
		}
	}
	d.forget(f, prefix, func(key string) bool { return present[key] != "" })
	for _, key := range slices.Sorted(maps.Keys(present)) {
		if d.known[key] != "" {
			continue
		}
		if err := d.mail(f, key, present[key]); err != nil {
			return err
		}
	}
	return nil
}

// unchanged reports whether a folder has not changed since it was last read. Some file systems have a
// time resolution of two seconds.
func (d *maildir) unchanged(folder string, now time.Time) bool {
	const exact = 2 * time.Second
	if d.scanned == nil {
		d.scanned = map[string]time.Time{}
	}
	last := d.scanned[folder]
	d.scanned[folder] = now
	for _, part := range []string{"new", "cur"} {
		info, err := os.Stat(filepath.Join(folder, part))
		if err != nil || !info.ModTime().Before(last.Add(-exact)) {
			return false
		}
	}
	return true
}

// mail imports a mail.
func (d *maildir) mail(f *follower, key, path string) error {
	if err := f.ready(); err != nil {
		delete(d.scanned, filepath.Dir(filepath.Dir(path)))
		return err
	}
	read, err := f.readWhole(f.batcher.ctx, &input{name: path, again: true})
	e, closed := errors.AsType[unreadable](err)
	switch {
	case closed && errors.Is(e, fs.ErrPermission):
		f.meter.bad(BadLine{File: path, Reason: fmt.Sprintf("it cannot be read: %v", e.cause())})
		d.known[key] = "-" // until the next start
		return nil
	case err != nil:
		return err
	case !read: // it was moved from new to cur, where the next poll finds it
		delete(d.scanned, filepath.Dir(filepath.Dir(path)))
		return nil
	}
	f.mailsRead++
	d.note(f, key, "1")
	return nil
}
