// Package authority makes the certificates of one run of the proxy.
//
// Its promise: the key of the authority is in memory alone and signs nothing but
// certificates for hosts that the proxy was told to answer for; all of them end with the day.
package authority

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/netip"
	"sync"
	"time"
)

const (
	life = 7 * 24 * time.Hour // of the authority: an editor that was started in its environment stays open for days
	leaf = 24 * time.Hour
	skew = time.Hour // clocks of containers are behind at times
	most = 1024      // certificates that are kept
)

// Authority signs certificates that the child of one run trusts.
type Authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	now  func() time.Time

	mu   sync.Mutex
	made map[string]*tls.Certificate
}

// New makes an authority with a new key.
func New(now func() time.Time) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	t := now()
	template := &x509.Certificate{
		// Java looks authorities up by their names, so no two runs have the same.
		Subject:   pkix.Name{Organization: []string{"oneclaw"}, CommonName: "oneclaw proxy, run " + rand.Text()[:8]},
		NotBefore: t.Add(-skew), NotAfter: t.Add(life),
		IsCA: true, BasicConstraintsValid: true, MaxPathLenZero: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	a := &Authority{key: key, now: now, made: map[string]*tls.Certificate{}}
	if a.cert, err = sign(template, template, &key.PublicKey, key); err != nil {
		return nil, err
	}
	return a, nil
}

// PEM is the certificate of the authority.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// Certificate is the authority as Java's file of trust takes it.
func (a *Authority) Certificate() *x509.Certificate { return a.cert }

// For returns a certificate for a name or an address.
func (a *Authority) For(host string) (*tls.Certificate, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.now()
	if c := a.made[host]; c != nil && now.Add(skew).Before(c.Leaf.NotAfter) {
		return c, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	template := &x509.Certificate{
		NotBefore: now.Add(-skew), NotAfter: now.Add(leaf),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		template.IPAddresses = append(template.IPAddresses, ip.AsSlice())
	} else {
		template.DNSNames = []string{host}
	}
	if len(host) <= 64 { // the bound of a common name
		template.Subject.CommonName = host
	}
	cert, err := sign(template, a.cert, &key.PublicKey, a.key)
	if err != nil {
		return nil, err
	}
	if len(a.made) >= most {
		clear(a.made)
	}
	c := &tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}
	a.made[host] = c
	return c, nil
}

// sign writes both key identifiers: strict clients refuse a certificate without them.
func sign(template, parent *x509.Certificate, public *ecdsa.PublicKey, key *ecdsa.PrivateKey) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("draw serial number: %w", err)
	}
	template.SerialNumber = serial.Add(serial, big.NewInt(1))
	raw, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		return nil, fmt.Errorf("write key: %w", err)
	}
	sum := sha256.Sum256(raw)
	template.SubjectKeyId = sum[:20]
	template.AuthorityKeyId = parent.SubjectKeyId
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return x509.ParseCertificate(der)
}
