package importer

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
)

// Files returns the names with each folder replaced by the files in it that [Run] would import.
func Files(names []string) (files []string, err error) {
	for _, name := range names {
		if name == Stdin {
			files = append(files, name)
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			files = append(files, name)
			continue
		}
		within, err := folder(name)
		if err != nil {
			return nil, err
		}
		if len(within) == 0 {
			return nil, fmt.Errorf("%s: there are no files in this folder", name)
		}
		for _, in := range within {
			files = append(files, in.name)
		}
	}
	return files, nil
}

// OpenText opens a file of text, which may be compressed with gzip or zstd, and returns its decompressed content. It
// returns an error if the content is not text.
func OpenText(name string) (r *bufio.Reader, closed func(), err error) {
	src, err := open(name, nil, new(atomic.Int64))
	if err != nil {
		if inner := errors.Unwrap(err); inner != nil {
			err = inner // it names the file
		}
		return nil, nil, err
	}
	foreign := src.foreign
	if head, _ := src.Peek(headBytes); foreign == "" && bytes.IndexByte(head, 0) >= 0 {
		foreign = "the file is binary, not text"
	}
	if foreign != "" {
		src.close()
		return nil, nil, fmt.Errorf("%s: %s", name, foreign)
	}
	return src.Reader, src.close, nil
}
