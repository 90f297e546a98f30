package childenv

import (
	"crypto/x509"
	"encoding/pem"
)

// trusted is what the parent's programs trust: the system's file, or the one that is named
// in its place, and the files of single programs.
func trusted(getenv func(string) string) [][]byte {
	var all [][]byte
	if own := read(getenv("SSL_CERT_FILE")); own != nil {
		all = append(all, own)
	} else {
		for _, name := range systemFiles() {
			if b := read(name); b != nil {
				all = append(all, b)
				break
			}
		}
	}
	seen := map[string]bool{getenv("SSL_CERT_FILE"): true, "": true}
	for _, variable := range replacing() {
		name := getenv(variable)
		if b := read(name); b != nil && !seen[name] {
			all = append(all, b)
		}
		seen[name] = true
	}
	return all
}

// systemFiles are where systems keep their authorities; the first that is there counts.
func systemFiles() []string {
	return []string{
		"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
	}
}

// certificates reads a bundle and leaves out everything that is not a certificate.
func certificates(bundle []byte) (out []*x509.Certificate) {
	for {
		var block *pem.Block
		if block, bundle = pem.Decode(bundle); block == nil {
			return out
		}
		if c, err := x509.ParseCertificate(block.Bytes); err == nil {
			out = append(out, c)
		}
	}
}
