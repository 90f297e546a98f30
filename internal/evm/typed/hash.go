package typed

import (
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/evm/abi"
)

// Hash is what is signed: the domain and the message (EIP-712).
func (d *Data) Hash() evm.Hash {
	h := hasher{types: d.types, known: map[string]evm.Hash{}}
	domain, message := h.structure(&d.domain), h.structure(&d.Message)
	return evm.Keccak256([]byte{0x19, 0x01}, domain[:], message[:])
}

// EncodeType is the primary type with those that it needs, such as
// "Mail(Person to)Person(string name)". Its hash tells contracts which type was
// signed.
func (d *Data) EncodeType() string { return d.types.encode(d.PrimaryType) }

// hasher computes hashes, those of types once.
type hasher struct {
	types types
	known map[string]evm.Hash
}

func (h *hasher) structure(v *Value) evm.Hash {
	t, ok := h.known[v.Type]
	if !ok {
		t = evm.Keccak256([]byte(h.types.encode(v.Type)))
		h.known[v.Type] = t
	}
	return evm.Keccak256(t[:], h.all(v.items))
}

func (h *hasher) all(items []Value) []byte {
	out := make([]byte, 0, 32*len(items))
	for i := range items {
		w := h.word(&items[i])
		out = append(out, w[:]...)
	}
	return out
}

// word is what stands for a value in the struct or array around it. Numbers are in
// two's complement over all 32 bytes.
func (h *hasher) word(v *Value) evm.Hash {
	switch v.Kind {
	case abi.Tuple:
		return h.structure(v)
	case abi.List, abi.Array:
		return evm.Keccak256(h.all(v.items))
	case abi.Bytes, abi.String:
		return evm.Keccak256(v.Bytes)
	case abi.FixedBytes:
		var w evm.Hash
		copy(w[:], v.Bytes)
		return w
	default:
		return v.Word.Bytes32()
	}
}
