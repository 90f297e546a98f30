package sse_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/sse"
)

// one is an event as a test sees it.
type one struct {
	name, data string
	cut        bool
}

// read is all of a stream, and what it is written as when nobody changes anything.
func read(t testing.TB, in io.Reader, max int) (all []one, written []byte) {
	t.Helper()
	r := sse.NewReader(in, max)
	var b bytes.Buffer
	for {
		e, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, b.Bytes()
		}
		if err != nil {
			t.Fatal(err)
		}
		if e.Data != nil {
			all = append(all, one{e.Name, string(e.Data), e.Cut})
		}
		if err := e.Write(&b, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// bits comes in pieces of random length.
type bits struct {
	*rand.Rand
	left []byte
}

func (b *bits) Read(p []byte) (int, error) {
	if len(b.left) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.left[:min(len(b.left), b.IntN(5)+1)])
	b.left = b.left[n:]
	return n, nil
}

func TestEventsAreTheSameHoweverTheyAreWritten(t *testing.T) {
	want := []one{{"first", `{"a":"é🦀"}`, false}, {"", "two\nlines", false}, {"", "", false}, {"", "[DONE]", false}}
	for name, stream := range map[string]string{
		"LF":       "event: first\ndata: {\"a\":\"é🦀\"}\n\ndata: two\ndata: lines\n\ndata:\n\ndata: [DONE]\n\n",
		"tight":    "event:first\ndata:{\"a\":\"é🦀\"}\n\ndata:two\ndata:lines\n\ndata\n\ndata:[DONE]\n\n",
		"BOM":      "\xef\xbb\xbfevent: first\ndata: {\"a\":\"é🦀\"}\n\ndata: two\ndata: lines\n\ndata: \n\ndata: [DONE]\n\n",
		"comments": ": hello\n\n\n\n:\nevent: first\n: data: no\ndata: {\"a\":\"é🦀\"}\n\n: x\n\ndata: two\n:\ndata: lines\n\ndata:\n\ndata: [DONE]\n\n:bye\n\n",
		"fields":   "id: 7\nevent: first\nretry: 3000\ndata: {\"a\":\"é🦀\"}\nid\n\nDATA: no\ndata: two\ndata: lines\nodd\n\ndata:\n\ndata: [DONE]\n\n",
		"order":    "data: {\"a\":\"é🦀\"}\nevent: no\nevent: first\n\ndata: two\ndata: lines\n\ndata:\n\ndata: [DONE]\n\n",
	} {
		for _, eol := range []string{"\n", "\r\n", "\r"} {
			in := []byte(strings.ReplaceAll(stream, "\n", eol))
			for seed := range uint64(50) {
				got, written := read(t, &bits{rand.New(rand.NewPCG(seed, 3)), in}, 1<<10)
				if !slices.Equal(got, want) {
					t.Fatalf("%s, %q: %+v", name, eol, got)
				}
				if !bytes.Equal(written, in) {
					t.Fatalf("%s, %q: written as %q", name, eol, written)
				}
			}
		}
	}
}

// An event is there with its last byte, also where an LF may follow that.
func TestAnEventIsNotWaitedFor(t *testing.T) {
	for _, stream := range []string{"data: x\n\n", "data: x\r\n\r\n", "data: x\r\r"} {
		out, in := io.Pipe()
		go func() { _, _ = in.Write([]byte(stream)) }() // the pipe is open until the event is there
		if e, err := sse.NewReader(out, 100).Next(); err != nil || string(e.Data) != "x" {
			t.Errorf("%q: %v %v", stream, e, err)
		}
		_ = in.Close()
	}
}

// What the end of the stream has cut off is given out, marked as such.
func TestAnEventWithoutItsEnd(t *testing.T) {
	for stream, want := range map[string][]one{
		"data: x":                   {{"", "x", true}},
		"data: x\n":                 {{"", "x", true}},
		"data: x\r\n":               {{"", "x", true}},
		"data: x\n\ndata: y\r":      {{"", "x", false}, {"", "y", true}},
		"data: x\n\n":               {{"", "x", false}},
		"data: x\r\n\r":             {{"", "x", false}},
		"event: a\ndata: x\ndat":    {{"a", "x", true}},
		"":                          nil,
		"\n":                        nil,
		": comment":                 nil,
		"data: x\n\nevent: begun":   {{"", "x", false}},
		"data: [DON":                {{"", "[DON", true}},
		"\xef\xbb\xbfdata: x\ndata": {{"", "x\n", true}},
	} {
		got, written := read(t, strings.NewReader(stream), 1<<10)
		if !slices.Equal(got, want) {
			t.Errorf("%q: %+v", stream, got)
		}
		// What follows it is an event of its own.
		after, _ := read(t, bytes.NewReader(append(written, "data: next\n\n"...)), 1<<10)
		if len(after) != len(want)+1 || after[len(after)-1].data != "next" {
			t.Errorf("%q was written as %q", stream, written)
		}
	}
}

func TestALongEventEndsTheStream(t *testing.T) {
	for _, stream := range []string{
		"data: " + strings.Repeat("x", 1000) + "\n\n", strings.Repeat("data: x\n", 100), strings.Repeat(":\n", 100), strings.Repeat("x", 1000),
		strings.Repeat(": x\r", 200),
	} {
		r := sse.NewReader(strings.NewReader(stream), 64)
		if _, err := r.Next(); !errors.Is(err, sse.ErrTooLong) {
			t.Errorf("%.20q: %v", stream, err)
		}
	}
	r := sse.NewReader(strings.NewReader(strings.Repeat("data: x\n\n", 1000)), 64)
	for range 1000 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	r = sse.NewReader(iotest.ErrReader(io.ErrUnexpectedEOF), 64)
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestAnEventWithOtherData(t *testing.T) {
	for stream, want := range map[string]string{
		"event: e\r\ndata: old\r\n\r\n":       "event: e\r\ndata: new\r\ndata: \r\ndata: lines\r\n\r\n",
		": c\rdata: old\r\r":                  ": c\rdata: new\rdata: \rdata: lines\r\r",
		": c\nid: 7\ndata: o\ndata: l\nx\n\n": ": c\nid: 7\nx\ndata: new\ndata: \ndata: lines\n\n",
		"data: old":                           "data: new\ndata: \ndata: lines\n\n",
	} {
		e, err := sse.NewReader(strings.NewReader(stream), 100).Next()
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := e.Write(&b, []byte("new\n\nlines")); err != nil || b.String() != want {
			t.Errorf("%q: %q, %v", stream, b.String(), err)
		}
		b.Reset()
		if err := e.Write(&b, e.Data); err != nil || !strings.HasPrefix(b.String(), stream) {
			t.Errorf("%q: %q, %v", stream, b.String(), err)
		}
	}
	for _, eol := range []string{"\n", "\r\n", "\r"} {
		r := sse.NewReader(strings.NewReader("data: x"+eol+eol+"data: y"+eol+eol), 100)
		var b bytes.Buffer
		for range 2 {
			e, err := r.Next()
			if err != nil {
				t.Fatal(err)
			}
			data := []byte("other " + string(e.Data))
			if err := errors.Join(e.Write(&b, data), r.New("new").Write(&b, data)); err != nil {
				t.Fatal(err)
			}
		}
		// A client that looks for two ends of lines finds the events.
		want := "data: other xEevent: new|data: other xEdata: other yEevent: new|data: other yE"
		if got := strings.ReplaceAll(strings.ReplaceAll(b.String(), eol+eol, "E"), eol, "|"); got != want {
			t.Errorf("%q: %q", eol, got)
		}
	}
	var b bytes.Buffer
	if err := sse.NewReader(nil, 0).New("error").Write(&b, []byte(`{"a":1}`)); err != nil || b.String() != "event: error\ndata: {\"a\":1}\n\n" {
		t.Errorf("%q %v", b.String(), err)
	}
}

// plainly is the standard's way (9.2.6) over a stream that is there whole, without the
// end that the standard drops.
func plainly(in []byte) (all []one) {
	s := strings.TrimPrefix(string(in), "\xef\xbb\xbf")
	s = strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
	e, any := one{}, false
	lines := strings.Split(s, "\n")
	for _, line := range lines[:len(lines)-1] {
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case line == "":
			if any {
				e.data = strings.TrimSuffix(e.data, "\n")
				all = append(all, e)
			}
			e, any = one{}, false
		case name == "data":
			e.data, any = e.data+value+"\n", true
		case name == "event":
			e.name = value
		}
	}
	return all
}

func FuzzReader(f *testing.F) {
	for _, s := range []string{"data: x\n\n", "event: a\r\ndata: b\r\n\r\n", ":c\r\rdata\r\r", "\xef\xbb\xbfdata: \n\ndata: y", "data: a\rdata: b\n\r\n\n"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want := plainly(in)
		got, written := read(t, &bits{rand.New(rand.NewPCG(seed, 5)), in}, len(in)+1)
		if n := len(got); n > 0 && got[n-1].cut {
			got = got[:n-1]
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: %+v, want %+v", in, got, want)
		}
		if !bytes.HasPrefix(written, in) || len(bytes.Trim(written[len(in):], "\r\n")) > 0 {
			t.Errorf("%q was written as %q", in, written)
		}
	})
}
