package linear

import (
	"encoding/binary"
	"math/bits"
)

// Features are the buckets of a text's n-grams, word after word.
type Features struct {
	Buckets []uint32
	// Ends has, for each word, where the buckets of the n-grams end that begin in it.
	Ends []int32
	// Hidden counts the hidden words up to each; nil: there are none.
	Hidden []int32
}

// Features returns the buckets of a text for a model of 1<<bits weights.
func (t Text) Features(bits int) Features {
	f := Features{Ends: make([]int32, len(t.words))}
	for i := range t.words {
		f.Buckets = t.append(f.Buckets, i, bits)
		f.Ends[i] = int32(len(f.Buckets))
	}
	return f
}

// Windows is the number of windows of n words.
func Windows(n int) int {
	if n <= Size {
		return min(n, 1)
	}
	return (n-Size+Step-1)/Step + 1
}

// Window returns the buckets of the window with a number.
func (f Features) Window(i int) []uint32 {
	from, start := i*Step, int32(0)
	if from > 0 {
		start = f.Ends[from-1]
	}
	return f.Buckets[start:f.Ends[min(from+Size, len(f.Ends))-1]]
}

// Veiled says whether most words of the window with a number are hidden.
func (f Features) Veiled(i int) bool {
	return Mostly(f.Hidden, i*Step, min(i*Step+Size, len(f.Ends)))
}

// Windows is the number of the text's windows.
func (f Features) Windows() int { return Windows(len(f.Ends)) }

func bitsOf(weights string) int { return bits.Len(uint(len(weights))) - 1 }

// append appends the buckets of the n-grams that begin in word i: one to three
// words, four and five bytes. They may reach over the end of a window.
func (t Text) append(buckets []uint32, i, bits int) []uint32 {
	shift := 32 - bits
	h := uint32(0x811C9DC5)
	for n := 0; n < 3 && i+n < len(t.words); n++ {
		for _, c := range t.bytes[t.words[i+n].at:t.words[i+n].to] {
			h = (h ^ uint32(c)) * 0x01000193
		}
		h = (h ^ 0xFF) * 0x01000193 // where a word ends
		buckets = append(buckets, mix(h)>>shift)
	}
	from, to := int(t.words[i].at), len(t.bytes)-len(ending)-1
	if i == 0 {
		from = 0
	}
	if i+1 < len(t.words) {
		to = int(t.words[i+1].at)
	}
	for ; from < to; from++ {
		four := binary.LittleEndian.Uint32(t.bytes[from:])
		buckets = append(buckets, (four*0x9E3779B1)>>shift, mix(four^uint32(t.bytes[from+4])*0x85EBCA6B+1)>>shift)
	}
	return buckets
}

func mix(h uint32) uint32 {
	h ^= h >> 15
	h *= 0x2C1B3C6D
	h ^= h >> 12
	h *= 0x297A2D39
	return h ^ h>>15
}
