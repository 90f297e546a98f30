package agent

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Reasons for refusing a token that its issuer did sign.
const (
	wrongAudience   oidc.Reason = "wrong_audience"
	wrongClient     oidc.Reason = "wrong_client"
	ambiguousClient oidc.Reason = "ambiguous_agent"
)

// maxAssertion is how long a token of an agent's issuer may live in all.
const maxAssertion = 24 * time.Hour

var errAssertion = fault.New(fault.Unauthenticated, "unauthenticated",
	"The token is not good here: it must be from the agent's issuer, name the agent's client id, be meant for this server and live a day at most. "+
		"Send agent_id when several agents have that client id.")

// AgentTokenFor exchanges a token of an agent's own issuer for one of ours. The
// agent is found by its id or, when that is not given, by issuer and client id,
// if agents of one organisation alone have them: an issuer's tokens say nothing
// about which organisation here they are for, so a second one that claims the
// same client must not get what is meant for the first.
//
// Why a token is refused stands in the log alone.
func (s *Service) AgentTokenFor(ctx context.Context, c *call.Call, token, agentID string) (identity.Token, error) {
	c.Touch("agent", "")
	if s.cfg.Issuers == nil {
		return identity.Token{}, identity.Refuse(c, string(oidc.Unreachable), errAssertion)
	}
	began := s.identity.Begin()
	said, err := oidc.Peek(token)
	var a Agent
	if err == nil {
		a, err = s.agentOf(ctx, said, strings.ToLower(agentID))
	}
	if reason := oidc.Reason(""); errors.As(err, &reason) {
		return identity.Token{}, identity.Refuse(c, string(reason), errAssertion)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.Touch("agent", a.ID)
	switch {
	case a.AuthMethod != MethodOIDC:
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, "wrong_auth_method", errAssertion)
	case !a.Live(c.Now):
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, a.DeadReason(), errAssertion)
	}
	err = s.checkAssertion(ctx, &a, token, c.Now)
	if reason := oidc.Reason(""); errors.As(err, &reason) {
		return identity.Token{}, identity.RefuseAs(c, policy.KindAgent, a.ID, a.Org, string(reason), errAssertion)
	}
	if err != nil {
		return identity.Token{}, err
	}
	c.By(policy.KindAgent, a.ID, a.Org)
	s.identity.NoteAgent(a.ID, c.Now)
	return s.identity.IssueForAgent(ctx, c, &a.State, began, "")
}

// agentOf finds the agent that a token, which is not verified yet, is about.
func (s *Service) agentOf(ctx context.Context, said oidc.Claims, agentID string) (Agent, error) {
	if agentID != "" {
		if !ids.Valid(agentID) {
			return Agent{}, oidc.Reason("unknown_agent")
		}
		a, err := s.store.AgentByID(ctx, agentID)
		if fault.Is(err, fault.NotFound) {
			err = oidc.Reason("unknown_agent")
		}
		return a, err
	}
	if !oidc.Plausible(said.Issuer) {
		return Agent{}, oidc.Malformed
	}
	var names [3]string // of which empty ones match no agent
	for i, name := range clientNames(&said) {
		if oidc.Plausible(name) {
			names[i] = name
		}
	}
	// Live ones come first; one more shows that there are several.
	found, err := s.store.AgentsOfClients(ctx, said.Issuer, names, maxSameClient)
	switch {
	case err != nil:
		return Agent{}, err
	case len(found) == 0:
		return Agent{}, oidc.Reason("unknown_agent")
	case len(found) == maxSameClient:
		return Agent{}, ambiguousClient
	}
	for _, other := range found[1:] {
		if other.Org != found[0].Org || other.Active {
			return Agent{}, ambiguousClient
		}
	}
	return found[0], nil
}

// maxSameClient bounds how many agents of a client are looked at.
const maxSameClient = 50

// clientNames are the claims that may name an agent's client: the subject (what
// GitHub and Kubernetes put there), the authorised party, and the client id of
// RFC 9068.
func clientNames(t *oidc.Claims) [3]string {
	return [3]string{t.Subject, t.AuthorizedParty, t.ClientID}
}

// checkAssertion verifies a token as one of the agent's.
func (s *Service) checkAssertion(ctx context.Context, a *Agent, token string, now time.Time) error {
	t, err := s.cfg.Issuers.Verify(ctx, a.Org, a.OIDCIssuer, token, now)
	if err != nil {
		return err
	}
	issued := t.Issued
	if issued.IsZero() {
		issued = now
	}
	names := clientNames(&t)
	switch {
	case !t.For(s.cfg.Audiences...):
		return wrongAudience
	case a.OIDCClientID == "" || !slices.Contains(names[:], a.OIDCClientID):
		return wrongClient
	case t.Expires.Sub(issued) > maxAssertion:
		return oidc.TooLong
	}
	return nil
}

// MeantFor reports whether an audience names this server, as those of tokens must.
func (s *Service) MeantFor(audience string) bool {
	return audience != "" && slices.Contains(s.cfg.Audiences, audience)
}
