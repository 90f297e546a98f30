//go:build linux

package main

import (
	"math"
	"math/rand/v2"
	"testing"
)

func TestRankZTellsSamplesApart(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	draw := func(n int, shift float64) []float64 {
		out := make([]float64, n)
		for i := range out {
			out[i] = r.ExpFloat64() + shift
		}
		return out
	}
	if z := rankZ(draw(500, 0), draw(500, 0)); math.Abs(z) > 4 {
		t.Errorf("one distribution gives z %.1f", z)
	}
	if z := rankZ(draw(500, 0.3), draw(500, 0)); z < 4 {
		t.Errorf("a shift of 0.3 gives z %.1f", z)
	}
	if z := rankZ(draw(500, 0), draw(500, 0.3)); z > -4 {
		t.Errorf("a shift of -0.3 gives z %.1f", z)
	}
	// By hand: of 1 2 3 against 4 5 6 no pair is in order, so u is 0.
	if z := rankZ([]float64{1, 2, 3}, []float64{4, 5, 6}); math.Abs(z+4.5/math.Sqrt(5.25)) > 1e-9 {
		t.Errorf("z %v", z)
	}
}
