//go:build linux

package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// maxSecrets is what fits into the digits of a secret's name.
const maxSecrets = 1_000_000

// The holes of a template: the number of a secret, and a number that makes a
// value unlike all before.
const (
	numberHole = "NNNNNN"
	serialHole = "SSSSSSSSSSSSSSSSSSSS"
)

// template is a request that is written once and then only copied, with its
// holes filled.
type template struct {
	text           []byte
	number, serial int // where the holes are, or -1
	want           []byte
	of             int // numbers are below this
	inOrder        bool
	count          uint64
	random         *rand.Rand
}

// request describes what a template is made from.
type request struct {
	method, path, bearer, body string
	want                       string // what the answer must contain; numberHole stands for the number
	of                         int
	inOrder                    bool // numbers 0, 1, 2 ... once each, instead of any
}

func (q request) template(addr netip.AddrPort) *template {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept: application/json\r\n", q.method, q.path, addr)
	if q.bearer != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", q.bearer)
	}
	if q.body != "" {
		fmt.Fprintf(&b, "Content-Type: application/json\r\nContent-Length: %d\r\n", len(q.body))
	}
	b.WriteString("\r\n" + q.body)
	text := []byte(b.String())
	return &template{
		text: text, number: bytes.Index(text, []byte(numberHole)), serial: bytes.Index(text, []byte(serialHole)),
		want: []byte(q.want), of: q.of, inOrder: q.inOrder, random: rand.New(rand.NewPCG(1, 2)), // the same order in every run
	}
}

// next is a load's next.
func (t *template) next(buf []byte) (out, want []byte, ok bool) {
	n := int(t.count)
	if t.inOrder && n >= t.of {
		return nil, nil, false
	}
	if !t.inOrder && t.of > 0 {
		n = t.random.IntN(t.of)
	}
	t.count++
	out = append(buf, t.text...)
	if t.serial >= 0 {
		digits(out[t.serial:t.serial+len(serialHole)], t.count)
	}
	want = t.want
	if t.number >= 0 {
		hole := out[t.number : t.number+len(numberHole)]
		digits(hole, uint64(n))
		if string(t.want) == numberHole {
			want = hole
		}
	}
	return out, want, true
}

// digits fills b with n, zeros in front.
func digits(b []byte, n uint64) {
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
}

// The requests of the cases. A value is as long as a usual API key.
func secretPath(vault string) string {
	return "/v1/vaults/" + vault + "/secrets/api-keys/key-" + numberHole
}

func readOf(vault, bearer string, n int) request {
	return request{method: "GET", path: secretPath(vault), bearer: bearer, want: numberHole, of: n}
}

func writeOf(vault, bearer string, n int) request {
	return request{
		method: "PUT", path: secretPath(vault), bearer: bearer, want: numberHole, of: n,
		body: `{"value":"sk_test_abcdefghijklmnopqrstuvwxyz` + serialHole + `","type":"api_key"}`,
	}
}

func listOf(vault, bearer string) request {
	return request{method: "GET", path: "/v1/vaults/" + vault + "/secrets", bearer: bearer, want: `"secrets"`}
}

func exchangeOf(key string) request {
	return request{method: "POST", path: "/v1/auth/agent-token", body: `{"api_key":"` + key + `"}`, want: `"access_token"`}
}
