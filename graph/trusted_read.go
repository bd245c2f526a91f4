package graph

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// trustedDocument is a document of a folder or manifest.
type trustedDocument struct{ id, text string }

// ids returns all ids of the document.
func (d trustedDocument) ids() []string {
	return []string{HashDocument(d.text), HashDocument(strings.TrimSpace(d.text)), d.id}
}

// maxTrustedBytes limits the total size of all documents.
const maxTrustedBytes = 32 << 20

// readTrusted reads a folder or manifest.
func readTrusted(name string) (all []trustedDocument, err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		all, err = readFolder(name)
	} else {
		all, err = readManifest(name)
	}
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%s: contains no documents: it must be a folder of .graphql files, or a manifest in JSON",
			name)
	}
	return all, err
}

// readFolder reads the .graphql and .gql files of a folder and its subfolders. It ignores names that begin with a dot,
// such as the copies that Kubernetes keeps of mounted files.
func readFolder(name string) (all []trustedDocument, err error) {
	left := int64(maxTrustedBytes)
	if name, err = filepath.EvalSymlinks(name); err != nil { // WalkDir would not follow a link to the folder
		return nil, err
	}
	err = filepath.WalkDir(name, func(file string, e fs.DirEntry, err error) error {
		switch hidden := file != name && strings.HasPrefix(e.Name(), "."); {
		case err != nil:
			return err
		case hidden && e.IsDir():
			return fs.SkipDir
		case hidden || e.IsDir() || !slices.Contains([]string{".graphql", ".gql"}, path.Ext(e.Name())):
			return nil
		}
		text, err := readFile(file, &left)
		if err != nil {
			return err
		}
		id, err := filepath.Rel(name, file)
		if err != nil {
			return err
		}
		id = filepath.ToSlash(id)
		all = append(all, trustedDocument{strings.TrimSuffix(id, path.Ext(id)), string(text)})
		return nil
	})
	return all, err
}

// readManifest reads a manifest: an object that maps ids to texts, as written by the Relay compiler and GraphQL Code
// Generator, or Apollo's list of operations.
func readManifest(name string) (all []trustedDocument, err error) {
	left := int64(maxTrustedBytes)
	text, err := readFile(name, &left)
	if err != nil {
		return nil, err
	}
	var texts map[string]string
	if json.Unmarshal(text, &texts) == nil {
		for _, id := range slices.Sorted(maps.Keys(texts)) {
			all = append(all, trustedDocument{id, texts[id]})
		}
		return all, nil
	}
	var apollo struct {
		Format     string
		Version    int
		Operations []struct{ ID, Body string }
	}
	if json.Unmarshal(text, &apollo) != nil || apollo.Format != "apollo-persisted-query-manifest" ||
		apollo.Version != 1 {
		return nil, fmt.Errorf(`%s: not a manifest of documents: it must be {"ID": "TEXT", …}, `+
			`as the Relay compiler and GraphQL Code Generator write it, or Apollo's `+
			`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": […]}`, name)
	}
	for i, o := range apollo.Operations {
		if o.ID == "" || o.Body == "" {
			return nil, fmt.Errorf("%s: operation %d has no id or no body", name, i+1)
		}
		all = append(all, trustedDocument{o.ID, o.Body})
	}
	return all, nil
}

// readFile reads a file of at most *left bytes and subtracts its size from *left.
func readFile(name string, left *int64) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, *left+1)) // a pipe does not say how much it has
	if *left -= int64(len(text)); *left < 0 {
		return nil, fmt.Errorf("%s: the documents up to this one exceed the limit of %d bytes in total", name,
			maxTrustedBytes)
	}
	return text, err
}
