package transaction

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/evm"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// Approvals keeps what humans approve.
type Approvals interface {
	Live(ctx context.Context, u approval.Use, now time.Time) ([]approval.Given, error)
	Ask(ctx context.Context, c *call.Call, u approval.Use, asks policy.Version, terms policy.Approval, reason string) (approval.Request, error)
}

// needs is the error of a decision that a human must confirm, with why.
type needs struct{ why []string }

// Error implements error.
func (n needs) Error() string { return "a human must approve: " + strings.Join(n.why, "; ") }

// askedBecause stands between what would be signed and why a human is asked.
const askedBecause = " Asked because: "

// inWords says why a human is asked without the names of the rules, which are for programs.
func inWords(why []string) string {
	out := make([]string, len(why))
	for i, w := range why {
		out[i] = w
		if _, words, named := strings.Cut(w, ": "); named {
			out[i] = words
		}
	}
	return strings.Join(out, " ")
}

// terms of an approval: it is good for one transaction, within the hour.
func terms() policy.Approval { return policy.Approval{ValidFor: time.Hour, MaxUses: 1} }

// place is what an approval is bound to: what was asked for, all of it, and whose account
// would sign. Nonce and fees that nobody asked for are of the moment, and are not part. like is
// what it shares with those that a denial of it holds for.
func place(agent string, from evm.Address, like, asked string) string {
	digits := func(h evm.Hash) string { return strings.TrimPrefix(h.String(), "0x") }
	return approval.SignaturePath(agent, digits(evm.Keccak256([]byte(like))), digits(evm.Keccak256([]byte(asked), from[:])))
}

// like is what a transaction has in common with those that a human who denied it need not look
// at for a while: chain, recipient and kind. Another amount is no other payment, nor is calldata: an
// account without code ignores it.
func (p *prepared) like() string {
	kind, to := "creates", ""
	if p.tx.To != nil {
		kind, to = "pays", p.tx.To.String()
	}
	return strings.Join([]string{strconv.FormatUint(p.tx.ChainID, 10), kind, to}, " ")
}

// place is where an approval of a transaction lies.
func (p *prepared) place(asked string) string {
	return place(p.agent.ID, p.key.address, p.like(), asked)
}

func (s *Service) use(ctx context.Context, c *call.Call, a *Agent, k *key, at string) (approval.Use, error) {
	u := approval.Use{
		Org: a.Org, Vault: k.at.Vault, Path: at, Operation: approval.Sign,
		Kind: c.Who.Kind, Principal: c.Who.ID, Human: c.Who.Creator,
	}
	if c.Who.Kind == policy.KindUser {
		u.Human = c.Who.ID
	}
	if u.Vault != "" {
		return u, nil
	}
	in, err := s.cfg.Store.AgentKeysVault(ctx, a.Org)
	u.Vault = in
	return u, err
}

// approved finds an approval of exactly what is at a place, or returns an empty id.
func (s *Service) approved(ctx context.Context, c *call.Call, a *Agent, k *key, at string) (string, error) {
	u, err := s.use(ctx, c, a, k, at)
	if err != nil {
		return "", err
	}
	given, err := s.cfg.Approvals.Live(ctx, u, c.Now)
	for _, g := range given {
		if g.Policy.ID == "" { // what a policy of the vault asked for is another approval
			return g.ID, err
		}
	}
	return "", err
}

// ask turns the error of a decision that a human must confirm into a request for that.
func (s *Service) ask(ctx context.Context, c *call.Call, a *Agent, k *key, at, what string, err error) error {
	wants, ok := errors.AsType[needs](err)
	if !ok {
		return err
	}
	u, err := s.use(ctx, c, a, k, at)
	if err != nil {
		return err
	}
	c.Event.Details.Reason, c.Event.Details.Outcome = string(policy.ReasonApprovalRequired), audit.Denied
	r, err := s.cfg.Approvals.Ask(ctx, c, u, policy.Version{Revision: a.Revision}, terms(), cut(what+askedBecause+inWords(wants.why)))
	if err != nil {
		return err
	}
	if c.Who.Kind == policy.KindUser {
		return approval.RequiredOfAnother(r.ID)
	}
	return approval.Required(r.ID)
}
