package main

import (
	"math"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/inject/linear"
)

// example is a text to learn from, in all its views.
type example struct {
	views  []linear.Features
	attack bool
}

// How long and how fast is learned.
const (
	epochs = 3
	rate   = 0.4
)

// fit learns weights, by Adagrad. Of an attack only the window is learned that looks
// most like one: the others may be the harmless document around it. Of a harmless text
// it's the same window, and one more by chance.
func fit(examples []example, bits int, d *dice) []float32 {
	l := learner{make([]float32, 1<<bits), make([]float32, 1<<bits)}
	order := make([]int, len(examples))
	for i := range order {
		order[i] = i
	}
	for range epochs {
		d.shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
		for _, i := range order {
			e := examples[i]
			window, _ := worst(l.weights, e.views)
			if len(window) == 0 {
				continue
			}
			if e.attack {
				l.learn(window, 1)
				continue
			}
			l.learn(window, 0)
			if some := e.views[d.below(len(e.views))]; some.Windows() > 1 {
				l.learn(some.Window(d.below(some.Windows())), 0)
			}
		}
	}
	return l.weights
}

// learner is the weights, and the sum of the squares of what moved them.
type learner struct{ weights, moved []float32 }

func (l learner) learn(window []uint32, toward float64) {
	p := 1 / (1 + math.Exp(-linear.Margin(float64(sum(l.weights, window)), len(window))))
	// Rounded, so that the last bits of another machine's exponential don't matter.
	p = math.Round(p*(1<<20)) / (1 << 20)
	g := float32((p - toward) / linear.Norm(len(window)))
	if g == 0 {
		return
	}
	square, step := g*g, rate*g
	for _, b := range window {
		l.moved[b] += square
		l.weights[b] -= step / float32(math.Sqrt(float64(l.moved[b])))
	}
}

func sum(weights []float32, window []uint32) float32 {
	s := float32(0)
	for _, b := range window {
		s += weights[b]
	}
	return s
}

// worst is the window of all views with the highest margin.
func worst(weights []float32, views []linear.Features) (window []uint32, margin float64) {
	margin = linear.Bias
	for _, f := range views {
		for i := range f.Windows() {
			w := f.Window(i)
			if z := linear.Margin(float64(sum(weights, w)), len(w)); window == nil || z > margin {
				window, margin = w, z
			}
		}
	}
	return window, margin
}

// worstHidden is the highest margin of the windows most of whose words are hidden.
func worstHidden(weights []float32, views []linear.Features) float64 {
	margin := math.Inf(-1)
	for _, f := range views {
		for i := range f.Windows() {
			if f.Veiled(i) {
				w := f.Window(i)
				margin = max(margin, linear.Margin(float64(sum(weights, w)), len(w)))
			}
		}
	}
	return margin
}

// whole turns weights into whole numbers of a byte each.
func whole(weights []float32) (bytes string, scale float64) {
	largest := float32(0)
	for _, w := range weights {
		largest = max(largest, w, -w)
	}
	scale = float64(largest) / 127
	b := make([]byte, len(weights))
	for i, w := range weights {
		b[i] = byte(int8(math.Round(float64(w) / scale)))
	}
	return string(b), scale
}
