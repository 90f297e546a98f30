package vault

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Approvals keeps what humans approve.
type Approvals interface {
	// Live returns the approvals that cover the use now. Each counts under its
	// policy alone.
	Live(ctx context.Context, u approval.Use, now time.Time) ([]approval.Given, error)
	// Stands reports whether an approval that was used still holds, and under which policy.
	Stands(ctx context.Context, id string) (policy.Version, bool, error)
	// Ask stores a request with the call's event, or finds the one that waits already.
	Ask(ctx context.Context, c *call.Call, u approval.Use, asks policy.Version, terms policy.Approval, reason string) (approval.Request, error)
}

// admission is the right to one use of a secret.
type admission struct {
	resource policy.Resource
	approval string // the approval that it rests on, if a policy asks for one
}

// record has do put the call's event into the log, with the approval that it spends.
func (a *admission) record(c *call.Call, do func(ev *audit.Event) error) error {
	if a.approval == "" {
		return do(c.Event)
	}
	return c.Draft(func(d *call.Call) error {
		d.Event.Details.Approval = a.approval
		return do(d.Event)
	})
}

// admit decides about a use of a secret. Where the only policies that allow it
// ask for a human's approval, it finds the approval; without one it asks for it
// and returns approval.Required. Nothing of this depends on whether the path
// exists.
func (s *Service) admit(ctx context.Context, c *call.Call, a policy.Action, e *entry, r policy.Resource) (admission, error) {
	return s.admitUse(ctx, c, a, r, use(c, e, r.Path, a), "")
}

// admitted is admit for a use of a version, which may sign something.
func (s *Service) admitted(ctx context.Context, c *call.Call, a policy.Action, e *entry, r policy.Resource, at *Ref) (admission, error) {
	u := use(c, e, r.Path, a)
	switch {
	case at.Looks:
		ad, _, _, err := s.weigh(ctx, c, a, r, u)
		ad.approval = ""
		return ad, err
	case at.Signs != nil:
		u.Operation, u.Path = approval.Sign, at.Signs.Path
		return s.admitUse(ctx, c, a, r, u, at.Signs.Words)
	}
	return s.admitUse(ctx, c, a, r, u, "")
}

func (s *Service) admitUse(ctx context.Context, c *call.Call, a policy.Action, r policy.Resource, u approval.Use, words string) (admission, error) {
	ad, asking, terms, err := s.weigh(ctx, c, a, r, u)
	if asking.ID == "" || err != nil {
		return ad, err
	}
	if u.Operation == approval.Sign {
		terms.ValidFor, terms.MaxUses = min(terms.ValidFor, time.Hour), 1
	}
	c.Event.Details.Reason, c.Event.Details.Outcome = string(policy.ReasonApprovalRequired), audit.Denied // of the request that Ask stores
	asked, err := s.approvals.Ask(ctx, c, u, asking, terms, words)
	if err != nil {
		return ad, err
	}
	return ad, approval.Required(asked.ID)
}

// weigh decides about a use and finds its approval, and asks nobody. Where an approval is
// lacking it returns the policy that asks for it, with its terms.
func (s *Service) weigh(ctx context.Context, c *call.Call, a policy.Action, r policy.Resource, u approval.Use) (ad admission, asking policy.Version, terms policy.Approval, err error) {
	ad = admission{resource: r}
	asking, terms, err = asks(c, a, &ad.resource)
	if asking.ID == "" || err != nil {
		return ad, asking, terms, err
	}
	given, err := s.approvals.Live(ctx, u, c.Now)
	if err != nil {
		return ad, asking, terms, err
	}
	for _, g := range given {
		// Another policy than the first that asks may have been approved.
		ad.resource.Approved = g.Policy
		if d := policy.Decide(c.Who, a, ad.resource, c.At()); d.Allow {
			c.Event.Details.Reason, ad.approval = string(d.Reason), g.ID
			return ad, policy.Version{}, terms, nil
		}
	}
	ad.resource.Approved = asking // what else is decided about the use holds once it is approved
	return ad, asking, terms, nil
}

// asks decides, and returns the policy that asks for an approval, with its terms,
// if the use would be allowed with one.
func asks(c *call.Call, a policy.Action, r *policy.Resource) (asking policy.Version, terms policy.Approval, err error) {
	d := policy.Decide(c.Who, a, *r, c.At())
	if d.Reason == policy.ReasonApprovalRequired {
		terms, asking, _ = r.Policies.Terms(c.Who, d.PolicyID)
		approved := *r
		approved.Approved = asking
		d = policy.Decide(c.Who, a, approved, c.At())
	}
	c.Event.Details.Reason = string(d.Reason)
	return asking, terms, d.ErrOf(a)
}

func use(c *call.Call, e *entry, p secretpath.Path, a policy.Action) approval.Use {
	u := approval.Use{
		Org: e.vault.Org, Vault: e.vault.ID, Path: p.String(), Operation: approval.Read,
		Kind: c.Who.Kind, Principal: c.Who.ID, Human: c.Who.Creator,
	}
	if c.Who.Kind == policy.KindUser {
		u.Human = c.Who.ID
	}
	switch a {
	case policy.WriteSecret, policy.RotateSecret, policy.FillSecretRequest:
		u.Operation = approval.Write
	case policy.DeleteSecret:
		u.Operation = approval.Delete
	case policy.UseSecret:
		u.Operation = approval.Work
	default: // it reads
	}
	return u
}

// AskApproval asks for the approval of a use before it is tried. It is taken from
// everybody whose bindings and scopes reach the path, also where no policy asks
// for it or allows the use (yet): an approval grants nothing by itself.
func (s *Service) AskApproval(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, op approval.Operation, reason string) (approval.Request, error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return approval.Request{}, err
	}
	if err := c.Authorize(policy.RequestApproval, c.Own()); err != nil {
		return approval.Request{}, err
	}
	action := map[approval.Operation]policy.Action{approval.Read: policy.ReadSecret, approval.Work: policy.UseSecret, approval.Write: policy.WriteSecret, approval.Delete: policy.DeleteSecret}[op]
	d := policy.Decide(c.Who, action, resource(e, p), c.At())
	switch d.Reason {
	case policy.ReasonOtherOrg, policy.ReasonKindRequired, policy.ReasonOutsideVaultBinding, policy.ReasonOutsideScope:
		return approval.Request{}, d.ErrOf(action)
	default:
	}
	if err := approval.CheckReason(reason); err != nil {
		return approval.Request{}, err
	}
	asking, terms := policy.Version{}, policy.UsualApproval()
	if d.Reason == policy.ReasonApprovalRequired {
		terms, asking, _ = e.policies.Terms(c.Who, d.PolicyID)
	}
	c.Event.Details.Outcome = audit.Success
	return s.approvals.Ask(ctx, c, use(c, e, p, action), asking, terms, reason)
}
