//go:build linux

// Command detect measures the detectors on labelled texts: what of them is
// found, what is found in harmless ones, and what it costs.
//
//	go run ./bench/detect -data ../shared/data/detect/train.tar.gz
//
// The texts are attacks and credentials: data, and nothing that anybody follows.
package main

import (
	"archive/tar"
	"bufio"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "detect:", err)
		os.Exit(1)
	}
}

func run(args []string, out io.Writer) error {
	flags := flag.NewFlagSet("detect", flag.ContinueOnError)
	data := flags.String("data", "../shared/data/detect/train.tar.gz", "an archive of labelled texts, JSON lines")
	predict := flags.String("predict", "", "a folder for predictions, one file for each kind of texts, in the format of score.py")
	foreign := flags.String("foreign", "", "JSON lines with more harmless texts in other languages")
	only := flags.Bool("languages", false, "measure other languages alone")
	misses := flags.String("misses", "", "print what is missed or found wrongly of this source")
	if err := flags.Parse(args); err != nil {
		return err
	}
	texts, err := read(*data)
	if err != nil {
		return err
	}
	others, err := more(*foreign)
	if err != nil {
		return err
	}
	if err := languages(out, append(texts[:len(texts):len(texts)], others...)); err != nil || *only {
		return err
	}
	return measure(out, texts, *predict, *misses)
}

// labelled is a text of the data.
type labelled struct {
	Folder string
	ID     string   `json:"id"`
	Text   string   `json:"text"`
	Label  string   `json:"label"`
	Kind   string   `json:"kind"`
	Source string   `json:"source"`
	Lang   string   `json:"lang"`
	Spans  []span   `json:"spans"`
	Flags  []string `json:"flags"`
}

type span struct {
	Start int    `json:"start"`
	End   int    `json:"end"`
	Type  string `json:"type"`
}

func (l labelled) bad() bool { return l.Label != "benign" }

// read returns the texts of an archive by its folders, in the archive's order.
func read(file string) ([]labelled, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	var texts []labelled
	for archive := tar.NewReader(z); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return texts, nil
		}
		if err != nil {
			return nil, err
		}
		parts := strings.Split(h.Name, "/")
		if len(parts) < 2 || !strings.HasSuffix(h.Name, ".jsonl") {
			continue
		}
		lines := bufio.NewScanner(archive)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			l := labelled{Folder: parts[len(parts)-2]}
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				return nil, fmt.Errorf("%s: %w", h.Name, err)
			}
			texts = append(texts, l)
		}
		if err := lines.Err(); err != nil {
			return nil, err
		}
	}
}
