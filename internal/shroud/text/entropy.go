package text

import "math"

// Entropy is that of Shannon, in bits for each byte.
func Entropy(s string) float64 {
	var count [256]uint16
	for n := range len(s) {
		count[s[n]]++
	}
	sum := 0.0
	for n := range len(s) {
		if c := count[s[n]]; c > 1 { // one alone adds nothing
			count[s[n]] = 0
			sum += float64(c) * math.Log2(float64(c))
		}
	}
	return math.Log2(float64(len(s))) - sum/float64(len(s))
}
