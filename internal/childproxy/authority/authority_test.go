package authority_test

import (
	"bytes"
	"crypto/x509"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/childproxy/authority"
)

// Strict clients refuse a certificate without names, key identifiers or its issuer.
func TestCertificatesAreOnesThatStrictClientsTake(t *testing.T) {
	now := time.Now()
	a, err := authority.New(func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM())
	for _, host := range []string{"api.example.com", "127.0.0.1", "::1", "a-name-that-is-longer-than-the-common-name-of-a-certificate-may-be.example.com"} {
		c, err := a.For(host)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: host, Roots: roots, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}); err != nil {
			t.Errorf("%s: %v", host, err)
		}
		if _, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: "other.example.com", Roots: roots, CurrentTime: now}); err == nil {
			t.Errorf("%s: it is good for others", host)
		}
		if len(c.Leaf.SubjectKeyId) == 0 || !bytes.Equal(c.Leaf.AuthorityKeyId, a.Certificate().SubjectKeyId) || len(c.Certificate) != 2 || c.Leaf.IsCA {
			t.Errorf("%s: %+v", host, c.Leaf)
		}
		if again, _ := a.For(host); again != c {
			t.Errorf("%s: it is made twice", host)
		}
		now = now.Add(23*time.Hour + 30*time.Minute)
		if again, _ := a.For(host); again == c {
			t.Errorf("%s: it is used to its end", host)
		}
		now = now.Add(-23*time.Hour - 30*time.Minute)
	}
	b, err := authority.New(time.Now)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(a.Certificate().RawSubject, b.Certificate().RawSubject) {
		t.Error("two runs have authorities of one name")
	}
}
