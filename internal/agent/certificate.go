package agent

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/x509"
	"encoding/hex"
	"net/url"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

var errCertificate = fault.New(fault.Unauthenticated, "unauthenticated",
	"The client certificate is missing, expired or not this agent's, or the agent is inactive. Send agent_id over TLS with the agent's certificate.")

// CertificateToken gives an agent a token for the certificate that its connection
// came with. The token is bound to that certificate (RFC 8705): it is of no use
// on a connection without it. The agent is named by its id or by the certificate.
func (s *Service) CertificateToken(ctx context.Context, c *call.Call, agentID string) (identity.Token, error) {
	c.Touch("agent", "")
	id := strings.ToLower(agentID)
	if id == "" && len(c.Chain) > 0 {
		id = agentNamed(c.Chain[0])
	}
	if len(c.Chain) == 0 || id == "" {
		return identity.Token{}, identity.Refuse(c, "no_certificate", errCertificate)
	}
	began := s.identity.Begin()
	a, err := s.store.AgentByID(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return identity.Token{}, identity.Refuse(c, "unknown_agent", errCertificate)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("agent", a.ID)
	switch {
	case a.AuthMethod != MethodMTLS:
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, "other_auth_method", errCertificate)
	case !a.Live(c.Now):
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, a.DeadReason(), errCertificate)
	case !s.certifies(c.Chain, &a, c.Now):
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, "wrong_certificate", errCertificate)
	}
	c.By(policy.KindAgent, a.ID, a.Org)
	s.identity.NoteAgent(a.ID, c.Now)
	return s.identity.IssueForAgent(ctx, c, &a.State, began, identity.Thumbprint(c.Chain[0]))
}

// certifies reports whether a certificate, whose key its holder has proven to
// have, is the agent's: the one that is pinned, or where none is, one that a
// configured authority issued for the agent.
func (s *Service) certifies(chain []*x509.Certificate, a *Agent, now time.Time) bool {
	leaf := chain[0]
	if !identity.InTime(leaf, now) {
		return false
	}
	if a.CertFingerprint != "" {
		sum := sha256.Sum256(leaf.Raw)
		return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum[:])), []byte(a.CertFingerprint)) == 1
	}
	roots := s.clientCAs()
	if roots == nil || agentNamed(leaf) != a.ID {
		return false
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err == nil
}

func (s *Service) clientCAs() *x509.CertPool {
	if s.cfg.ClientCAs == nil {
		return nil
	}
	return s.cfg.ClientCAs()
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
	if !ids.Valid(id) {
		return ""
	}
	return strings.ToLower(id)
}

// checkCertified refuses an mtls agent that nothing could ever certify.
func (s *Service) checkCertified(a *Agent) error {
	if a.AuthMethod == MethodMTLS && a.CertFingerprint == "" && s.clientCAs() == nil {
		return invalid("missing_client_cert_fingerprint", "auth_method mtls needs client_cert_fingerprint, since this server knows no certificate authority of clients.")
	}
	return nil
}
