package mask_test

import (
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/broker/mask"
)

// frame is one of a server.
func frame(kind byte, text string) string {
	switch n := len(text); {
	case n < 126:
		return string([]byte{kind, byte(n)}) + text
	case n < 1<<16:
		return string(binary.BigEndian.AppendUint16([]byte{kind, 126}, uint16(n))) + text
	default:
		return string(binary.BigEndian.AppendUint64([]byte{kind, 127}, uint64(n))) + text
	}
}

func through(f *mask.Frames, src string, cut func() int) string {
	out := ""
	for src != "" {
		n := min(len(src), cut())
		out += string(f.Write([]byte(src[:n])))
		src = src[n:]
	}
	return out + string(f.Rest())
}

// A value is masked also where it goes over frames with one of control between them; all frames keep
// their heads and sizes.
func TestFramesAreMaskedInPlace(t *testing.T) {
	const value = "secret-value-1"
	long := strings.Repeat("x", 70_000)
	src := frame(1, "a secret-") + frame(0x89, "ping secret-value-1") + frame(0x80, "value-1 b") + frame(0x82, long+value) + frame(0x81, "") + frame(0x82, long[:300]+"sec") + frame(0x88, "\x03\xe8bye")
	want := frame(1, "a *******") + frame(0x89, "ping **************") + frame(0x80, "******* b") + frame(0x82, long+strings.Repeat("*", len(value))) + frame(0x81, "") + frame(0x82, long[:300]+"sec") + frame(0x88, "\x03\xe8bye")
	m := mask.New(values(value))
	for _, most := range []int{1, 3, 1000, len(src)} {
		r := rand.New(rand.NewPCG(1, uint64(most)))
		f := mask.NewFrames(m.Again())
		if got := through(f, src, func() int { return 1 + r.IntN(most) }); got != want || f.Err() != nil {
			t.Errorf("in pieces of %d: %d bytes instead of %d, %v", most, len(got), len(want), f.Err())
		}
	}
	// A frame goes on after a pause, whatever it ends in.
	for _, text := range []string{"hello, world", "uses", "secret-value-"} {
		f := mask.NewFrames(m.Again())
		got := string(f.Write([]byte(frame(0x81, text))))
		if got += string(f.Quiet()); got != frame(0x81, text) || f.Holds() {
			t.Errorf("a frame alone: %q", got)
		}
	}
	for name, bad := range map[string]string{"compressed": frame(0xc1, value), "masked": "\x81\x81key!" + value, "control in parts": frame(0x09, value), "long control": frame(0x89, long)} {
		f := mask.NewFrames(m.Again())
		if got := through(f, bad, func() int { return len(bad) }); f.Err() == nil || got != "" {
			t.Errorf("%s: %q went through, %v", name, got, f.Err())
		}
	}
}

func FuzzFrames(f *testing.F) {
	f.Add(frame(0x81, "a secret-value-1 b")+frame(0x89, ""), uint64(1))
	f.Fuzz(func(t *testing.T, src string, seed uint64) {
		m := mask.New(values("secret-value-1"))
		r := rand.New(rand.NewPCG(seed, 1))
		cut, whole := mask.NewFrames(m.Again()), mask.NewFrames(m.Again())
		got, want := through(cut, src, func() int { return 1 + r.IntN(8) }), through(whole, src, func() int { return len(src) })
		if got != want || len(got) > len(src) {
			t.Errorf("%q becomes %q in pieces, %q at once", src, got, want)
		}
	})
}
