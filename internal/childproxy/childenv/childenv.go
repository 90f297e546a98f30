// Package childenv makes the environment in which unchanged programs use the proxy and
// trust its certificates.
//
// Its promise: what the parent trusts the child trusts, too, and nothing of it is changed for
// anybody else. Its files lie in a folder of its own that others can't read, and go with it.
package childenv

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"software.sslmate.com/src/go-pkcs12"
)

// Setup is what an environment is made for.
type Setup struct {
	Proxy  *url.URL // with the run's token where clients have to say it
	CA     *x509.Certificate
	Getenv func(string) string // the parent's
}

// Environment is the variables of a child. Close it when the child has ended.
type Environment struct {
	Vars map[string]string
	dir  string
}

// Close removes the files.
func (e *Environment) Close() error { return os.RemoveAll(e.dir) }

// New writes the files and returns the variables.
func New(s Setup) (*Environment, error) {
	dir, err := os.MkdirTemp("", "oneclaw-proxy-") // only its owner may enter
	if err != nil {
		return nil, fmt.Errorf("make folder: %w", err)
	}
	e := &Environment{Vars: map[string]string{}, dir: dir}
	if err := e.fill(s); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

func (e *Environment) fill(s Setup) error {
	own := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.CA.Raw})
	e.proxies(s.Proxy)
	// A variable that adds to the system's authorities gets ours alone, beside what it named before.
	for _, name := range adding() {
		if err := e.write(name, strings.ToLower(name)+".pem", join(read(s.Getenv(name)), own)); err != nil {
			return err
		}
	}
	all := join(append(trusted(s.Getenv), own)...)
	for _, name := range replacing() {
		if err := e.write(name, "bundle.pem", all); err != nil {
			return err
		}
	}
	if err := e.wget(s.Getenv); err != nil {
		return err
	}
	return e.java(s, all)
}

// proxies sets the variables that name a proxy, in capitals and small letters: programs read
// one or the other.
func (e *Environment) proxies(to *url.URL) {
	const here = "localhost,127.0.0.1,::1"
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY", "GRPC_PROXY"} {
		e.both(name, to.String())
	}
	e.both("NO_PROXY", here)
	e.both("NO_GRPC_PROXY", here)
	e.Vars["NODE_USE_ENV_PROXY"] = "1"
}

func (e *Environment) both(name, value string) {
	e.Vars[name], e.Vars[strings.ToLower(name)] = value, value
}

// adding are the variables whose file is trusted beside the system's authorities.
func adding() []string { return []string{"NODE_EXTRA_CA_CERTS", "DENO_CERT"} }

// replacing are the variables whose file is trusted in place of the system's authorities.
func replacing() []string {
	return []string{
		"SSL_CERT_FILE", "CURL_CA_BUNDLE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "PIP_CERT", "AWS_CA_BUNDLE",
		"CARGO_HTTP_CAINFO", "CODEX_CA_CERTIFICATE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "NIX_SSL_CERT_FILE", "CLOUDSDK_CORE_CUSTOM_CA_CERTS_FILE",
		"npm_config_cafile", // npm does not heed NODE_EXTRA_CA_CERTS where a file of settings names authorities
	}
}

func (e *Environment) write(variable, file string, content []byte) error {
	name := filepath.Join(e.dir, file)
	if err := os.WriteFile(name, content, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	if variable != "" {
		e.Vars[variable] = name
	}
	return nil
}

// wget reads its authorities from its settings alone where it is built with GnuTLS.
func (e *Environment) wget(getenv func(string) string) error {
	name := getenv("WGETRC")
	if name == "" {
		name = filepath.Join(getenv("HOME"), ".wgetrc")
	}
	settings := join(read(name), []byte("ca_certificate = "+filepath.Join(e.dir, "bundle.pem")+"\n"))
	return e.write("WGETRC", "wgetrc", settings)
}

// java reads no variable for a proxy or for authorities, but options in one.
func (e *Environment) java(s Setup, bundle []byte) error {
	file, err := pkcs12.LegacyDES.EncodeTrustStore(certificates(bundle), javaPassword) // the one form that every Java reads
	if err != nil {
		return fmt.Errorf("write trust store: %w", err)
	}
	if err := e.write("", "truststore.p12", file); err != nil {
		return err
	}
	host, port, err := net.SplitHostPort(s.Proxy.Host)
	if err != nil {
		return fmt.Errorf("read address: %w", err)
	}
	options := []string{
		"-Djavax.net.ssl.trustStore=" + filepath.Join(e.dir, "truststore.p12"), "-Djavax.net.ssl.trustStorePassword=" + javaPassword, "-Djavax.net.ssl.trustStoreType=PKCS12",
		"-Dhttp.proxyHost=" + host, "-Dhttp.proxyPort=" + port, "-Dhttps.proxyHost=" + host, "-Dhttps.proxyPort=" + port, "-Dhttp.nonProxyHosts=localhost|127.*|[::1]",
	}
	if before := s.Getenv("JAVA_TOOL_OPTIONS"); before != "" {
		options = slices.Insert(options, 0, before)
	}
	e.Vars["JAVA_TOOL_OPTIONS"] = strings.Join(options, " ")
	return nil
}

// javaPassword keeps nothing secret: Java wants one for a file of certificates.
const javaPassword = "changeit"

func join(parts ...[]byte) []byte {
	var out bytes.Buffer
	for _, p := range parts {
		if len(p) == 0 {
			continue
		}
		out.Write(bytes.TrimRight(p, "\n"))
		out.WriteByte('\n')
	}
	return out.Bytes()
}

func read(name string) []byte {
	if name == "" {
		return nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	return b
}
