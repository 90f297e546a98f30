//go:build linux

package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// more returns the texts of a file of JSON lines, or none where it has no name.
func more(file string) (texts []labelled, err error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l labelled
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		texts = append(texts, l)
	}
	return texts, lines.Err()
}

// languages prints how many harmless texts of each language get the warning for other languages, how many of them are
// stopped for it, and how many are by the model for English.
func languages(out io.Writer, texts []labelled) error {
	d, err := inject.New()
	if err != nil {
		return err
	}
	type alarms struct{ texts, warned, stopped, scored int }
	by := map[string]*alarms{}
	for _, l := range texts {
		if l.Lang == "" || l.Lang == "en" || l.bad() {
			continue
		}
		name := l.Lang + " " + l.Source
		a := by[name]
		if a == nil {
			a = &alarms{}
			by[name] = a
		}
		r := d.Score(text.Read(l.Text, text.Defaults()).Views, inject.Context)
		a.texts++
		if r.Foreign > inject.Threshold {
			a.warned++
		}
		if r.Tongue > inject.Threshold {
			a.stopped++
		}
		if r.Score > inject.Threshold {
			a.scored++
		}
	}
	fmt.Fprintf(out, "\nharmless texts in other languages  %6s  %8s  %8s  %8s\n", "texts", "warned", "stopped", "English")
	for _, name := range slices.Sorted(maps.Keys(by)) {
		a := by[name]
		of := func(n int) string { return fmt.Sprintf("%.1f %%", 100*float64(n)/float64(a.texts)) }
		fmt.Fprintf(out, "%-33s  %6d  %8s  %8s  %8s\n", name, a.texts, of(a.warned), of(a.stopped), of(a.scored))
	}
	return nil
}
