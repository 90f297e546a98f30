package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errCertificate = fault.New(fault.Unauthenticated, "unauthenticated",
	"The client certificate is missing, expired or not this agent's, or the agent is inactive. Send agent_id over TLS with the agent's certificate.")

// CertificateToken gives an agent a token for the certificate that its connection
// came with. The token is bound to that certificate (RFC 8705): it is of no use
// on a connection without it. The agent is named by its id or by the certificate.
func (s *Service) CertificateToken(ctx context.Context, c *call.Call, agentID string) (Token, error) {
	c.Touch("agent", "")
	id := strings.ToLower(agentID)
	if id == "" && len(c.Chain) > 0 {
		id = agentNamed(c.Chain[0])
	}
	if len(c.Chain) == 0 || id == "" {
		return Token{}, refuse(c, "no_certificate", errCertificate)
	}
	began := s.begin()
	a, err := s.store.AgentByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return Token{}, refuse(c, "unknown_agent", errCertificate)
	}
	if err != nil {
		return Token{}, err
	}
	c.Touch("agent", a.ID)
	switch {
	case a.AuthMethod != MethodMTLS:
		return Token{}, refuseAs(c, policy.KindAgent, a.ID, a.Org, "other_auth_method", errCertificate)
	case !a.live(c.Now):
		return Token{}, refuseAs(c, policy.KindAgent, a.ID, a.Org, a.deadReason(), errCertificate)
	case !s.certifies(c.Chain, &a, c.Now):
		return Token{}, refuseAs(c, policy.KindAgent, a.ID, a.Org, "wrong_certificate", errCertificate)
	}
	c.By(policy.KindAgent, a.ID, a.Org)
	s.activity.note(s.activity.agents, a.ID, c.Now)
	return s.agentTokenBound(ctx, c, &a.Standing, began, thumbprintOf(c.Chain[0]))
}

// certifies reports whether a certificate, whose key its holder has proven to
// have, is the agent's: the one that is pinned, or where none is, one that a
// configured authority issued for the agent.
func (s *Service) certifies(chain []*x509.Certificate, a *Agent, now time.Time) bool {
	leaf := chain[0]
	if !inTime(leaf, now) {
		return false
	}
	if a.CertFingerprint != "" {
		sum := sha256.Sum256(leaf.Raw)
		return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(a.CertFingerprint)) == 1
	}
	if s.cfg.ClientCAs == nil || agentNamed(leaf) != a.ID {
		return false
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: s.cfg.ClientCAs, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

func inTime(leaf *x509.Certificate, now time.Time) bool {
	return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
}

// agentNamed returns the id of the one agent that a certificate names in its URIs:
// urn:oneclaw:agent:ID, or spiffe://DOMAIN/agent/ID.
func agentNamed(leaf *x509.Certificate) string {
	named := ""
	for _, u := range leaf.URIs {
		id := agentOfURI(u)
		if id == "" {
			continue
		}
		if named != "" && named != id {
			return ""
		}
		named = id
	}
	return named
}

func agentOfURI(u *url.URL) string {
	var id string
	switch u.Scheme {
	case "urn":
		id, _ = strings.CutPrefix(u.Opaque, "oneclaw:agent:")
	case "spiffe":
		id, _ = strings.CutPrefix(u.Path, "/agent/")
	}
	if len(id) != 36 || uuid.Validate(id) != nil {
		return ""
	}
	return strings.ToLower(id)
}

// thumbprintOf is x5t#S256 of RFC 8705.
func thumbprintOf(leaf *x509.Certificate) string {
	sum := sha256.Sum256(leaf.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// heldBy reports whether a credential may be used by who came with the
// certificate, or with none: bound ones need theirs.
func (se *session) heldBy(chain []*x509.Certificate, now time.Time) bool {
	if se.cert == "" {
		return true
	}
	return len(chain) > 0 && inTime(chain[0], now) &&
		subtle.ConstantTimeCompare([]byte(thumbprintOf(chain[0])), []byte(se.cert)) == 1
}

// checkCertified refuses an mtls agent that nothing could ever certify.
func (s *Service) checkCertified(a *Agent) error {
	if a.AuthMethod == MethodMTLS && a.CertFingerprint == "" && s.cfg.ClientCAs == nil {
		return invalid("missing_client_cert_fingerprint", "auth_method mtls needs client_cert_fingerprint, since this server knows no certificate authority of clients.")
	}
	return nil
}
