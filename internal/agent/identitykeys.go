package agent

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// withIdentityKeys makes an agent's Ed25519 and P-256 keys, and calls store with the
// public ones in base64, in the agent, beside the private halves: both are stored in
// one transaction or not at all.
func (s *Service) withIdentityKeys(ctx context.Context, c *call.Call, a *Agent, store func() error) error {
	var sshKey, ecdhKey secret.Bytes
	var err error
	erase.Do(func() {
		a.SSHPublicKey, sshKey, a.ECDHPublicKey, ecdhKey, err = generate()
	})
	if err != nil {
		return err
	}
	defer sshKey.Wipe()
	defer ecdhKey.Wipe()
	at := "agents/" + a.ID
	return s.cfg.Safe.SealAgentKeys(ctx, c, map[string]secret.Bytes{at + "/ssh/private_key": sshKey, at + "/ecdh/private_key": ecdhKey},
		func(sealed any) error {
			a.Sealed = sealed
			return store()
		})
}

func generate() (ssh string, sshKey secret.Bytes, ecdhPublic string, ecdhKey secret.Bytes, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", secret.Bytes{}, "", secret.Bytes{}, err
	}
	curve, err := ecdh.P256().GenerateKey(rand.Reader)
	if err != nil {
		return "", secret.Bytes{}, "", secret.Bytes{}, err
	}
	return base64.StdEncoding.EncodeToString(pub), inBase64(key.Seed()),
		base64.StdEncoding.EncodeToString(curve.PublicKey().Bytes()), inBase64(curve.Bytes()), nil
}

func inBase64(key []byte) secret.Bytes {
	return secret.New(base64.StdEncoding.AppendEncode(nil, key))
}
