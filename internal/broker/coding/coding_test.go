package coding_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"

	"github.com/oneclaw-dev/oneclaw/internal/broker/coding"
)

// flusher writes in one encoding.
type flusher interface {
	io.WriteCloser
	Flush() error
}

func writers(t *testing.T) map[string]func(io.Writer) flusher {
	return map[string]func(io.Writer) flusher{
		"gzip": func(w io.Writer) flusher { return gzip.NewWriter(w) }, "deflate": func(w io.Writer) flusher { return zlib.NewWriter(w) },
		"br": func(w io.Writer) flusher { return brotli.NewWriter(w) },
		"zstd": func(w io.Writer) flusher {
			z, err := zstd.NewWriter(w)
			if err != nil {
				t.Fatal(err)
			}
			return z
		},
	}
}

func answer(name string, from io.Reader) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Encoding": {name}}, Body: io.NopCloser(from)}
}

func decoded(name string, from io.Reader) ([]byte, error) {
	r, encoded, err := coding.Decoded(answer(name, from))
	if err != nil {
		return nil, err
	}
	if !encoded {
		return nil, errors.New("not seen as encoded")
	}
	return io.ReadAll(r)
}

func TestEachEncodingIsDecoded(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("text of an answer, ", 50_000)
	for name, to := range writers(t) {
		var b bytes.Buffer
		z := to(&b)
		_, _ = io.WriteString(z, text)
		_ = z.Close()
		for _, spelling := range []string{name, strings.ToUpper(name), " " + name} {
			if got, err := decoded(spelling, bytes.NewReader(b.Bytes())); err != nil || string(got) != text {
				t.Errorf("%s: %d bytes, %v", spelling, len(got), err)
			}
		}
		if _, err := decoded(name, bytes.NewReader(b.Bytes()[:b.Len()/2])); err == nil {
			t.Errorf("%s: half an answer is a whole one", name)
		}
		if _, err := decoded(name, strings.NewReader(strings.Repeat("no encoding at all. ", 100))); err == nil {
			t.Errorf("%s: what is not encoded is an answer", name)
		}
	}
	for _, name := range []string{"compress", "gzip, br", "br,br", "dcb", "dcz", "aes128gcm"} {
		if _, err := decoded(name, strings.NewReader(text)); !errors.Is(err, coding.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a server flushed is there before it sends more.
func TestWhatWasFlushedIsDecodedAtOnce(t *testing.T) {
	t.Parallel()
	for name, to := range writers(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, w := io.Pipe()
			next := make(chan struct{})
			go func() {
				z := to(w)
				for range 3 {
					_, _ = io.WriteString(z, "event")
					_ = z.Flush()
					<-next
				}
				_ = z.Close()
				_ = w.Close()
			}()
			r, _, err := coding.Decoded(answer(name, from))
			if err != nil {
				t.Fatal(err)
			}
			for range 3 {
				buf := make([]byte, 5)
				if _, err := io.ReadFull(r, buf); err != nil || string(buf) != "event" {
					t.Fatalf("%q, %v", buf, err)
				}
				next <- struct{}{}
			}
			if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

// An answer names the window that it needs: one that is too wide is refused, and the widest one takes what
// it may.
func TestTheMemoryOfADecoderIsBounded(t *testing.T) {
	const most = 64 << 20
	text := bytes.Repeat([]byte{0}, 64<<20)
	for _, c := range []struct {
		window int
		ok     bool
	}{{8 << 20, true}, {16 << 20, false}, {zstd.MaxWindowSize, false}} {
		var b bytes.Buffer
		z, err := zstd.NewWriter(&b, zstd.WithWindowSize(c.window), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = z.Write(text)
		_ = z.Close()
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r, _, err := coding.Decoded(answer("zstd", &b))
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, io.MultiReader(r)) // not by its WriteTo
		runtime.ReadMemStats(&after)
		if (err == nil) != c.ok || c.ok && n != int64(len(text)) {
			t.Errorf("a window of %d: %d bytes, %v", c.window, n, err)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > most {
			t.Errorf("a window of %d took %d MiB", c.window, took>>20)
		}
	}
}
