package e2e_test

import (
	"errors"
	"net"
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
