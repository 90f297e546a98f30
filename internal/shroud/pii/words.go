package pii

import "slices"

// near is how many bytes before a number its name may stand, and nearWords how
// many words.
const (
	near      = 40
	nearWords = 4
)

// told says whether one of these words is among the last ones before a place.
func told(s string, i, last int, words ...string) bool {
	var low [16]byte
	end := i
	for range last {
		for end > 0 && i-end < near && !isLetter(s[end-1]) {
			end--
		}
		start := end
		n := len(low)
		for start > 0 && i-start < near && isLetter(s[start-1]) {
			start--
			if n > 0 {
				n--
				low[n] = s[start] | 0x20
			}
		}
		if start == end {
			return false
		}
		if slices.Contains(words, string(low[n:])) {
			return true
		}
		end = start
	}
	return false
}
