package main

import (
	"regexp"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/train/grammar"
)

// How much of each is made. Families have equal shares of theirs.
const (
	directs   = 9000 // attacks of who writes
	indirects = 4000 // attacks of what is read, by themselves
	spliced   = 9000 // both, within harmless documents
	borrowed  = 2500 // short attacks of the data, within harmless documents
	harmless  = 8500
	patched   = 2500 // harmless documents with a sentence of another
)

// made is a text that was made.
type made struct {
	text   string
	attack bool
	family string
}

// mixture makes the texts to learn from beside the data: what's spliced comes from
// these records alone, so that nothing of a source that is held out gets in.
// One in thin of what is made otherwise is made.
func mixture(records []record, parts parts, d *dice, thin int) (all []made) {
	var hosts, attacks []string
	for _, r := range records {
		switch {
		case r.attack() && len(r.Text) < 300:
			attacks = append(attacks, r.Text)
		case !r.attack() && len(r.Text) > 300 && r.Kind != "benign-encoded":
			hosts = append(hosts, r.Text)
		}
	}
	for i := range directs / thin {
		family := parts.direct.Families()[i%len(parts.direct.Families())]
		all = append(all, made{style(parts.direct.Make(family, d.below), d), true, "direct" + family})
	}
	for i := range indirects / thin {
		family := parts.indirect.Families()[i%len(parts.indirect.Families())]
		all = append(all, made{style(parts.indirect.Make(family, d.below), d), true, "indirect" + family})
	}
	for i := range spliced / thin {
		part, prefix := parts.direct, "direct"
		if i%2 == 0 {
			part, prefix = parts.indirect, "indirect"
		}
		family := part.Families()[i/2%len(part.Families())]
		text := splice(hosts[d.below(len(hosts))], style(part.Make(family, d.below), d), d)
		all = append(all, made{text, true, "spliced " + prefix + family})
	}
	for range min(borrowed/thin, 10*len(attacks)) {
		text := splice(hosts[d.below(len(hosts))], attacks[d.below(len(attacks))], d)
		all = append(all, made{text, true, "borrowed"})
	}
	for i := range harmless / thin {
		family := parts.harmless.Families()[i%len(parts.harmless.Families())]
		text := style(parts.harmless.Make(family, d.below), d)
		if i%3 == 0 {
			text = splice(hosts[d.below(len(hosts))], text, d)
		}
		all = append(all, made{text, false, "harmless" + family})
	}
	for range patched / thin {
		other := sentences(hosts[d.below(len(hosts))])
		text := splice(hosts[d.below(len(hosts))], other[d.below(len(other))], d)
		all = append(all, made{text, false, "patched"})
	}
	return all
}

// parts are the grammar's.
type parts struct{ direct, indirect, harmless *grammar.Part }

var sentenceEnd = regexp.MustCompile(`[.!?:]["')]?\s+|\n+`)

// sentences cuts a text where sentences and lines end.
func sentences(text string) (found []string) {
	at := 0
	for _, m := range sentenceEnd.FindAllStringIndex(text, -1) {
		if s := strings.TrimSpace(text[at:m[1]]); s != "" {
			found = append(found, s)
		}
		at = m[1]
	}
	return append(found, strings.TrimSpace(text[at:]))
}

// splice puts a text between two sentences of a document, and leaves of the document
// what is near: its other windows are learned from the document itself.
func splice(host, text string, d *dice) string {
	ends := sentenceEnd.FindAllStringIndex(host, -1)
	at := len(host)
	if n := d.below(len(ends) + 2); n == 0 {
		at = 0
	} else if n <= len(ends) {
		at = ends[n-1][1]
	}
	before, after := host[:at], host[at:]
	if words := strings.Fields(before); len(words) > 30 {
		before = strings.Join(words[len(words)-30:], " ")
	}
	if words := strings.Fields(after); len(words) > 30 {
		after = strings.Join(words[:30], " ")
	}
	gap := []string{" ", " ", "\n", "\n\n"}[d.below(4)]
	return strings.TrimSpace(before + gap + text + gap + after)
}

// style writes a text as people do: in capitals, with more marks, without them, with
// slips of the finger.
func style(text string, d *dice) string {
	switch d.below(12) {
	case 0:
		text = strings.TrimRight(text, ".!") + "!!!"
	case 1:
		text = strings.NewReplacer(",", "", ".", "", "'", "", ":", "").Replace(text)
	case 2:
		text = strings.ReplaceAll(text, ". ", ".\n")
	case 3:
		text = slip(slip(text, d), d)
	case 4:
		text = `"` + text + `"`
	case 5:
		text = strings.ReplaceAll(text, ". ", ", ")
	}
	return text
}

// slip swaps two letters, or leaves one out.
func slip(text string, d *dice) string {
	if len(text) < 8 {
		return text
	}
	i := 1 + d.below(len(text)-3)
	if text[i] >= 0x80 || text[i+1] >= 0x80 || text[i] <= ' ' || text[i+1] <= ' ' {
		return text
	}
	if d.below(2) == 0 {
		return text[:i] + text[i+1:]
	}
	return text[:i] + string(text[i+1]) + string(text[i]) + text[i+2:]
}
