package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestServeRefusesWhatIsNotSafe(t *testing.T) {
	t.Parallel()
	file := func(content string) string {
		f := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(f, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return f
	}
	for name, tc := range map[string]struct {
		listen string
		env    []string
		code   int
		says   string
	}{
		"a variable that it does not know": {"", []string{"ONECLAW_LISTNE=127.0.0.1:1"}, 2,
			"There is no setting ONECLAW_LISTNE. docs/config.md lists them all."},
		"a port for all without TLS": {"0.0.0.0:0", nil, 2,
			"ONECLAW_LISTEN (or --listen) is reachable from other machines without TLS. Set ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE; or, behind a proxy that ends TLS, ONECLAW_ALLOW_PLAIN_HTTP=true."},
		"a port for all without an address": {":0", nil, 2, "ONECLAW_LISTEN (or --listen) is reachable from other machines without TLS."},
		"a certificate without a key": {"", []string{"ONECLAW_TLS_CERT_FILE=cert.pem"}, 2,
			"ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE go together: set both or none."},
		"a key without a certificate": {"", []string{"ONECLAW_TLS_KEY_FILE=key.pem"}, 2,
			"ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE go together: set both or none."},
		"a certificate that is not there": {"", []string{"ONECLAW_TLS_CERT_FILE=/nowhere/cert.pem", "ONECLAW_TLS_KEY_FILE=/nowhere/key.pem"}, 2, "ONECLAW_TLS_CERT_FILE"},
		"pkcs11 without its settings": {"", []string{"ONECLAW_KEYSTORE=pkcs11"}, 2,
			"The pkcs11 keystore needs ONECLAW_PKCS11_MODULE, ONECLAW_PKCS11_TOKEN and ONECLAW_PKCS11_PIN_FILE."},
		"pkcs11 in a build without it": {"", []string{"ONECLAW_KEYSTORE=pkcs11", "ONECLAW_PKCS11_MODULE=/nowhere.so", "ONECLAW_PKCS11_TOKEN=t", "ONECLAW_PKCS11_PIN_FILE=" + file("1234")}, 2,
			"make build-hsm"},
		"a keystore that is none":         {"", []string{"ONECLAW_KEYSTORE=paper"}, 2, "ONECLAW_KEYSTORE must be soft or pkcs11."},
		"an owner without password":       {"", []string{"ONECLAW_OWNER_EMAIL=a@example.com"}, 2, "ONECLAW_OWNER_EMAIL and ONECLAW_OWNER_PASSWORD_FILE go together"},
		"an owner with an empty password": {"", []string{"ONECLAW_OWNER_EMAIL=a@example.com", "ONECLAW_OWNER_PASSWORD_FILE=" + file("\n")}, 2, "The file that ONECLAW_OWNER_PASSWORD_FILE names is empty."},
		"an owner with a short password":  {"", []string{"ONECLAW_OWNER_EMAIL=a@example.com", "ONECLAW_OWNER_PASSWORD_FILE=" + file("Ab1-")}, 2, "ONECLAW_OWNER_PASSWORD_FILE can't be created. The password must have at least 12 characters."},
		"an owner without a digit":        {"", []string{"ONECLAW_OWNER_EMAIL=a@example.com", "ONECLAW_OWNER_PASSWORD_FILE=" + file("Correct-Horse-Battery\n")}, 2, "The password must have a digit."},
		"an owner without an address":     {"", []string{"ONECLAW_OWNER_EMAIL=owner", "ONECLAW_OWNER_PASSWORD_FILE=" + file(ownerPassword)}, 2, "ONECLAW_OWNER_PASSWORD_FILE can't be created."},
		"strangers with any address":      {"", []string{"ONECLAW_SIGNUP=true"}, 2, "Set ONECLAW_VERIFY_EMAIL=true and a mail server"},
		"a secret that is no file":        {"", []string{"ONECLAW_DATABASE_URL_FILE=/nowhere/url"}, 2, "The file that ONECLAW_DATABASE_URL_FILE names can't be read: no such file or directory."},
		"a database that is none":         {"", []string{"ONECLAW_DATABASE_URL_FILE=" + file("postgres://u:hunter2@%zz/x")}, 2, "The PostgreSQL connection string can't be parsed."},
		"a rate that is none":             {"", []string{"ONECLAW_RATE_AUTH=fast"}, 2, "ONECLAW_RATE_AUTH must be PER_SECOND:BURST, such as 1:5, or off."},
		"a plain public address":          {"", []string{"ONECLAW_PUBLIC_URL=http://vault.example.com"}, 2, "ONECLAW_PUBLIC_URL must begin with https://: tokens would cross the network in the clear."},
		"mails to confirm, no mails":      {"", []string{"ONECLAW_VERIFY_EMAIL=true"}, 2, "ONECLAW_VERIFY_EMAIL needs a mail server: set ONECLAW_SMTP_HOST and ONECLAW_MAIL_FROM."},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			p.command, p.env = "serve", tc.env
			if tc.listen != "" {
				p.listen = tc.listen
			}
			p.refused(tc.code, tc.says)
		})
	}
}

func TestServeRefusesKeysThatOthersCanRead(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.command, p.env = "serve", []string{
		"ONECLAW_OWNER_EMAIL=" + ownerEmail, "ONECLAW_OWNER_PASSWORD_FILE=" + writeFile(t, p.home, "password", ownerPassword),
	}
	p.start().stop()
	root := filepath.Join(p.data, "keystore", "root.key")
	if err := os.Chmod(root, 0o644); err != nil {
		t.Fatal(err)
	}
	p.refused(2, "Run chmod 600 on it")
	if err := os.Chmod(root, 0o600); err != nil {
		t.Fatal(err)
	}
	p.start().stop()

	// With the root key gone nothing could be read: it must not make another one.
	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	p.refused(2, "Restore root.key from a backup")
	if err := os.Rename(root+".away", root); err != nil {
		t.Fatal(err)
	}
	p.start()
}

func TestServeOverTLSFromAFileOfSettings(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	cert, key, roots := certificate(t)
	settings := filepath.Join(p.home, "oneclaw.conf")
	password := filepath.Join(p.home, "password")
	for name, content := range map[string]string{
		password: ownerPassword + "\n",
		settings: "# of this test\nONECLAW_TLS_CERT_FILE=" + cert + "\nONECLAW_TLS_KEY_FILE=\"" + key + "\"\n" +
			"ONECLAW_OWNER_EMAIL = " + ownerEmail + "\nONECLAW_OWNER_PASSWORD_FILE=" + password + "\n",
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p.command, p.more = "serve", []string{"--config", settings}
	s := p.start()
	s.Email, s.Password = ownerEmail, ownerPassword
	if out := s.output(); !strings.Contains(out, "the owner was created") || strings.Contains(out, ownerEmail) {
		t.Errorf("want the owner in the log, without the address:\n%s", out)
	}
	client := &http.Client{Timeout: patience, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
	t.Cleanup(client.CloseIdleConnections)
	c := caller{base: s.APIURL, http: client}
	m := c.want(t, http.StatusOK, "POST", "/v1/auth/token", map[string]string{"email": s.Email, "password": s.Password})
	c.as(text(t, m, "access_token")).want(t, http.StatusOK, "GET", "/v1/auth/me", nil)
	if r, err := plain(t, "http"+s.APIURL[len("https"):]).try(t.Context(), "GET", "/v1/health", nil); err == nil && r.status == http.StatusOK {
		t.Errorf("the port speaks HTTP too: %d %s", r.status, r.body)
	}
}

// certificate makes one for 127.0.0.1.
func certificate(t testing.TB) (cert, key string, roots *x509.CertPool) {
	t.Helper()
	private := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der := must[[]byte](t)(x509.CreateCertificate(rand.Reader, template, template, private.Public(), private))
	pkcs8 := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(private))
	roots = x509.NewCertPool()
	roots.AddCert(must[*x509.Certificate](t)(x509.ParseCertificate(der)))
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, roots
}
