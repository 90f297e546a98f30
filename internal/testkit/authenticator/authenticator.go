// Package authenticator is an authenticator of a person in software, for tests.
//
// Its promise: it signs what a real one would (ES256, no attestation), and whatever of it a
// test changes: the counter, the page that asks, whether a person was made sure of.
package authenticator

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"slices"
	"testing"
)

// Key is a passkey in an authenticator.
type Key struct {
	ID     []byte
	User   []byte // the handle that it was made for
	Origin string // of the page that asks
	RPID   string // the name that it signs for
	Count  uint32 // of the last signature
	Counts bool   // it counts
	Absent bool   // it asks nobody for a PIN or a finger

	t    testing.TB
	sign *ecdsa.PrivateKey
}

// options are what the server asks with.
type options struct {
	Challenge string `json:"challenge"`
	RPID      string `json:"rpId"`
	RP        struct {
		ID string `json:"id"`
	} `json:"rp"`
	User struct {
		ID string `json:"id"`
	} `json:"user"`
}

func (k *Key) read(asked []byte) (o options) {
	k.t.Helper()
	k.must(json.Unmarshal(asked, &o))
	return o
}

// New is an authenticator whose pages are at an origin. It has no passkey yet.
func New(t testing.TB, origin string) *Key {
	t.Helper()
	k := &Key{ID: make([]byte, 32), Origin: origin, t: t}
	_, err := rand.Read(k.ID)
	k.must(err)
	k.sign, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.must(err)
	return k
}

// Make answers a server that asks for a passkey.
func (k *Key) Make(asked []byte) json.RawMessage {
	k.t.Helper()
	o := k.read(asked)
	k.RPID = o.RP.ID
	var err error
	k.User, err = base64.RawURLEncoding.DecodeString(o.User.ID)
	k.must(err)
	data := k.data(0x40)
	data = append(data, make([]byte, 16)...) // no make
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.ID)))
	data = append(append(data, k.ID...), k.cose()...)
	object := []byte{0xa3, 0x63, 'f', 'm', 't', 0x64, 'n', 'o', 'n', 'e', 0x67, 'a', 't', 't', 'S', 't', 'm', 't', 0xa0, 0x68, 'a', 'u', 't', 'h', 'D', 'a', 't', 'a', 0x59}
	object = binary.BigEndian.AppendUint16(object, uint16(len(data)))
	return k.credential(map[string]any{
		"clientDataJSON": text(k.client("webauthn.create", o.Challenge)), "attestationObject": text(append(object, data...)), "transports": []string{"internal"},
	})
}

// Sign answers a server that asks who is there.
func (k *Key) Sign(asked []byte) json.RawMessage {
	k.t.Helper()
	if k.Counts {
		k.Count++
	}
	client, data := k.client("webauthn.get", k.read(asked).Challenge), k.data(0)
	about := sha256.Sum256(client)
	digest := sha256.Sum256(append(slices.Clone(data), about[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, k.sign, digest[:])
	k.must(err)
	return k.credential(map[string]any{
		"clientDataJSON": text(client), "authenticatorData": text(data), "signature": text(signature), "userHandle": text(k.User),
	})
}

// Copy is the same passkey in another authenticator.
func (k *Key) Copy() *Key {
	c := *k
	return &c
}

func (k *Key) credential(response map[string]any) json.RawMessage {
	k.t.Helper()
	out, err := json.Marshal(map[string]any{
		"id": text(k.ID), "rawId": text(k.ID), "type": "public-key", "authenticatorAttachment": "platform",
		"clientExtensionResults": map[string]any{}, "response": response,
	})
	k.must(err)
	return out
}

func (k *Key) client(what, challenge string) []byte {
	k.t.Helper()
	out, err := json.Marshal(map[string]any{"type": what, "challenge": challenge, "origin": k.Origin, "crossOrigin": false})
	k.must(err)
	return out
}

// data is what the authenticator says of itself: somebody was there, and was made sure of.
func (k *Key) data(flags byte) []byte {
	name := sha256.Sum256([]byte(k.RPID))
	flags |= 0x01
	if !k.Absent {
		flags |= 0x04
	}
	return binary.BigEndian.AppendUint32(append(name[:], flags), k.Count)
}

// cose is the public key as authenticators write it.
func (k *Key) cose() []byte {
	k.t.Helper()
	point, err := k.sign.PublicKey.Bytes()
	k.must(err)
	out := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	out = append(out, point[1:33]...)
	return append(append(out, 0x22, 0x58, 0x20), point[33:]...)
}

func (k *Key) must(err error) {
	k.t.Helper()
	if err != nil {
		k.t.Fatal(err)
	}
}

func text(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
