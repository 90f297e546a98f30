package e2e_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net"
	"os"
	"testing"
)

// freePorts are addresses that nobody listens on now.
func freePorts(n int) (out []string, err error) {
	for range n {
		l, e := net.Listen("tcp", "127.0.0.1:0")
		if e != nil {
			return nil, errors.Join(err, e)
		}
		out = append(out, l.Addr().String())
		defer func() { err = errors.Join(err, l.Close()) }()
	}
	return out, nil
}

// sum is the SHA-256 of a file.
func sum(t testing.TB, file string) string {
	t.Helper()
	s := sha256.Sum256(must[[]byte](t)(os.ReadFile(file)))
	return hex.EncodeToString(s[:])
}
