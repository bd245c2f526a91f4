package importer

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// spool follows a folder of compressed files that are read once they are complete, such as KumoMTA's logs.
type spool struct {
	path   string
	seen                          // with the sizes of files; also those that are not compressed
	tried  map[string]fs.FileInfo // files that were not complete, as they were then, by their keys
	looked time.Time
	noted  bool // that a file is not compressed
}

// How often folders are looked at, how long a file must not have changed to be tried, and to be read even if its data
// seems to be cut off.
const (
	folderInterval = time.Second
	calm           = 2 * time.Second
	abandoned      = time.Hour
)

// poll reads the files that are new and complete.
func (d *spool) poll(f *follower) error {
	now := f.options.now()
	if now.Sub(d.looked) < folderInterval {
		return nil
	}
	d.looked = now
	list, err := folder(d.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	slices.SortFunc(list, func(a, b input) int { return strings.Compare(a.name, b.name) })
	prefix, err := keyOf(d.path)
	if err != nil {
		return err
	}
	present := map[string]bool{}
	for _, in := range list {
		name, err := filepath.Rel(d.path, in.name)
		if err != nil {
			return err
		}
		key := prefix + filepath.ToSlash(name)
		present[key] = true
		if d.known[key] == strconv.FormatInt(in.size, 10) || !d.complete(f, key, &in, now) {
			continue
		}
		if err := d.read(f, key, &in); err != nil {
			return err
		}
	}
	d.forget(f, prefix, func(key string) bool { return present[key] })
	maps.DeleteFunc(d.tried, func(key string, _ fs.FileInfo) bool { return !present[key] })
	return nil
}

// complete reports whether a file is to be read. It decompresses the file for that, once for each change.
func (d *spool) complete(f *follower, key string, in *input, now time.Time) bool {
	info, err := os.Stat(in.name)
	if err != nil || info.Size() == 0 {
		return false
	}
	age := now.Sub(info.ModTime())
	before, tried := d.tried[key]
	same := tried && before.Size() == info.Size() && before.ModTime().Equal(info.ModTime())
	if age.Abs() < calm || same && age < abandoned {
		return false
	}
	d.tried[key], in.size = info, info.Size()
	src, err := open(in.name, nil, new(atomic.Int64))
	if err != nil {
		return false
	}
	defer src.close()
	if src.packing == "" {
		d.known[key] = strconv.FormatInt(in.size, 10) // not to be opened again
		if !d.noted {
			d.noted = true
			f.note(fmt.Sprintf("%s: files that are not compressed, such as %s, are not read: name them to follow them",
				d.path, filepath.Base(in.name)))
		}
		return false
	}
	_, err = io.Copy(io.Discard, src)
	return err == nil && src.foreign == "" || age > abandoned
}

// read imports a file. If the program ends meanwhile, the file is read again.
func (d *spool) read(f *follower, key string, in *input) error {
	if err := errors.Join(f.ctx.Err(), f.commit()); err != nil {
		return err
	}
	f.batcher.parts = true
	read, err := f.readWhole(f.ctx, in)
	f.batcher.parts = false
	if err != nil || !read {
		return err
	}
	d.note(f, key, strconv.FormatInt(in.size, 10))
	f.filesRead++
	return f.commit()
}

// readWhole reads a file that is read once. It returns false if the file no longer exists.
func (f *follower) readWhole(ctx context.Context, in *input) (read bool, err error) {
	if err = in.look(f.options); err == nil {
		err = f.loader.readFile(ctx, in)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil && !errors.As(err, new(*BadLine)): // what is bad was reported
		return false, err
	}
	return true, nil
}

// seen records which files of folders were read, here and in the store.
type seen struct {
	prefix string            // of the keys in the store
	known  map[string]string // what is known of each file, by the rest of the key: see keyOf
}

// keyOf returns what the keys of the files in a folder begin with.
func keyOf(folder string) (string, error) {
	absolute, err := filepath.Abs(folder)
	sum := sha256.Sum256([]byte(absolute))
	return hex.EncodeToString(sum[:8]) + "/", err
}

// note records that a file was read.
func (s *seen) note(f *follower, key, value string) {
	s.known[key], f.read = value, true
	f.batcher.keep(s.prefix+key, value)
}

// forget removes the files of a folder that no longer exist.
func (s *seen) forget(f *follower, folder string, exists func(key string) bool) {
	for key := range s.known {
		if strings.HasPrefix(key, folder) && !exists(key) {
			delete(s.known, key)
			f.batcher.keep(s.prefix+key, "")
			f.read = true
		}
	}
}
