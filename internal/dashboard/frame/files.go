package frame

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed static/*
var static embed.FS

// file is one that pages load, as it is and compressed.
type file struct {
	plain, packed []byte
	kind          string
}

// files are what pages load. Each address has the hash of what is there, so that a browser
// keeps it for ever.
type files struct {
	by map[string]file   // by the name in the address
	at map[string]string // address by name
}

func loadFiles() files {
	f := files{by: map[string]file{}, at: map[string]string{}}
	names, err := static.ReadDir("static")
	if err != nil {
		panic(err)
	}
	for _, n := range names {
		text, err := static.ReadFile("static/" + n.Name())
		if err != nil {
			panic(err)
		}
		ext := path.Ext(n.Name())
		sum := sha256.Sum256(text)
		name := strings.TrimSuffix(n.Name(), ext) + "." + hex.EncodeToString(sum[:6]) + ext
		f.by[name] = file{plain: text, packed: packed(text), kind: mime.TypeByExtension(ext)}
		f.at[n.Name()] = "/static/" + name
	}
	return f
}

func packed(text []byte) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // the level is a good one
	_, _ = z.Write(text)                                  // a buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// address is where the file of a name is; it panics for one that is not there, which a
// template can ask for only by a mistake in it.
func (f files) address(name string) string {
	at, ok := f.at[name]
	if !ok {
		panic("frame: there is no file " + name)
	}
	return at
}

// ServeHTTP implements http.Handler.
func (f files) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	one, ok := f.by[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", one.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := one.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = one.packed
	}
	_, _ = w.Write(body) // it fails when the browser is gone
}
