package soft

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"

	"golang.org/x/crypto/argon2"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// The second recommended setting of RFC 9106: 64 MiB, three passes, four lanes.
const (
	argonTime    = 3
	argonMemory  = 64 << 10 // KiB
	argonThreads = 4
	saltSize     = 16
	paramSize    = 4 + 4 + 1 + saltSize
)

// sealRoot returns a whole root file: head, time, memory, lanes, salt, nonce,
// ciphertext, tag. All that comes before the nonce is associated data.
func sealRoot(key []byte, pass secret.Bytes) []byte {
	b := []byte(sealedHead)
	b = binary.BigEndian.AppendUint32(b, argonTime)
	b = binary.BigEndian.AppendUint32(b, argonMemory)
	b = append(b, argonThreads)
	salt := make([]byte, saltSize)
	rand.Read(salt)
	b = append(b, salt...)
	aead := passphraseCipher(pass, salt, argonTime, argonMemory, argonThreads)
	return aead.Seal(b, nil, key, b[:len(b):len(b)])
}

// unsealRoot gets the root file without its head.
func unsealRoot(b []byte, pass secret.Bytes) ([]byte, error) {
	if len(b) != paramSize+gcmOverhead+keySize {
		return nil, rootDamaged()
	}
	time, memory, threads := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:]), b[8]
	// The file may have been altered: it must not make us work for a day.
	if time < 1 || time > 100 || memory < 8 || memory > 4<<20 || threads < 1 || threads > 64 {
		return nil, rootDamaged()
	}
	aead := passphraseCipher(pass, b[9:paramSize], time, memory, threads)
	aad := append([]byte(sealedHead), b[:paramSize]...)
	key, err := aead.Open(nil, nil, b[paramSize:], aad)
	if err != nil {
		return nil, fault.New(fault.Invalid, "root_key_passphrase_wrong",
			"root.key does not open with this passphrase.")
	}
	return key, nil
}

func passphraseCipher(pass secret.Bytes, salt []byte, time, memory uint32, threads uint8) cipher.AEAD {
	key := argon2.IDKey(pass.Reveal(), salt, time, memory, threads, keySize)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err) // the key has the right size
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic(err)
	}
	return aead
}
