package typed

import (
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/evm"
)

// TextHash is what is signed of a text (EIP-191, version 0x45).
func TextHash(msg []byte) evm.Hash {
	return evm.Keccak256([]byte("\x19Ethereum Signed Message:\n"+strconv.Itoa(len(msg))), msg)
}

// LooksLikeTx reports whether msg, or the hexadecimal digits that it is, has the
// shape of a transaction, an authorization (EIP-7702) or the bytes that are hashed
// of typed data. Whoever asks to sign such a text wants it taken for one.
func LooksLikeTx(msg []byte) bool {
	b := unhex(msg)
	if len(b) == 66 && b[0] == 0x19 && b[1] == 0x01 {
		return true
	}
	least := 6
	if len(b) > 0 && b[0] >= 1 && b[0] <= 5 { // an envelope (EIP-2718), or the magic byte of EIP-7702
		if b[0] == 5 {
			least = 3
		}
		b = b[1:]
	}
	body, rest, list, ok := item(b)
	if !ok || !list || len(rest) > 0 {
		return false
	}
	n := 0
	for len(body) > 0 {
		if _, body, _, ok = item(body); !ok {
			return false
		}
		n++
	}
	return n >= least
}

// LooksLikeDigest reports whether msg is 32 bytes, or the hexadecimal digits of 32
// bytes: nobody can say what signing a hash means.
func LooksLikeDigest(msg []byte) bool { return len(msg) == 32 || len(unhex(msg)) == 32 }

// unhex is the bytes that msg spells, with or without 0x, or msg.
func unhex(msg []byte) []byte {
	s := strings.TrimSpace(string(msg))
	if len(s) > 1 && (s[:2] == "0x" || s[:2] == "0X") {
		s = s[2:]
	}
	if b, err := hex.DecodeString(s); err == nil && len(b) > 0 {
		return b
	}
	return msg
}

// item takes one item of RLP off b, which need not be canonical.
func item(b []byte) (body, rest []byte, list, ok bool) {
	if len(b) == 0 {
		return nil, nil, false, false
	}
	first := b[0]
	if first < 0x80 {
		return b[:1], b[1:], false, true
	}
	list = first >= 0xc0
	size := int(first - 0x80)
	if list {
		size = int(first - 0xc0)
	}
	b = b[1:]
	if size > 55 {
		n := size - 55
		if n > len(b) || n > 4 {
			return nil, nil, false, false
		}
		size = 0
		for _, c := range b[:n] {
			size = size<<8 | int(c)
		}
		b = b[n:]
	}
	if size > len(b) {
		return nil, nil, false, false
	}
	return b[:size], b[size:], list, true
}
