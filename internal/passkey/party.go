package passkey

import (
	"encoding/base64"
	"encoding/hex"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// algorithms are what authenticators of today sign with, the most wanted first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// party is the library's view of the site. Who made the authenticator is not asked: any is as good,
// and people choose. Times are kept by whoever keeps the challenges.
func (s Site) party() (*webauthn.WebAuthn, error) {
	return webauthn.New(&webauthn.Config{
		RPID: s.ID, RPDisplayName: "oneclaw", RPOrigins: []string{s.Origin}, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, RequireResidentKey: protocol.ResidentKeyRequired(), UserVerification: protocol.VerificationRequired,
		},
		// Password managers add outputs that nobody asked for. None is used here.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
}

// person is a user with the credentials that an answer may be of.
type person struct {
	User
	has []webauthn.Credential
}

// WebAuthnID implements webauthn.User.
func (p *person) WebAuthnID() []byte { return []byte(p.ID) }

// WebAuthnName implements webauthn.User.
func (p *person) WebAuthnName() string { return p.Name }

// WebAuthnDisplayName implements webauthn.User.
func (p *person) WebAuthnDisplayName() string { return p.Shown }

// WebAuthnCredentials implements webauthn.User.
func (p *person) WebAuthnCredentials() []webauthn.Credential { return p.has }

func kept(c *webauthn.Credential) Credential {
	out := Credential{
		ID: base64.RawURLEncoding.EncodeToString(c.ID), Key: c.PublicKey, Count: c.Authenticator.SignCount,
		AAGUID: hex.EncodeToString(c.Authenticator.AAGUID), Backable: c.Flags.BackupEligible, BackedUp: c.Flags.BackupState,
	}
	for _, t := range c.Transport {
		out.Transports = append(out.Transports, string(t))
	}
	return out
}

// record is the opposite of kept. What can't be read stands for a credential that no answer is of.
func (c *Credential) record() *webauthn.Credential {
	id, _ := base64.RawURLEncoding.DecodeString(c.ID)
	out := &webauthn.Credential{
		ID: id, PublicKey: c.Key, Flags: webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: c.Backable, BackupState: c.BackedUp},
		Authenticator: webauthn.Authenticator{SignCount: c.Count},
	}
	for _, t := range c.Transports {
		out.Transport = append(out.Transport, protocol.AuthenticatorTransport(t))
	}
	return out
}
