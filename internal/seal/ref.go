package seal

import "encoding/binary"

// aadPrefix versions what is bound. Old prefixes stay readable: a new one gets
// a new format byte in the Box.
const aadPrefix = "oneclaw/secret/v1"

// Ref names the row that a Box belongs to.
type Ref struct {
	Org, Vault, Path string
	Version          uint64
}

// AAD is the associated data of a row. Each part carries its length, so that
// ("a", "bc") is not ("ab", "c").
func (r Ref) AAD() []byte {
	n := len(aadPrefix) + 3*4 + len(r.Org) + len(r.Vault) + len(r.Path) + 8
	return r.appendAAD(make([]byte, 0, n))
}

func (r Ref) appendAAD(b []byte) []byte {
	b = append(b, aadPrefix...)
	for _, part := range [...]string{r.Org, r.Vault, r.Path} {
		b = binary.BigEndian.AppendUint32(b, uint32(len(part)))
		b = append(b, part...)
	}
	return binary.BigEndian.AppendUint64(b, r.Version)
}
