package childenv_test

import (
	"crypto/x509"
	"encoding/pem"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
	"github.com/oneclaw-dev/oneclaw/internal/childproxy/childenv"
)

func certificates(t *testing.T, name string) (out []*x509.Certificate) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var block *pem.Block
		if block, b = pem.Decode(b); block == nil {
			return out
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
}

func has(list []*x509.Certificate, c *x509.Certificate) bool {
	for _, x := range list {
		if x.Equal(c) {
			return true
		}
	}
	return false
}

func newCA(t *testing.T) *authority.Authority {
	t.Helper()
	ca, err := authority.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// What the parent trusts the child trusts, too: a file with our authority alone would break all
// that passes untouched.
func TestTheChildTrustsWhatTheParentTrusts(t *testing.T) {
	ours, system, company, extra := newCA(t), newCA(t), newCA(t), newCA(t)
	dir := t.TempDir()
	parent := map[string]string{"HOME": dir, "JAVA_TOOL_OPTIONS": "-Xmx64m"}
	for variable, ca := range map[string]*authority.Authority{"SSL_CERT_FILE": system, "REQUESTS_CA_BUNDLE": company, "NODE_EXTRA_CA_CERTS": extra} {
		parent[variable] = filepath.Join(dir, variable)
		if err := os.WriteFile(parent[variable], ca.PEM(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, ".wgetrc"), []byte("tries = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	proxy := &url.URL{Scheme: "http", Host: "127.0.0.1:4711", User: url.UserPassword("oneclaw", "token")}
	e, err := childenv.New(childenv.Setup{Proxy: proxy, CA: ours.Certificate(), Getenv: func(n string) string { return parent[n] }})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE", "CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE",
		"GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "npm_config_cafile",
	} {
		if list := certificates(t, e.Vars[name]); !has(list, ours.Certificate()) || !has(list, system.Certificate()) || !has(list, company.Certificate()) {
			t.Errorf("%s names a file with %d authorities, and not all", name, len(list))
		}
	}
	for _, name := range []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT"} {
		list := certificates(t, e.Vars[name])
		if want := map[string]int{"NODE_EXTRA_CA_CERTS": 2, "DENO_CERT": 1}[name]; len(list) != want || !has(list, ours.Certificate()) {
			t.Errorf("%s names a file with %d authorities", name, len(list))
		}
	}
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "grpc_proxy"} {
		if e.Vars[name] != "http://oneclaw:token@127.0.0.1:4711" {
			t.Errorf("%s is %q", name, e.Vars[name])
		}
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		if e.Vars[name] != "localhost,127.0.0.1,::1" {
			t.Errorf("%s is %q", name, e.Vars[name])
		}
	}
	if b, err := os.ReadFile(e.Vars["WGETRC"]); err != nil || string(b) != "tries = 1\nca_certificate = "+e.Vars["SSL_CERT_FILE"]+"\n" {
		t.Errorf("wget's settings are %q %v", b, err)
	}
	options := e.Vars["JAVA_TOOL_OPTIONS"]
	for _, part := range []string{"-Xmx64m ", "-Dhttps.proxyHost=127.0.0.1 ", "-Dhttps.proxyPort=4711", "-Djavax.net.ssl.trustStoreType=PKCS12"} {
		if !strings.Contains(options, part) {
			t.Errorf("Java's options lack %s: %s", part, options)
		}
	}
	_, store, _ := strings.Cut(options, "trustStore=")
	store, _, _ = strings.Cut(store, " ")
	b, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := pkcs12.DecodeTrustStore(b, "changeit"); err != nil || !has(list, ours.Certificate()) || !has(list, system.Certificate()) {
		t.Errorf("Java trusts %d authorities: %v", len(list), err)
	}
	folder := filepath.Dir(store)
	if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder: %v %v", info, err)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
}

// Node before 22.21 has no proxy for fetch.
func TestAnOldNodeIsTold(t *testing.T) {
	for version, old := range map[string]bool{"v20.20.2": true, "v22.20.9": true, "v22.21.0": false, "v23.11.0": true, "v24.0.0": false, "v26.1.0": false} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "node"), []byte("#!/bin/sh\necho "+version+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "tool"), []byte("#!/usr/bin/env node\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", dir+":/usr/bin:/bin")
		for program, onNode := range map[string]bool{"node": true, "tool": true, filepath.Join(dir, "node"): true, "sh": false, "none": false} {
			if got := childenv.OldNode(t.Context(), program); (got != "") != (old && onNode) {
				t.Errorf("%s at %s: %q", program, version, got)
			}
		}
	}
}
