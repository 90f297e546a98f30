package store

import (
	"encoding/binary"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// packed is a version in one string: a cached row is then one allocation of a
// few hundred bytes, where the struct takes ten, and the garbage collector has
// nothing to follow in it.
type packed string

// pack leaves out what the key says (vault and path), and the counts of reads,
// since versions that have any are not cached.
func pack(v *vault.Version) packed {
	b := make([]byte, 0, 256+len(v.Box.Ciphertext)+len(v.Metadata)+len(v.RotationPolicy))
	for _, s := range [...]string{v.ID, v.Type, v.CreatedBy} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	for _, s := range [...][]byte{v.Metadata, v.RotationPolicy, v.Box.WrappedDEK, v.Box.Ciphertext} {
		b = append(binary.AppendUvarint(b, uint64(len(s))), s...)
	}
	b = binary.AppendUvarint(b, v.Meta.Version)
	b = binary.AppendUvarint(b, uint64(v.KEKGen))
	for _, t := range [...]time.Time{v.CreatedAt, v.ExpiresAt, v.DeletedAt} {
		var n int64
		if !t.IsZero() {
			n = micros(t)
		}
		b = binary.AppendVarint(b, n)
	}
	b = append(b, byte(number(v.CMEK)))
	return packed(b)
}

// unpack is the reverse of pack.
func (p packed) unpack(k secretKey) vault.Version {
	v := vault.Version{Vault: k.vault}
	v.Path = k.path
	r := reader{rest: string(p)}
	v.ID, v.Type, v.CreatedBy = r.text(), r.text(), r.text()
	v.Metadata, v.RotationPolicy = []byte(r.text()), []byte(r.text())
	v.Box.WrappedDEK, v.Box.Ciphertext = []byte(r.text()), []byte(r.text())
	v.Meta.Version = r.uvarint()
	v.KEKGen = int64(r.uvarint())
	v.CreatedAt, v.ExpiresAt, v.DeletedAt = r.time(), r.time(), r.time()
	v.CMEK = r.rest[0] == 1
	return v
}

// reader takes pack's fields from the front. It trusts them: they never left
// this process.
type reader struct{ rest string }

func (r *reader) text() string {
	n := r.uvarint()
	s := r.rest[:n]
	r.rest = r.rest[n:]
	return s
}

func (r *reader) uvarint() (n uint64) {
	for shift := 0; ; shift += 7 {
		c := r.rest[0]
		r.rest = r.rest[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
}

func (r *reader) time() time.Time {
	u := r.uvarint()
	n := int64(u>>1) ^ -int64(u&1) // zigzag, as AppendVarint writes it
	if n == 0 {
		return time.Time{}
	}
	return fromMicros(n)
}
