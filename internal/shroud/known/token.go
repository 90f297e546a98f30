package known

import (
	"bytes"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

const (
	// mostTokens is how many parts of one value are looked for.
	mostTokens = 64
	// leastToken is the size of the shortest of them: of fewer letters it can't be told whether they are random.
	leastToken = 20
	// leastEntropy is what random letters of that size have at least, in bits for each, and words seldom.
	leastEntropy = 3.6
	// leastHexToken and leastHexEntropy are the same for digits of hex.
	leastHexToken   = 32
	leastHexEntropy = 3.0
)

// tokens are the parts of a value of several lines that look random, such as the lines of a key: each is looked for by
// itself. What is between the lines of something public, such as a certificate, is none.
func tokens(value []byte) (out []spelling) {
	if !severalLines(value) {
		return nil
	}
	for _, escaped := range []string{`\n`, `\r`, `\t`, `\/`} { // as in a value that is JSON
		with := "\n"
		if escaped == `\/` {
			with = "/"
		}
		value = bytes.ReplaceAll(value, []byte(escaped), []byte(with))
	}
	public, begins := false, false
	for _, token := range bytes.FieldsFunc(value, apartInLines) {
		switch {
		case bytes.HasSuffix(token, []byte("-----BEGIN")):
			public, begins = true, true
		case bytes.HasSuffix(token, []byte("-----END")):
			public = false
		case begins && string(token) == "PRIVATE":
			public = false
		case bytes.HasSuffix(token, []byte("-----")):
			begins = false
		case !public && random(token):
			if out = append(out, spelling{text: bytes.Clone(token), as: "plain"}); len(out) == mostTokens {
				return out
			}
		}
	}
	return out
}

// apartInLines says what stands between tokens.
func apartInLines(c rune) bool {
	switch c {
	case ' ', '\t', '\n', '\r', '"', '\'', '`', ',', ';', ':', '=', '|', '<', '>', '(', ')', '[', ']', '{', '}':
		return true
	}
	return false
}

// random reports whether a token is of letters of all kinds in no order, as keys are and words and names of
// programs are not.
func random(token []byte) bool {
	var of [4]int // capitals, small letters, digits, others
	hex, changes, same, before, last := true, 0, 0, -1, byte(0)
	for _, c := range token {
		kind := 3
		switch {
		case c >= 'A' && c <= 'Z':
			kind = 0
		case c >= 'a' && c <= 'z':
			kind = 1
		case c >= '0' && c <= '9':
			kind = 2
		case !base64Letter(c) && c != '.':
			return false
		}
		of[kind]++
		hex = hex && hexDigit(c)
		if before >= 0 && kind != before {
			changes++
		}
		if c != last {
			same = 0
		}
		if same++; same == 6 { // as zeros in base64 have: it may be a head that many keys have
			return false
		}
		before, last = kind, c
	}
	const most = 1 << 10
	n, bits := len(token), text.Entropy(string(token[:min(len(token), most)]))
	switch {
	case n < leastToken || bytes.HasPrefix(token, []byte("AAAA")): // a public key of SSH
		return false
	case hex && min(of[0], of[1]) == 0:
		return n >= leastHexToken && bits >= leastHexEntropy && of[2] >= n/4 && of[0]+of[1] >= n/8
	}
	return bits >= leastEntropy && of[0] >= 3 && of[1] >= 3 && of[2] >= 2 && changes*5 >= n*2
}
