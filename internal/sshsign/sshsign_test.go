package sshsign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/sshsign"
)

func private(t *testing.T, key crypto.PrivateKey) []byte {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// login is a login as a client writes it.
type login struct {
	Session               []byte
	Type                  byte
	User, Service, Method string
	Signed                bool
	Algorithm             string
	Key                   []byte
}

func usual(algorithm string, key []byte) login {
	return login{bytes.Repeat([]byte{7}, 32), 50, "git", "ssh-connection", "publickey", true, algorithm, key}
}

// Only logins and signatures of files are read, and only whole.
func TestWhatIsRead(t *testing.T) {
	key := []byte("a key")
	good := usual("ssh-ed25519", key)
	change := func(f func(*login)) []byte { l := good; f(&l); return ssh.Marshal(l) }
	sig := func(namespace, reserved, hash string, size int) []byte {
		return append([]byte("SSHSIG"), ssh.Marshal(struct{ A, B, C, D string }{namespace, reserved, hash, string(make([]byte, size))})...)
	}
	for name, c := range map[string]struct {
		data []byte
		ok   bool
	}{
		"a login":                     {ssh.Marshal(good), true},
		"a login bound to a host":     {append(change(func(l *login) { l.Method = "publickey-hostbound-v00@openssh.com" }), ssh.Marshal(struct{ K []byte }{key})...), true},
		"a host left out":             {change(func(l *login) { l.Method = "publickey-hostbound-v00@openssh.com" }), false},
		"more behind it":              {append(ssh.Marshal(good), 0), false},
		"cut off":                     {ssh.Marshal(good)[:60], false},
		"another message":             {change(func(l *login) { l.Type = 51 }), false},
		"another service":             {change(func(l *login) { l.Service = "ssh-userauth" }), false},
		"another method":              {change(func(l *login) { l.Method = "hostbased" }), false},
		"a question":                  {change(func(l *login) { l.Signed = false }), false},
		"no session":                  {change(func(l *login) { l.Session = nil }), false},
		"a signature":                 {sig("git", "", "sha512", 64), true},
		"with SHA-256":                {sig("file", "", "sha256", 32), true},
		"with SHA-1":                  {sig("git", "", "sha1", 20), false},
		"of another size":             {sig("git", "", "sha512", 32), false},
		"without a namespace":         {sig("", "", "sha512", 64), false},
		"with more":                   {sig("git", "x", "sha512", 64), false},
		"nothing":                     {nil, false},
		"a challenge of nobody knows": {bytes.Repeat([]byte{1}, 32), false},
		"a long text":                 {make([]byte, 1<<20), false},
	} {
		r, err := sshsign.Parse(c.data)
		if c.ok != (err == nil) || !c.ok && fault.CodeOf(err) != "ssh_request_refused" {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// A login is signed for the server that signed its session, by the key that it names, and never
// with SHA-1.
func TestWhatIsSigned(t *testing.T) {
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		key       crypto.PrivateKey
		algorithm string // of the request
		login     string
		code      string
	}{
		"Ed25519":                  {edKey, "", ssh.KeyAlgoED25519, ""},
		"ECDSA":                    {ecKey, "", ssh.KeyAlgoECDSA256, ""},
		"RSA with SHA-256":         {rsaKey, ssh.KeyAlgoRSASHA256, ssh.KeyAlgoRSASHA256, ""},
		"RSA with SHA-512":         {rsaKey, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA512, ""},
		"RSA without flags":        {rsaKey, "", ssh.KeyAlgoRSA, "invalid_ssh_algorithm"},
		"RSA with SHA-1":           {rsaKey, ssh.KeyAlgoRSA, ssh.KeyAlgoRSA, "invalid_ssh_algorithm"},
		"another than it says":     {rsaKey, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256, "invalid_ssh_algorithm"},
		"another key's way":        {edKey, ssh.KeyAlgoECDSA256, ssh.KeyAlgoECDSA256, "invalid_ssh_algorithm"},
		"an RSA key that is short": {weak, ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA512, "invalid_ssh_key"},
	} {
		t.Run(name, func(t *testing.T) {
			signer, err := ssh.NewSignerFromKey(c.key)
			if err != nil {
				t.Fatal(err)
			}
			data := ssh.Marshal(usual(c.login, signer.PublicKey().Marshal()))
			r, err := sshsign.Parse(data)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := sshsign.Sign(private(t, c.key), data, &r, c.algorithm)
			if c.code != "" {
				if fault.CodeOf(err) != c.code {
					t.Fatalf("got %v", err)
				}
				return
			}
			var sig ssh.Signature
			if err != nil || ssh.Unmarshal(raw, &sig) != nil || sig.Format != c.login || signer.PublicKey().Verify(data, &sig) != nil {
				t.Fatalf("%v, %+v", err, sig)
			}
			foreign := ssh.Marshal(usual(c.login, []byte("another key")))
			if r, err = sshsign.Parse(foreign); err != nil {
				t.Fatal(err)
			}
			if _, err := sshsign.Sign(private(t, c.key), foreign, &r, c.algorithm); fault.CodeOf(err) != "ssh_request_refused" {
				t.Errorf("as another key: %v", err)
			}
		})
	}
	if _, err := sshsign.Public([]byte("hunter2")); fault.CodeOf(err) != "invalid_ssh_key" {
		t.Errorf("no key: %v", err)
	}
}

func TestTheServerOfALogin(t *testing.T) {
	_, host, _ := ed25519.GenerateKey(rand.Reader)
	_, other, _ := ed25519.GenerateKey(rand.Reader)
	signer, err := ssh.NewSignerFromKey(host)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := ssh.NewSignerFromKey(other)
	if err != nil {
		t.Fatal(err)
	}
	l := usual("ssh-ed25519", []byte("key"))
	r, err := sshsign.Parse(ssh.Marshal(l))
	if err != nil {
		t.Fatal(err)
	}
	signed := func(s ssh.Signer, what []byte) []byte {
		sig, err := s.Sign(rand.Reader, what)
		if err != nil {
			t.Fatal(err)
		}
		return ssh.Marshal(sig)
	}
	key := signer.PublicKey().Marshal()
	if got, err := r.Host(key, signed(signer, l.Session)); err != nil || got != ssh.FingerprintSHA256(signer.PublicKey()) {
		t.Errorf("got %s, %v", got, err)
	}
	for name, c := range map[string]struct{ key, sig []byte }{
		"another session": {key, signed(signer, []byte("another"))}, "another server": {key, signed(stranger, l.Session)},
		"nobody": {nil, nil}, "no signature": {key, []byte("none")},
	} {
		if got, err := r.Host(c.key, c.sig); fault.CodeOf(err) != "ssh_session_refused" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
	}
	r.HostKey = stranger.PublicKey().Marshal()
	if got, err := r.Host(key, signed(signer, l.Session)); fault.CodeOf(err) != "ssh_session_refused" {
		t.Errorf("a login that names another: %s, %v", got, err)
	}
}

func FuzzRequests(f *testing.F) {
	f.Add(ssh.Marshal(usual("ssh-ed25519", []byte("key"))))
	f.Add([]byte("SSHSIG"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := sshsign.Parse(data)
		if err == nil && r.Login() == bytes.HasPrefix(data, []byte("SSHSIG")) {
			t.Errorf("%x is read as %+v", data, r)
		}
	})
}
