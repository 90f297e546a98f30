package childproxy_test

import (
	"archive/zip"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/oneclaw-dev/oneclaw/client"
)

// npm publishes a package, and installs it, at a registry that demands the token.
func TestNpmPublishesAndInstalls(t *testing.T) {
	s := openStage(t)
	s.keep("npm", hidden, client.Binding{Hosts: []string{"npm.test"}})
	var mu sync.Mutex
	var about map[string]any
	tarballs := map[string][]byte{}
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+hidden {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		switch name := filepath.Base(r.URL.Path); {
		case r.Method == http.MethodPut:
			about = nil
			if err := json.NewDecoder(r.Body).Decode(&about); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			for file, a := range about["_attachments"].(map[string]any) {
				tarballs[file], _ = base64.StdEncoding.DecodeString(a.(map[string]any)["data"].(string))
			}
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "{}")
		case tarballs[name] != nil:
			_, _ = w.Write(tarballs[name])
		case about != nil && r.URL.Path == "/demo":
			_ = json.NewEncoder(w).Encode(about)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	r := s.start(map[string]string{"NPM_TOKEN": "npm"})
	s.file("package/package.json", `{"name":"demo","version":"1.0.0"}`)
	s.file("package/index.js", `module.exports = "it works"`)
	s.file("user/package.json", `{"name":"user","version":"1.0.0"}`)
	s.file(".npmrc", "registry=https://npm.test/\n//npm.test/:_authToken=${NPM_TOKEN}\nfetch-retries=0\n")
	if out := r.sh(`
		(cd package && npm publish --loglevel=error >&2)
		cd user && npm install demo --no-audit --no-fund --loglevel=error >&2
		node -e 'console.log(require("demo"))'
	`); out != "it works\n" {
		t.Errorf("got %q", out)
	}
	if strings.Contains(fmt.Sprint(about), r.vars["NPM_TOKEN"]) {
		t.Error("the package has the placeholder")
	}
}

// pip installs from an index that demands a password.
func TestPipInstalls(t *testing.T) {
	s := openStage(t)
	s.keep("pip", hidden, client.Binding{Hosts: []string{"pip.test"}, In: "basic"})
	const wheel = "demo-1.0-py3-none-any.whl"
	var file bytes.Buffer
	z := zip.NewWriter(&file)
	for name, content := range map[string]string{
		"demo.py":                     "print('it works')\n",
		"demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n",
		"demo-1.0.dist-info/WHEEL":    "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
		"demo-1.0.dist-info/RECORD":   "demo.py,,\n",
	} {
		w, err := z.Create(name)
		must(t, err)
		_, _ = io.WriteString(w, content)
	}
	must(t, z.Close())
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		switch user, password, _ := r.BasicAuth(); {
		case user != "ada" || password != hidden:
			w.Header().Set("WWW-Authenticate", `Basic realm="index"`)
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/simple/demo/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, `<a href="/files/`+wheel+`">`+wheel+`</a>`)
		case r.URL.Path == "/files/"+wheel:
			_, _ = w.Write(file.Bytes())
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	r := s.start(map[string]string{"PIP_PASSWORD": "pip"})
	if out := r.sh(`
		/usr/bin/python3 -m pip install -q --disable-pip-version-check --no-deps --no-cache-dir --target out --index-url https://ada:$PIP_PASSWORD@pip.test/simple demo >&2
		PYTHONPATH=out /usr/bin/python3 -c 'import demo'
	`); out != "it works\n" {
		t.Errorf("got %q", out)
	}
}

// gh takes a placeholder for a token, and sends it as it does tokens.
func TestGhAsksItsAPI(t *testing.T) {
	s := openStage(t)
	s.keep("gh", hidden, client.Binding{Hosts: []string{"api.github.com"}})
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "token "+hidden {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"login":"ada"}`)
	})
	r := s.start(map[string]string{"GH_TOKEN": "gh"})
	if !strings.HasPrefix(r.vars["GH_TOKEN"], "ghp_") || len(r.vars["GH_TOKEN"]) != 40 {
		t.Errorf("the placeholder is %s", r.vars["GH_TOKEN"])
	}
	if out := r.sh(`gh api user --jq .login`); out != "ada\n" {
		t.Errorf("got %q", out)
	}
}

// What docker login sends: basic credentials for a token, which then goes to the registry.
func TestTheExchangeOfDockerLogin(t *testing.T) {
	s := openStage(t)
	s.keep("hub", hidden, client.Binding{Hosts: []string{"auth.test"}, In: "basic"})
	s.site.says(func(w http.ResponseWriter, r *http.Request) {
		if _, password, _ := r.BasicAuth(); r.Host == "auth.test" && password == hidden {
			_, _ = io.WriteString(w, `{"token":"of-the-registry"}`)
			return
		}
		if r.Header.Get("Authorization") != "Bearer of-the-registry" {
			w.Header().Set("WWW-Authenticate", `Bearer realm="https://auth.test/token",service="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
	r := s.start(map[string]string{"DOCKER_PASSWORD": "hub"})
	out := r.sh(`
		curl -sS -o /dev/null -w '%{http_code} ' https://registry.test/v2/
		token=$(curl -fsS -u ada:$DOCKER_PASSWORD 'https://auth.test/token?service=registry&account=ada' | node -e 'console.log(JSON.parse(require("fs").readFileSync(0)).token)')
		curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $token" https://registry.test/v2/
	`)
	if out != "401 200" {
		t.Errorf("got %q", out)
	}
}
