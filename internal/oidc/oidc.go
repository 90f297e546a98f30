// Package oidc verifies tokens that identity providers signed, with keys that
// the providers publish.
//
// Its promise: claims come back only from a token of exactly the issuer that
// was asked for, signed with an asymmetric algorithm by a key that this issuer
// publishes now (or did an hour ago, while it can't be reached), and within its
// time. What an issuer can cost is bounded: the size, number and time of its
// answers, how often it is asked, and how many of one tenant's are asked at a
// time. No unknown key id makes more than one question every ten seconds.
package oidc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// Reason is why a token is refused. It is for the log: callers that are not
// trusted learn only that it was.
type Reason string

// The reasons.
const (
	Malformed   Reason = "token_malformed"
	Algorithm   Reason = "token_algorithm"
	WrongIssuer Reason = "wrong_issuer"
	UnknownKey  Reason = "unknown_signing_key"
	Signature   Reason = "bad_signature"
	Expired     Reason = "token_expired"
	TooEarly    Reason = "token_not_yet_valid"
	TooLong     Reason = "token_lives_too_long"
	Unreachable Reason = "issuer_unreachable"
)

// Error implements error.
func (r Reason) Error() string { return string(r) }

// Doer makes requests. It must be guarded: issuers are named by users. An
// *http.Client is one.
type Doer interface {
	Do(r *http.Request) (*http.Response, error)
}

// Bounds of tokens.
const (
	// MaxToken is longer than any token that is read.
	MaxToken = 16 << 10
	// Leeway is how far clocks may be apart.
	Leeway = 30 * time.Second
	// maxAhead is how far away the end of a token may be.
	maxAhead = 366 * 24 * time.Hour
)

// algorithms that a token may be signed with: asymmetric ones alone, so that a
// public key never is a secret one.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512, jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// Verifier verifies tokens. It is safe for concurrent use.
type Verifier struct{ keys *keys }

// New returns a Verifier that asks issuers through client.
func New(client Doer) *Verifier { return &Verifier{keys: newKeys(client)} }

// Verify returns what the token claims, once it is shown to be a token of the
// issuer that is good now. tenant is who named the issuer: what one tenant's
// issuers cost does not slow another's. Who the token is for, and about, is for
// the caller to compare. The error is a Reason, or the context's.
func (v *Verifier) Verify(ctx context.Context, tenant, issuer, token string, now time.Time) (Claims, error) {
	signed, err := parse(token)
	if err != nil {
		return Claims{}, err
	}
	said, err := readClaims(signed.UnsafePayloadWithoutVerification())
	if err != nil {
		return Claims{}, err
	}
	// All that costs nothing comes before the issuer is asked for anything.
	if said.Issuer != issuer || issuer == "" {
		return Claims{}, WrongIssuer
	}
	if err := said.during(now); err != nil {
		return Claims{}, err
	}
	head := signed.Signatures[0].Protected
	found, err := v.keys.find(ctx, tenant, issuer, head.KeyID, now)
	if err != nil {
		return Claims{}, err
	}
	for _, k := range found {
		if !fits(k, head.Algorithm) {
			continue
		}
		payload, err := signed.Verify(k.Key)
		if err != nil {
			continue
		}
		return readClaims(payload)
	}
	if len(found) == 0 {
		return Claims{}, UnknownKey
	}
	return Claims{}, Signature
}

// Peek returns what a token claims, which nobody has verified: it serves to find
// out with whose keys to verify it, and for nothing else. The error is a Reason.
func Peek(token string) (Claims, error) {
	signed, err := parse(token)
	if err != nil {
		return Claims{}, err
	}
	return readClaims(signed.UnsafePayloadWithoutVerification())
}

func parse(token string) (*jose.JSONWebSignature, error) {
	if len(token) > MaxToken || !oneSpelling(token) {
		return nil, Malformed
	}
	signed, err := jose.ParseSignedCompact(token, algorithms)
	switch unexpected := (*jose.ErrUnexpectedSignatureAlgorithm)(nil); {
	case errors.As(err, &unexpected):
		return nil, Algorithm
	case err != nil || len(signed.Signatures) != 1:
		return nil, Malformed
	}
	return signed, nil
}

// oneSpelling accepts base64 in the one form that encoders write: without line
// breaks, and with the bits that are left over in a last character unset. The
// parser takes the others too and verifies what they stand for, so one signature
// would be good for several texts, each of them a token not seen before.
func oneSpelling(token string) bool {
	if strings.ContainsAny(token, "\r\n") { // which base64 skips
		return false
	}
	for part := range strings.SplitSeq(token, ".") {
		if _, err := base64.RawURLEncoding.Strict().DecodeString(part); err != nil {
			return false
		}
	}
	return true
}

// SignedPart returns the part of a token that its signature covers. Two texts
// with the same signed part are one token: signatures and their spelling can
// vary.
func SignedPart(token string) string {
	i := strings.LastIndexByte(token, '.')
	if i < 0 {
		return token
	}
	return token[:i]
}
