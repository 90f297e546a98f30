package inject

// tongues are languages of the lexicon, one bit each.
type tongues uint32

// stopping are the languages in which what looks like an attack is one often enough: of 600 harmless texts at least, fewer than
// 2 % are above the threshold. In the others it is a warning. See docs/shroud-detection.md.
var stopping = map[string]bool{
	"cs": true, "de": true, "es": true, "fr": true, "it": true, "ja": true, "nl": true, "pl": true, "pt": true, "ru": true, "tr": true, "uk": true, "zh": true,
}

// stops reports whether a window of the gloss is in a language in which attacks are stopped: one of them has more of its
// words than each other language has.
func (l *Lexicon) stops(g Glossed, start, end int) bool {
	counts := make([]int, len(l.names))
	for i, p := range g.places {
		if p.at < start || p.at >= end {
			continue
		}
		for n := range counts {
			if g.tongues[i]&(1<<n) != 0 {
				counts[n]++
			}
		}
	}
	best, other := 0, 0
	for n, name := range l.names {
		if stopping[name] {
			best = max(best, counts[n])
		} else {
			other = max(other, counts[n])
		}
	}
	return best > other
}
