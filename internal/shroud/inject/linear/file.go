package linear

import (
	"encoding/binary"
	"errors"
	"math"
)

// magic begins a file of weights: its form, and what the features are made of.
const magic = "oneclaw2"

// header is the magic and four numbers.
const header = len(magic) + 4*8

var errFile = errors.New("this is no file of weights")

// Encode writes a model: numbers, then a byte for each weight.
func (m Model) Encode() []byte {
	b := []byte(magic)
	for _, f := range []float64{m.Scale, m.Slope, m.Offset, m.Hidden} {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(f))
	}
	return append(b, m.Weights...)
}

// Decode reads what Encode wrote.
func Decode(s string) (Model, error) {
	n := len(s) - header
	if n < 2 || n&(n-1) != 0 || s[:len(magic)] != magic {
		return Model{}, errFile
	}
	number := func(i int) float64 {
		return math.Float64frombits(binary.BigEndian.Uint64([]byte(s[len(magic)+8*i:][:8])))
	}
	return Model{Weights: s[header:], Scale: number(0), Slope: number(1), Offset: number(2), Hidden: number(3)}, nil
}
