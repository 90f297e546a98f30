// Package linear scores a text by its worst window with a linear model over hashed
// n-grams of words and bytes.
//
// Its promise: the same text and the same model give the same score on every machine, but
// for the last bits of an exponential, since weights are whole numbers; time and memory
// grow with the length of the text and with nothing else; it computes from its arguments
// alone.
package linear

import "math"

// Size and Step of a window, in words.
const (
	Size = 16
	Step = 4
)

// Model is what training made.
type Model struct {
	// Weights has a power of two of them, and a feature's place is its hash.
	// Each is a byte with a sign. It's a string, so that what is built in isn't copied.
	Weights string
	// Scale turns a weight into what training learned.
	Scale float64
	// Slope and Offset map a window's sum to a score between 0 and 1, by a logistic curve.
	Slope, Offset float64
	// Hidden is what is added to the margin of a window most of whose words are hidden.
	Hidden float64
}

// Bias is what a window has that shows nothing. It's fixed: a learned one makes
// a script that training never saw look like an attack.
const Bias = -2

// softening keeps a text of a few words from shouting: its sum is divided as if
// there were this many features more.
const softening = 400

// Window is a stretch of a text and its score.
type Window struct {
	Score      float64
	Start, End int // bytes of the text that was given
}

// Worst returns the window with the highest score, the first of equals.
func (m Model) Worst(text string) Window { return m.WorstOf(Read(text), nil) }

// WorstOf is Worst for a text that was read. Of its first i words hidden[i] are hidden;
// nil is none.
func (m Model) WorstOf(t Text, hidden []int32) Window {
	worst := Window{Score: m.Score(Bias)}
	if len(t.words) == 0 {
		return worst
	}
	sums := make([]int32, len(t.words)+1)
	counts := make([]int32, len(t.words)+1)
	bits := bitsOf(m.Weights)
	var buckets []uint32
	for i := range t.words {
		buckets = t.append(buckets[:0], i, bits)
		sum := int32(0)
		for _, b := range buckets {
			sum += int32(int8(m.Weights[b]))
		}
		sums[i+1], counts[i+1] = sums[i]+sum, counts[i]+int32(len(buckets))
	}
	best := math.Inf(-1)
	for from := 0; ; from += Step {
		to := min(from+Size, len(t.words))
		z := Margin(float64(sums[to]-sums[from])*m.Scale, int(counts[to]-counts[from]))
		if Mostly(hidden, from, to) {
			z += m.Hidden
		}
		if z > best {
			best = z
			worst.Start, worst.End = int(t.words[from].start), int(t.words[to-1].end)
		}
		if to == len(t.words) {
			break
		}
	}
	worst.Score = m.Score(best)
	return worst
}

// Mostly says whether at least half of the words from one to another are counted.
func Mostly(count []int32, from, to int) bool {
	return count != nil && 2*int(count[to]-count[from]) >= to-from
}

// Margin is what a window with this sum of weights and this number of features is
// worth before it's mapped to a score.
func Margin(sum float64, features int) float64 {
	return sum/Norm(features) + Bias
}

// Norm is what a window's sum is divided by.
func Norm(features int) float64 { return math.Sqrt(float64(features + softening)) }

// Score maps a margin to a score.
func (m Model) Score(margin float64) float64 {
	return 1 / (1 + math.Exp(-(float64(m.Slope*margin) + m.Offset)))
}
