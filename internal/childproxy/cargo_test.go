package childproxy_test

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// crates is a registry of cargo with an index over HTTP, that demands the token for all that it has.
type crates struct {
	mu    sync.Mutex
	lines map[string][]byte // of the index, by name
	files map[string][]byte // by name and version
}

func (c *crates) serve(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Authorization") != hidden {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	file := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/files/"), "/download")
	switch {
	case r.URL.Path == "/index/config.json":
		_, _ = io.WriteString(w, `{"dl":"https://crates.test/files","api":"https://crates.test","auth-required":true}`)
	case r.Method == http.MethodPut && r.URL.Path == "/api/v1/crates/new":
		if !c.add(r.Body) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, "{}")
	case c.files[file] != nil:
		_, _ = w.Write(c.files[file])
	case c.lines[filepath.Base(r.URL.Path)] != nil:
		_, _ = w.Write(c.lines[filepath.Base(r.URL.Path)])
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

// add takes what cargo publishes: what there is to say of it and the file, each behind its length.
func (c *crates) add(from io.Reader) bool {
	var parts [2][]byte
	for i := range parts {
		var size uint32
		if binary.Read(from, binary.LittleEndian, &size) != nil {
			return false
		}
		parts[i] = make([]byte, min(size, 1<<20))
		if _, err := io.ReadFull(from, parts[i]); err != nil {
			return false
		}
	}
	var about struct{ Name, Vers string }
	if json.Unmarshal(parts[0], &about) != nil {
		return false
	}
	sum := sha256.Sum256(parts[1])
	line, err := json.Marshal(map[string]any{"name": about.Name, "vers": about.Vers, "deps": []string{}, "features": struct{}{}, "yanked": false, "cksum": hex.EncodeToString(sum[:])})
	c.lines[about.Name], c.files[about.Name+"/"+about.Vers] = line, parts[1]
	return err == nil
}

// cargo publishes a crate, and fetches it, at a registry that demands the token, which it sends without a scheme.
func TestCargoPublishesAndFetches(t *testing.T) {
	s := openStage(t)
	s.keep("crates", hidden, client.Binding{Hosts: []string{"crates.test"}, In: "header:Authorization"})
	registry := crates{lines: map[string][]byte{}, files: map[string][]byte{}}
	s.site.says(registry.serve)
	r := s.start(map[string]string{"CARGO_REGISTRIES_LOCAL_TOKEN": "crates"})
	s.file(".cargo/config.toml", "[registries.local]\nindex = \"sparse+https://crates.test/index/\"\ncredential-provider = \"cargo:token\"\n[net]\nretry = 0\n")
	s.file("demo/Cargo.toml", "[package]\nname = \"demo\"\nversion = \"1.0.0\"\nedition = \"2021\"\ndescription = \"x\"\nlicense = \"MIT\"\n")
	s.file("demo/src/lib.rs", "// it works\n")
	s.file("user/Cargo.toml", "[package]\nname = \"user\"\nversion = \"1.0.0\"\nedition = \"2021\"\n[dependencies]\ndemo = { version = \"1\", registry = \"local\" }\n")
	s.file("user/src/lib.rs", "")
	if out := r.sh(rustup(t) + `
		(cd demo && cargo publish --quiet --no-verify --allow-dirty --registry local >&2)
		(cd user && cargo fetch --quiet >&2)
		cat .cargo/registry/src/*/demo-1.0.0/src/lib.rs
	`); out != "// it works\n" {
		t.Errorf("got %q", out)
	}
	for name, file := range registry.files {
		if strings.Contains(string(file), r.vars["CARGO_REGISTRIES_LOCAL_TOKEN"]) {
			t.Errorf("%s has the placeholder", name)
		}
	}
}

// rustup is what a script begins with, so that a cargo that rustup chooses is found from another home.
func rustup(t *testing.T) string {
	home, err := os.UserHomeDir()
	must(t, err)
	if at := filepath.Join(home, ".rustup"); os.Getenv("RUSTUP_HOME") == "" && exists(at) {
		return "export RUSTUP_HOME='" + at + "'\n"
	}
	return "export RUSTUP_HOME='" + os.Getenv("RUSTUP_HOME") + "'\n"
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
