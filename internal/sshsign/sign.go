package sshsign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"math/big"

	"golang.org/x/crypto/ssh"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Type is the type of secrets that sign.
const Type = "ssh_key"

// fewestBits is the size of the smallest RSA key that signs.
const fewestBits = 2048

var (
	errKey       = fault.New(fault.Conflict, "invalid_ssh_key", "The secret is no private key that signs for SSH: Ed25519, ECDSA or RSA of at least 2048 bits, in OpenSSH's form or PEM, without a passphrase.")
	errAlgorithm = fault.New(fault.Invalid, "invalid_ssh_algorithm", "The key does not sign in that way. RSA keys sign with rsa-sha2-256 or rsa-sha2-512, others in their own way; none with SHA-1.")
)

// Public returns the public key of a private key, as SSH sends it.
func Public(value []byte) ([]byte, error) {
	signer, wipe, err := signerOf(value)
	if err != nil {
		return nil, err
	}
	defer wipe()
	return signer.PublicKey().Marshal(), nil
}

// Sign signs a request with a private key, and returns the signature as SSH sends it.
// algorithm is empty where the key has one way alone.
func Sign(value, data []byte, r *Request, algorithm string) ([]byte, error) {
	signer, wipe, err := signerOf(value)
	if err != nil {
		return nil, err
	}
	defer wipe()
	public := signer.PublicKey()
	own := public.Type()
	if own == ssh.KeyAlgoRSA {
		if algorithm != ssh.KeyAlgoRSASHA256 && algorithm != ssh.KeyAlgoRSASHA512 {
			return nil, errAlgorithm
		}
		own = algorithm
	}
	if algorithm != "" && algorithm != own || r.Login() && r.Algorithm != own {
		return nil, errAlgorithm
	}
	if r.Login() && !bytes.Equal(r.Key, public.Marshal()) {
		return nil, ErrRequest // it logs in as another key
	}
	sig, err := signer.SignWithAlgorithm(rand.Reader, data, own)
	if err != nil {
		return nil, errAlgorithm
	}
	return ssh.Marshal(sig), nil
}

// signerOf reads a private key. wipe overwrites it.
func signerOf(value []byte) (signer ssh.AlgorithmSigner, wipe func(), err error) {
	raw, err := ssh.ParseRawPrivateKey(value)
	if err != nil {
		return nil, nil, errKey
	}
	switch k := raw.(type) {
	case *ed25519.PrivateKey:
		wipe = func() { clear(*k) }
	case ed25519.PrivateKey:
		wipe = func() { clear(k) }
	case *ecdsa.PrivateKey:
		wipe = func() { zero(k.D) } //nolint:staticcheck // SA1019: there is no other way to overwrite it
	case *rsa.PrivateKey:
		wipe = func() { zero(append(k.Primes, k.D)...) }
		if k.N.BitLen() < fewestBits {
			wipe()
			return nil, nil, errKey
		}
	default:
		return nil, nil, errKey
	}
	s, err := ssh.NewSignerFromKey(raw)
	if err != nil {
		wipe()
		return nil, nil, errKey
	}
	signer, ok := s.(ssh.AlgorithmSigner)
	if !ok {
		wipe()
		return nil, nil, errKey
	}
	return signer, wipe, nil
}

// zero overwrites numbers.
func zero(numbers ...*big.Int) {
	for _, n := range numbers {
		clear(n.Bits())
	}
}
