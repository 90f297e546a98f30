package identity

import (
	"context"
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"

	"github.com/oneclaw-dev/oneclaw/internal/access"
	"github.com/oneclaw-dev/oneclaw/internal/erase"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// makeIdentityKeys makes an agent's Ed25519 and P-256 keys, puts the private
// halves into the safe and returns the public ones in base64. It comes before
// the agent's row: a key whose agent was not stored is of no use to anybody.
func (s *Service) makeIdentityKeys(ctx context.Context, c *access.Call, agent string) (ssh, ecdhPublic string, err error) {
	var sshKey, ecdhKey secret.Bytes
	erase.Do(func() {
		ssh, sshKey, ecdhPublic, ecdhKey, err = generate()
	})
	if err != nil {
		return "", "", err
	}
	defer sshKey.Wipe()
	defer ecdhKey.Wipe()
	if err = s.cfg.Safe.PutAgentKey(ctx, c, "agents/"+agent+"/ssh/private_key", sshKey); err != nil {
		return "", "", err
	}
	return ssh, ecdhPublic, s.cfg.Safe.PutAgentKey(ctx, c, "agents/"+agent+"/ecdh/private_key", ecdhKey)
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
