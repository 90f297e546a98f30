//go:build linux

package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/detect"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/leak"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pii"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// finder finds things in a text of a folder of the data.
type finder struct {
	name   string
	folder string
	find   func(string) []finding.Finding
}

func measure(out io.Writer, texts []labelled, predict, misses string) error {
	o, err := detect.OptionsOf(nil)
	if err != nil {
		return err
	}
	d, err := detect.New(o)
	if err != nil {
		return err
	}
	rules := func(s string) []finding.Finding { r := d.Read(s); return d.Find(&r) }
	commands := func(s string) []finding.Finding {
		return slices.DeleteFunc(rules(s), func(f finding.Finding) bool { return f.Threat != finding.Command })
	}
	all := func(s string) []finding.Finding {
		return slices.Concat(rules(s), people(s), secrets(s))
	}
	for _, f := range []finder{{"commands", "command", commands}, {"rules", "inject", rules}, {"pii", "pii", people}, {"secrets", "secrets", secrets}} {
		records(out, texts, f, misses)
		if f.folder == "pii" || f.folder == "secrets" {
			spans(out, texts, f)
			if predict != "" {
				if err := predictions(filepath.Join(predict, f.folder+".jsonl"), texts, f); err != nil {
					return err
				}
			}
		}
	}
	for _, f := range []finder{{"rules", "inject", rules}, {"pii", "inject", people}, {"secrets", "inject", secrets}, {"all of these", "inject", all}} {
		cost(out, texts, f)
	}
	return nil
}

// tally counts texts of one source.
type tally struct{ bad, found, good, alarms int }

// records prints how many texts of each source have a finding.
func records(out io.Writer, texts []labelled, f finder, misses string) {
	by := map[string]*tally{}
	patterns := map[string]*tally{}
	for _, l := range texts {
		if l.Folder != f.folder {
			continue
		}
		found := f.find(l.Text)
		name := l.Source
		if by[name] == nil {
			by[name] = &tally{}
		}
		count(by[name], l.bad(), len(found) > 0)
		seen := map[string]bool{}
		for _, x := range found {
			p := string(x.Threat) + "/" + x.Pattern
			if patterns[p] == nil {
				patterns[p] = &tally{}
			}
			if !seen[p] {
				count(patterns[p], l.bad(), true)
			}
			seen[p] = true
		}
		if name == misses && l.bad() == (len(found) == 0) {
			fmt.Fprintf(out, "%s %q %v\n", l.Label, l.Text[:min(len(l.Text), 300)], found)
		}
	}
	fmt.Fprintf(out, "\n%s: texts with a finding\n%-34s %6s %6s %7s %6s %6s %7s\n", f.folder, "source", "attack", "found", "", "benign", "found", "")
	print := func(by map[string]*tally) {
		names := make([]string, 0, len(by))
		for n := range by {
			names = append(names, n)
		}
		slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(by[b].bad, by[a].bad), cmp.Compare(a, b)) })
		for _, n := range names {
			t := by[n]
			fmt.Fprintf(out, "%-34s %6d %6d %7s %6d %6d %7s\n", n, t.bad, t.found, share(t.found, t.bad), t.good, t.alarms, share(t.alarms, t.good))
		}
	}
	print(by)
	print(patterns)
}

func count(t *tally, bad, found bool) {
	switch {
	case bad && found:
		t.bad++
		t.found++
	case bad:
		t.bad++
	case found:
		t.good++
		t.alarms++
	default:
		t.good++
	}
}

func share(n, of int) string {
	if of == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(of))
}

// ours are the types of the data that a detector of ours is for, and what the
// data calls the same in other words.
func ours(folder, kind string) bool {
	return folder != "pii" || slices.Contains([]string{"EMAIL", "CREDIT_CARD", "IBAN", "US_SSN", "PHONE", "IP"}, kind)
}

func typeOf(f finding.Finding) string {
	switch f.Pattern {
	case "email":
		return "EMAIL"
	case "credit_card":
		return "CREDIT_CARD"
	case "iban":
		return "IBAN"
	case "ssn":
		return "US_SSN"
	case "phone", "phone_us":
		return "PHONE"
	case "ipv4", "ipv6":
		return "IP"
	}
	return f.Pattern
}

// hits counts spans: labelled, found, and those that are the same place or overlap.
type hits struct{ gold, exact, overlap, found, right int }

// spans prints how well places are found. Of secrets the type does not matter:
// the data has the names of several tools' rules.
func spans(out io.Writer, texts []labelled, f finder) {
	by := map[string]*hits{}
	of := func(name string) *hits {
		if by[name] == nil {
			by[name] = &hits{}
		}
		return by[name]
	}
	for _, l := range texts {
		if l.Folder != f.folder || slices.Contains(l.Flags, "span_unknown") {
			continue
		}
		found := f.find(l.Text)
		touches := func(g span, x finding.Finding) bool {
			return x.Start < g.End && g.Start < x.End && (f.folder == "secrets" || typeOf(x) == g.Type)
		}
		for _, g := range l.Spans {
			if !ours(f.folder, g.Type) {
				continue
			}
			name := g.Type
			if f.folder == "secrets" {
				name = l.Source
			}
			of(name).gold++
			if i := slices.IndexFunc(found, func(x finding.Finding) bool { return touches(g, x) }); i >= 0 {
				of(name).overlap++
				if slices.ContainsFunc(found, func(x finding.Finding) bool { return x.Start == g.Start && x.End == g.End && touches(g, x) }) {
					of(name).exact++
				}
			}
		}
		for _, x := range found {
			name := typeOf(x)
			if f.folder == "secrets" {
				name = l.Source
			}
			of(name).found++
			if slices.ContainsFunc(l.Spans, func(g span) bool { return touches(g, x) }) {
				of(name).right++
			}
		}
	}
	fmt.Fprintf(out, "\n%s: places\n%-34s %6s %7s %7s %6s %9s\n", f.folder, "type", "gold", "exact", "overlap", "found", "precision")
	for _, n := range slices.Sorted(maps.Keys(by)) {
		h := by[n]
		fmt.Fprintf(out, "%-34s %6d %7s %7s %6d %9s\n", n, h.gold, share(h.exact, h.gold), share(h.overlap, h.gold), h.found, share(h.right, h.found))
	}
}

// predictions writes what was found for score.py.
func predictions(file string, texts []labelled, f finder) error {
	w, err := os.Create(file)
	if err != nil {
		return err
	}
	e := json.NewEncoder(w)
	for _, l := range texts {
		if l.Folder != f.folder {
			continue
		}
		p := struct {
			ID    string `json:"id"`
			Spans []span `json:"spans"`
		}{ID: l.ID, Spans: []span{}}
		for _, x := range f.find(l.Text) {
			p.Spans = append(p.Spans, span{x.Start, x.End, typeOf(x)})
		}
		if err := e.Encode(p); err != nil {
			return errors.Join(err, w.Close())
		}
	}
	return w.Close()
}

// cost prints processor time, which is the same beside other work.
func cost(out io.Writer, texts []labelled, f finder) {
	bytes := 0
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	began := threadTime()
	for _, l := range texts {
		if l.Folder == f.folder {
			f.find(l.Text)
			bytes += len(l.Text)
		}
	}
	used := threadTime() - began
	fmt.Fprintf(out, "%-14s %.0f µs of processor per 2 KB\n", f.name, float64(used.Nanoseconds())/1e3/float64(bytes)*2048)
}

func threadTime() time.Duration {
	var u syscall.Rusage
	const thread = 1 // RUSAGE_THREAD
	if err := syscall.Getrusage(thread, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// people are personal data as findings.
func people(s string) (out []finding.Finding) {
	for _, m := range pii.Find(s) {
		out = append(out, finding.Finding{Threat: finding.PII, Pattern: m.Kind, Span: text.Span{Start: m.Start, End: m.End}})
	}
	return out
}

// secrets are shapes of secrets as findings.
func secrets(s string) (out []finding.Finding) {
	for _, m := range leak.Find(s) {
		out = append(out, finding.Finding{Threat: finding.Leak, Pattern: m.Rule, Span: text.Span{Start: m.Start, End: m.End}})
	}
	return out
}
