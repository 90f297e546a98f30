package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"
)

// record is one labelled text of the data.
type record struct {
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Label  string   `json:"label"`
	Kind   string   `json:"kind"`
	Source string   `json:"source"`
	Flags  []string `json:"flags"`
	Lang   string   `json:"lang"`
}

func (r record) attack() bool { return r.Label == "attack" }

// load reads the texts of one folder of the archive, in its order.
func load(archive, folder string) (found []record, err error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	for files := tar.NewReader(unzipped); ; {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", archive, err)
		}
		if !strings.HasSuffix(head.Name, ".jsonl") || path.Base(path.Dir(head.Name)) != folder {
			continue
		}
		lines := bufio.NewScanner(files)
		lines.Buffer(nil, 1<<24)
		for lines.Scan() {
			var r record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				return nil, fmt.Errorf("%s: %w", head.Name, err)
			}
			found = append(found, r)
		}
		if err := lines.Err(); err != nil {
			return nil, fmt.Errorf("%s: %w", head.Name, err)
		}
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("%s has no texts in a folder %s", archive, folder)
	}
	return found, nil
}
