// Package passkey asks authenticators of people for signatures and verifies those (WebAuthn).
//
// Its promise: an answer counts when it was made for this server's address and for the
// challenge that it is compared with, by the key of the credential, after the
// authenticator has made sure of its person. Whose the credential is, how often a challenge is
// taken and what counts going back means is for others to say.
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Site is the address that passkeys belong to.
type Site struct {
	ID     string // the name that an authenticator ties a passkey to
	Origin string // the only address whose pages may ask for one
}

var (
	errNoName = fault.New(fault.NotOffered, "passkeys_need_a_name",
		"A passkey belongs to the name of a server, and this one has an address of numbers. Set ONECLAW_PUBLIC_URL to https:// and a name, and open that.")
	errNoHTTPS = fault.New(fault.NotOffered, "passkeys_need_https", "Browsers offer passkeys over https alone. Set ONECLAW_PUBLIC_URL to an address that begins with https://.")
)

// At is the site of a server that people open at a URL. On this machine it is localhost,
// whose pages browsers trust without https.
func At(public string) (Site, error) {
	u, err := url.Parse(public)
	if err != nil {
		return Site{}, errNoName
	}
	host, port := strings.ToLower(u.Hostname()), ""
	if u.Port() != "" {
		port = ":" + u.Port()
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case err == nil && ip.IsLoopback():
		host = localhost
	case err == nil || host == "":
		return Site{}, errNoName
	}
	if u.Scheme != "https" && host != localhost && !strings.HasSuffix(host, "."+localhost) {
		return Site{}, errNoHTTPS
	}
	return Site{ID: host, Origin: u.Scheme + "://" + host + port}, nil
}

const localhost = "localhost"

// User is who a passkey is for. Name and Shown stand in the list of the authenticator.
type User struct{ ID, Name, Shown string }

// Credential is what is kept of a passkey.
type Credential struct {
	ID         string // base64url
	Key        []byte // COSE
	Count      uint32 // of signatures; always zero for authenticators that do not count
	Transports []string
	AAGUID     string // the make, in hexadecimal, as the authenticator says it
	Backable   bool   // it may be on several devices
	BackedUp   bool
}

// Asked is what a browser hands to the authenticator, and the challenge in it.
type Asked struct {
	Options   []byte // JSON, as browsers take it
	Challenge string
}

// Create asks for a new passkey. An authenticator that has one of those that are known makes no other.
func (s Site) Create(u User, known []Credential) (Asked, error) {
	w, err := s.party()
	if err != nil {
		return Asked{}, err
	}
	var have []protocol.CredentialDescriptor
	for i := range known {
		have = append(have, known[i].record().Descriptor())
	}
	made, session, err := w.BeginRegistration(&person{User: u}, webauthn.WithExclusions(have), webauthn.WithCredentialParameters(algorithms))
	if err != nil {
		return Asked{}, err
	}
	text, err := json.Marshal(made.Response)
	return Asked{Options: text, Challenge: session.Challenge}, err
}

// Created reads the answer to Create. Its error is about what was sent, and for the log alone.
func (s Site) Created(challenge string, u User, answer []byte) (Credential, error) {
	w, err := s.party()
	if err != nil {
		return Credential{}, err
	}
	said, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Credential{}, err
	}
	p := &person{User: u}
	made, err := w.CreateCredential(p, webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: s.ID, UserID: p.WebAuthnID(), UserVerification: protocol.VerificationRequired, CredParams: algorithms,
	}, said)
	if err != nil {
		return Credential{}, err
	}
	return kept(made), nil
}

// Ask asks whoever is there for a signature of a passkey of theirs.
func (s Site) Ask() (Asked, error) {
	w, err := s.party()
	if err != nil {
		return Asked{}, err
	}
	made, session, err := w.BeginDiscoverableLogin(webauthn.WithUserVerification(protocol.VerificationRequired))
	if err != nil {
		return Asked{}, err
	}
	text, err := json.Marshal(made.Response)
	return Asked{Options: text, Challenge: session.Challenge}, err
}

// Answer is the answer to Ask. Nothing of it has been verified.
type Answer struct {
	said *protocol.ParsedCredentialAssertionData
}

// Read reads an answer. Its error is about what was sent, and for the log alone.
func Read(answer []byte) (Answer, error) {
	said, err := protocol.ParseCredentialRequestResponseBytes(answer)
	return Answer{said}, err
}

// Credential is the id of the credential that the answer says it is of.
func (a Answer) Credential() string { return base64.RawURLEncoding.EncodeToString(a.said.RawID) }

// Answered verifies an answer of a user's credential, and returns the credential as it is
// afterwards. The count is what the authenticator says.
func (s Site) Answered(challenge string, u User, c Credential, a Answer) (Credential, error) {
	w, err := s.party()
	if err != nil {
		return c, err
	}
	of := func(_, _ []byte) (webauthn.User, error) { return &person{u, []webauthn.Credential{*c.record()}}, nil }
	_, _, err = w.ValidatePasskeyLogin(of, webauthn.SessionData{
		Challenge: challenge, RelyingPartyID: s.ID, UserVerification: protocol.VerificationRequired,
	}, a.said)
	if err != nil {
		return c, err
	}
	data := &a.said.Response.AuthenticatorData
	c.Count, c.BackedUp = data.Counter, data.Flags.HasBackupState()
	return c, nil
}
