package agent

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// renewPause is how long after a renewal the agent may not renew its key by
// itself: who holds a leaked key can't win against the human, and each renewal
// is one mail.
const renewPause = time.Hour

var (
	errNeedsKey = fault.New(fault.Denied, "agent_key_required",
		"An agent renews its key with the key itself, not with a token made from it. Its human can renew it too.")
	errRenewedLately = fault.New(fault.Denied, "key_renewed_lately",
		"This key was renewed within the last hour, and an agent may not do it again so soon. Its human can at any time.")
	errRenewed = fault.New(fault.Conflict, "key_renewed_meanwhile",
		"Somebody else renewed or ended this agent's key at the same time. Yours was not made. Look who it was, then try again.")
)

// RotateAgentKey gives an agent a new key. The old one, and every token made
// from it, stop working at once; the shares and policies that the agent made end
// with it unless keep is set, which takes a person or the agent itself: the next who
// renews its key ends what the agent kept. A key that is returned is the agent's when the
// call returns: of two who renew at once one gets a Conflict, but a human always
// wins against the agent itself.
func (s *Service) RotateAgentKey(ctx context.Context, c *call.Call, id string, keep bool) (secret.Bytes, error) {
	seen, err := s.agent(ctx, c, id, policy.RotateAgentKey)
	if err != nil {
		return secret.Bytes{}, err
	}
	if err := mayRenew(c, &seen, &seen); err != nil {
		return secret.Bytes{}, err
	}
	if keep && c.Who.Kind != policy.KindAgent {
		if err := c.RequirePerson(); err != nil {
			return secret.Bytes{}, err
		}
	}
	text := identity.NewKey(identity.AgentKeyPrefix)
	c.Succeed("agent", id)
	a, err := s.store.ChangeAgent(ctx, c.Who.Org, id, func(a *Agent) error {
		if a.AuthMethod != MethodAPIKey {
			return invalid("no_api_key", "This agent does not authenticate with an API key.")
		}
		if err := mayRenew(c, &seen, a); err != nil {
			return err
		}
		a.setKey(text)
		a.KeyBy, a.KeyAt = c.Who.Kind, stamp.Of(c.Now)
		return nil
	}, keep, c.Event)
	if err != nil {
		return secret.Bytes{}, err
	}
	if c.Who.Kind == policy.KindAgent {
		s.tellOfRenewal(ctx, &a)
	}
	return secret.FromString(text), nil
}

// mayRenew compares the agent that was decided about with the one that the
// transaction sees. It is asked before, too, so that whoever tries in a loop does
// not keep the writer busy.
func mayRenew(c *call.Call, seen, a *Agent) error {
	if c.Who.Kind == policy.KindAgent {
		switch {
		case !c.Who.Bare:
			return errNeedsKey
		case a.TokenGen != c.Who.Gen || !a.Active:
			return errRenewed
		case !a.KeyAt.IsZero() && c.Now.Before(a.KeyAt.Add(renewPause)):
			return errRenewedLately
		}
		return nil
	}
	// What the agent itself did in between does not count against a human.
	if a.TokenGen != seen.TokenGen && a.KeyBy != policy.KindAgent {
		return errRenewed
	}
	return goesOn(c, a)
}

// tellOfRenewal mails the agent's human. The key is renewed already: that nobody
// could be told is no reason to fail.
func (s *Service) tellOfRenewal(ctx context.Context, a *Agent) {
	if s.cfg.Mailer == nil {
		return
	}
	human, err := s.store.Account(ctx, a.Creator, a.Org)
	if err != nil {
		if !fault.Is(err, fault.NotFound) {
			s.cfg.Log.Warn("the human of an agent that renewed its key was not told", slog.String("agent", a.ID), slog.Any("error", err))
		}
		return
	}
	what := "An agent of yours renewed its own key. Its id is " + a.ID +
		". If it was not meant to, the key has leaked: give the agent another key, which ends this one."
	if err := s.cfg.Mailer.AccountNotice(context.WithoutCancel(ctx), human.Email, what, s.cfg.Now()); err != nil {
		s.cfg.Log.Warn("a notice was not mailed", slog.String("user", human.ID), slog.Any("error", err))
	}
}
