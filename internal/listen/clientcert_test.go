package listen_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/app"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
)

// identityOf is a certificate with its key.
type identityOf struct {
	cert *x509.Certificate
	pair tls.Certificate
}

func (i *identityOf) fingerprint() string {
	sum := sha256.Sum256(i.cert.Raw)
	return hex.EncodeToString(sum[:])
}

func (i *identityOf) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))
}

// certify makes a certificate, by itself or by an authority.
func certify(t *testing.T, by *identityOf, change func(*x509.Certificate)) *identityOf {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	if change != nil {
		change(c)
	}
	parent, signer := c, any(key)
	if by != nil {
		parent, signer = by.cert, by.pair.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &identityOf{cert, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: cert}}
}

func authority(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	c.ExtKeyUsage = nil
}

// naming puts URIs into a certificate.
func naming(t *testing.T, uris ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, text := range uris {
			u, err := url.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			c.URIs = append(c.URIs, u)
		}
	}
}

const annsLogin = `{"email":"ann@example.com","password":"Quite-8-Good-Words"}`

// secured is a whole server that speaks TLS on a port of its own.
type secured struct {
	t     *testing.T
	url   string
	roots *x509.CertPool
	token string // of its owner
}

func secure(t *testing.T, change func(*config.Config)) *secured {
	t.Helper()
	dir := t.TempDir()
	own := certify(t, nil, nil)
	key, err := x509.MarshalPKCS8PrivateKey(own.pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Read(nil, "")
	if err != nil {
		t.Fatal(err)
	}
	cfg.Data, cfg.Dev, cfg.Signup, cfg.RateAuth, cfg.Listen, cfg.ShroudListen = t.TempDir(), true, true, config.Rate{}, "127.0.0.1:0", "127.0.0.1:0"
	cfg.TLSCertFile, cfg.TLSKeyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cfg.TLSCertFile, own.pem())
	write(t, cfg.TLSKeyFile, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
	if change != nil {
		change(&cfg)
	}
	if err := cfg.Check(); err != nil {
		t.Fatal(err)
	}
	l, err := listen.Open(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	a, err := app.New(t.Context(), cfg, l, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	up := make(chan struct{})
	go func() { ended <- a.Serve(ctx, l, nil, func() error { close(up); return nil }) }()
	<-up
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &secured{t: t, url: l.At.API, roots: x509.NewCertPool()}
	s.roots.AddCert(own.cert)
	s.token = s.call(nil, "POST", "/v1/auth/signup", "", annsLogin, 200)["access_token"].(string)
	return s
}

func write(t *testing.T, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// call sends a request on a connection with a certificate, or with none.
func (s *secured) call(with *identityOf, method, path, token, body string, status int, headers ...string) map[string]any {
	s.t.Helper()
	conf := &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12}
	if with != nil {
		conf.Certificates = []tls.Certificate{with.pair}
	}
	tr := &http.Transport{TLSClientConfig: conf}
	defer tr.CloseIdleConnections()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := (&http.Client{Transport: tr}).Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if res.StatusCode != status {
		s.t.Errorf("%s %s: got %d, want %d: %s", method, path, res.StatusCode, status, b)
	}
	var o map[string]any
	if len(bytes.TrimSpace(b)) > 0 {
		if err := json.Unmarshal(b, &o); err != nil {
			s.t.Fatal(err)
		}
	}
	return o
}

// agent registers an agent of auth_method mtls and returns its id.
func (s *secured) agent(fingerprint string) string {
	s.t.Helper()
	body := `{"name":"robot","auth_method":"mtls"`
	if fingerprint != "" {
		body += `,"client_cert_fingerprint":"` + fingerprint + `"`
	}
	o := s.call(nil, "POST", "/v1/agents", s.token, body+"}", 201)
	if o["api_key"] != nil {
		s.t.Errorf("an mtls agent got a key: %v", o)
	}
	return o["agent"].(map[string]any)["id"].(string)
}

// exchange asks for a token with a certificate.
func (s *secured) exchange(with *identityOf, agent string, status int) string {
	s.t.Helper()
	o := s.call(with, "POST", "/v1/auth/agent-token", "", `{"agent_id":"`+agent+`"}`, status)
	token, _ := o["access_token"].(string)
	return token
}

func TestAgentsComeWithAPinnedCertificate(t *testing.T) {
	s := secure(t, nil)
	own, other := certify(t, nil, nil), certify(t, nil, nil)
	past := certify(t, nil, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
	})
	future := certify(t, nil, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Minute) })
	// With colons and in capitals, as openssl prints it.
	colons := strings.ToUpper(own.fingerprint())
	var shown []string
	for i := 0; i < len(colons); i += 2 {
		shown = append(shown, colons[i:i+2])
	}
	id := s.agent(strings.Join(shown, ":"))
	theirs := s.agent(other.fingerprint())
	token := s.exchange(own, id, 200)
	s.exchange(own, strings.ToUpper(id), 200)
	for name, c := range map[string]struct {
		with  *identityOf
		agent string
	}{
		"another agent's certificate": {other, id},
		"another agent":               {own, theirs},
		"nobody":                      {own, "00000000-0000-4000-8000-000000000001"},
		"no id":                       {own, "x"},
		"one that has expired":        {past, s.agent(past.fingerprint())},
		"one that is not valid yet":   {future, s.agent(future.fingerprint())},
		"an agent with a key": {own, s.call(nil, "POST", "/v1/agents", s.token,
			`{"name":"k","client_cert_fingerprint":"`+own.fingerprint()+`"}`, 201)["agent"].(map[string]any)["id"].(string)},
	} {
		t.Run(name, func(*testing.T) { s.exchange(c.with, c.agent, 401) })
	}
	s.exchange(nil, id, 400)
	s.call(own, "POST", "/v1/auth/agent-token", "", `{}`, 401)
	s.call(own, "POST", "/v1/auth/agent-token", "", `{"api_key":"ocv_x","agent_id":"`+id+`"}`, 401) // a key that is sent must be good

	// The token is of no use without the certificate (twice: it is cached by then).
	for range 2 {
		if me := s.call(own, "GET", "/v1/agents/me", token, "", 200); me["id"] != id {
			t.Errorf("it is %v", me)
		}
		s.call(nil, "GET", "/v1/agents/me", token, "", 401)
		s.call(other, "GET", "/v1/agents/me", token, "", 401)
	}
	// A certificate alone is no credential: browsers would send it unasked.
	s.call(own, "GET", "/v1/agents/me", "", "", 401)

	// Another certificate, at once; and none at all.
	s.call(nil, "PATCH", "/v1/agents/"+id, s.token, `{"client_cert_fingerprint":null}`, 400)
	s.call(nil, "PATCH", "/v1/agents/"+id, s.token, `{"client_cert_fingerprint":""}`, 400)
	s.call(own, "GET", "/v1/agents/me", token, "", 200)
	next := certify(t, nil, nil)
	s.call(nil, "PATCH", "/v1/agents/"+id, s.token, `{"client_cert_fingerprint":"`+next.fingerprint()+`"}`, 200)
	s.call(own, "GET", "/v1/agents/me", token, "", 401)
	s.exchange(own, id, 401)
	token = s.exchange(next, id, 200)
	s.call(nil, "DELETE", "/v1/agents/"+id, s.token, "", 204)
	s.call(next, "GET", "/v1/agents/me", token, "", 401)
	s.exchange(next, id, 401)
	s.call(nil, "POST", "/v1/agents", s.token, `{"name":"x","auth_method":"mtls"}`, 400)
}

func TestAgentsComeWithACertificateOfAnAuthority(t *testing.T) {
	ca, stranger := certify(t, nil, authority), certify(t, nil, authority)
	s := secure(t, func(c *config.Config) {
		c.ClientCAFile = filepath.Join(t.TempDir(), "ca.pem")
		write(t, c.ClientCAFile, ca.pem())
	})
	id, other := s.agent(""), s.agent("")
	good := certify(t, ca, naming(t, "https://example.com/x", "urn:oneclaw:agent:"+id))
	token := s.exchange(good, id, 200)
	s.call(good, "POST", "/v1/auth/agent-token", "", `{}`, 200) // the certificate says who it is
	s.call(good, "GET", "/v1/agents/me", token, "", 200)
	s.call(nil, "GET", "/v1/agents/me", token, "", 401)
	s.exchange(certify(t, ca, naming(t, "spiffe://example.org/agent/"+id)), id, 200)
	between := certify(t, ca, authority)
	deep := certify(t, between, naming(t, "urn:oneclaw:agent:"+id))
	s.exchange(deep, id, 401) // its issuer is not known
	deep.pair.Certificate = append(deep.pair.Certificate, between.cert.Raw)
	s.exchange(deep, id, 200)
	old := func(c *x509.Certificate) {
		naming(t, "urn:oneclaw:agent:"+id)(c)
		c.NotBefore, c.NotAfter = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Minute)
	}
	forServers := func(c *x509.Certificate) {
		naming(t, "urn:oneclaw:agent:"+id)(c)
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	}
	for name, c := range map[string]struct {
		with  *identityOf
		agent string
	}{
		"another agent's":         {good, other},
		"another authority's":     {certify(t, stranger, naming(t, "urn:oneclaw:agent:"+id)), id},
		"its own":                 {certify(t, nil, naming(t, "urn:oneclaw:agent:"+id)), id},
		"one that names nobody":   {certify(t, ca, nil), id},
		"one that names two":      {certify(t, ca, naming(t, "urn:oneclaw:agent:"+id, "urn:oneclaw:agent:"+other)), id},
		"one in another path":     {certify(t, ca, naming(t, "spiffe://example.org/x/agent/"+id)), id},
		"one that has expired":    {certify(t, ca, old), id},
		"one for servers":         {certify(t, ca, forServers), id},
		"one with a name only":    {certify(t, ca, func(c *x509.Certificate) { c.Subject.CommonName = id; c.DNSNames = []string{id} }), id},
		"one of a pinned agent's": {certify(t, ca, naming(t, "urn:oneclaw:agent:"+id)), s.agent(good.fingerprint())},
	} {
		t.Run(name, func(*testing.T) {
			s.exchange(c.with, c.agent, 401)
		})
	}
	// A pin is narrower than the authority.
	s.call(nil, "PATCH", "/v1/agents/"+id, s.token, `{"client_cert_fingerprint":"`+good.fingerprint()+`"}`, 200)
	s.exchange(good, id, 200)
	s.exchange(certify(t, ca, naming(t, "urn:oneclaw:agent:"+id)), id, 401)
	s.call(nil, "PATCH", "/v1/agents/"+id, s.token, `{"client_cert_fingerprint":null}`, 200)
	s.exchange(certify(t, ca, naming(t, "urn:oneclaw:agent:"+id)), id, 200)
}

func TestProxiesPassOnCertificates(t *testing.T) {
	const header = "X-Client-Cert"
	behind := secure(t, func(c *config.Config) {
		c.ClientCertHeader, c.TrustedProxies = header, config.Networks{netip.MustParsePrefix("127.0.0.1/32")}
	})
	others := secure(t, func(c *config.Config) {
		c.ClientCertHeader, c.TrustedProxies = header, config.Networks{netip.MustParsePrefix("192.0.2.1/32")}
	})
	off := secure(t, nil)
	own, proxy := certify(t, nil, nil), certify(t, nil, nil)
	nginx := url.PathEscape(own.pem())
	rfc := ":" + base64.StdEncoding.EncodeToString(own.cert.Raw) + ":"
	ask := func(s *secured, with *identityOf, id string, status int, headers ...string) string {
		t.Helper()
		o := s.call(with, "POST", "/v1/auth/agent-token", "", `{"agent_id":"`+id+`"}`, status, headers...)
		token, _ := o["access_token"].(string)
		return token
	}
	id, ofProxy := behind.agent(own.fingerprint()), behind.agent(proxy.fingerprint())
	token := ask(behind, nil, id, 200, header, nginx)
	ask(behind, proxy, id, 200, header, rfc)
	behind.call(proxy, "GET", "/v1/agents/me", token, "", 200, header, rfc)
	behind.call(proxy, "GET", "/v1/agents/me", token, "", 401)
	ask(behind, proxy, ofProxy, 400)                        // the proxy's own certificate is nobody's
	ask(behind, proxy, ofProxy, 401, header, nginx)         // ... nor is it the client's
	ask(behind, nil, id, 400, header, nginx, header, nginx) // which of them?
	ask(behind, nil, id, 400, "Client-Cert", rfc)           // another header
	for _, bad := range []string{"x", ":", "::", ":%%%:", rfc[:len(rfc)-1], nginx + nginx, nginx[:len(nginx)/2], "-----BEGIN%20CERTIFICATE-----", strings.Repeat("A", 20_000)} {
		ask(behind, nil, id, 400, header, bad)
	}
	for name, s := range map[string]*secured{"from who is no proxy": others, "where it is off": off} {
		t.Run(name, func(t *testing.T) {
			id := s.agent(own.fingerprint())
			ask(s, nil, id, 400, header, nginx)
			ask(s, proxy, id, 401, header, rfc)
			ask(s, own, id, 200, header, rfc) // its own, on its own connection
		})
	}
}
