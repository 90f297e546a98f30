package wanted

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Given is what a person fills a request with.
type Given struct {
	vault.Draft
	NewVersion bool              // there may be a secret at the path
	Bindings   []binding.Binding // added to where it may be used
}

// Fill stores what a person gives for a request as a secret at its path, with bindings if there
// are any, in one transaction that the person's right is asked for again. It gives the agent
// nothing else.
func (s *Service) Fill(ctx context.Context, c *call.Call, id string, g Given) (Request, error) {
	r, p, err := s.toAnswer(ctx, c, id, policy.FillSecretRequest)
	if err != nil {
		return Request{}, err
	}
	f := Filling{ID: r.ID, Org: r.Org, By: c.Who.ID, At: stamp.Of(c.Now), NewVersion: g.NewVersion, Row: ids.New()}
	if len(g.Bindings) > 0 {
		if err := s.cfg.Vault.Over(ctx, c, r.Vault, p, policy.SetBindings); err != nil {
			return Request{}, err
		}
		if f.Bindings, err = binding.Check(g.Bindings); err != nil {
			return Request{}, err
		}
	}
	if r.At(c.Now) != Waiting {
		return Request{}, ErrOver
	}
	m, err := s.cfg.Vault.PutFor(ctx, c, r.Vault, p, policy.FillSecretRequest, g.Draft, func(v *vault.Version, ev *audit.Event) error {
		ev.Details.More = []audit.Field{
			audit.Text("secret_request", r.ID), audit.Number("bindings", uint64(len(f.Bindings))), audit.Text("hosts", binding.Named(f.Bindings, audit.MaxNamed)),
		}
		return s.cfg.Store.FillSecretRequest(ctx, &f, v, ev)
	})
	r.Status, r.DecidedBy, r.DecidedAt, r.Version = Filled, f.By, f.At, m.Version
	return r, err
}

// Decline says that nobody will give what is asked for, and why, in a line for the agent.
func (s *Service) Decline(ctx context.Context, c *call.Call, id, answer string) (Request, error) {
	r, p, err := s.toAnswer(ctx, c, id, policy.DeclineSecretRequest)
	if err != nil {
		return Request{}, err
	}
	if err := s.cfg.Vault.Over(ctx, c, r.Vault, p, policy.DeclineSecretRequest); err != nil {
		return Request{}, err
	}
	c.Touch("secret_request", id)
	if err := CheckWords(answer); err != nil {
		return Request{}, err
	}
	if r.At(c.Now) != Waiting {
		return Request{}, ErrOver
	}
	r.Status, r.DecidedBy, r.DecidedAt, r.Answer = Declined, c.Who.ID, stamp.Of(c.Now), answer
	c.Event.Details.Outcome = audit.Success
	return r, s.cfg.Store.EndSecretRequest(ctx, r, c.Event)
}

// toAnswer is a request that the caller may answer. Agents are refused first.
func (s *Service) toAnswer(ctx context.Context, c *call.Call, id string, a policy.Action) (Request, secretpath.Path, error) {
	c.Touch("secret_request", id)
	if c.Who.Kind != policy.KindUser { // the rule of the action is over a path, which only a request has
		return Request{}, secretpath.Path{}, policy.Decision{Reason: policy.ReasonKindRequired}.ErrOf(a)
	}
	r, err := s.found(ctx, c, id)
	if err != nil {
		return Request{}, secretpath.Path{}, err
	}
	p, err := secretpath.Parse(r.Path)
	return r, p, err
}

// Get returns a request that the caller made or may answer.
func (s *Service) Get(ctx context.Context, c *call.Call, id string) (Request, vault.Prospect, error) {
	c.Touch("secret_request", id)
	if err := c.Authorize(policy.ReadSecretRequest, c.Own()); err != nil {
		return Request{}, vault.Prospect{}, err
	}
	r, err := s.found(ctx, c, id)
	if err != nil || c.Who.Kind != policy.KindAgent {
		return r, vault.Prospect{}, err
	}
	p, err := secretpath.Parse(r.Path)
	if err != nil {
		return r, vault.Prospect{}, err
	}
	may, err := s.cfg.Vault.Prospect(ctx, c, r.Vault, p)
	return r, may, err
}

// found is a request that the caller can see, named in the call's event.
func (s *Service) found(ctx context.Context, c *call.Call, id string) (Request, error) {
	r, err := s.cfg.Store.SecretRequest(ctx, seen(c), id)
	if err != nil {
		return Request{}, err
	}
	ok, err := s.visible(ctx, c, &r)
	if err == nil && !ok {
		err = ErrNone
	}
	if err != nil {
		return Request{}, err
	}
	c.Event.Details.Vault, c.Event.Details.Path = r.Vault, r.Path
	c.Event.Details.Target = "agent:" + r.Agent
	return r, nil
}

func seen(c *call.Call) Seen {
	s := Seen{Org: c.Who.Org}
	if c.Who.Kind == policy.KindAgent {
		s.Agent = c.Who.ID
	}
	return s
}

// visible reports whether the caller made the request or may answer it.
func (s *Service) visible(ctx context.Context, c *call.Call, r *Request) (bool, error) {
	if c.Who.Kind == policy.KindAgent {
		return r.Agent == c.Who.ID, nil
	}
	p, err := secretpath.Parse(r.Path)
	if err != nil {
		return false, nil //nolint:nilerr // nobody may write what is no path
	}
	ok, err := s.cfg.Vault.Answers(ctx, c, r.Vault, p)
	if fault.Is(err, fault.NotFound) {
		return false, nil
	}
	return ok, err
}

// How many rows a listing reads at a time, and how often: the caller may see few of them.
const (
	MaxListed = 200
	maxPages  = 11
)

// List returns the newest requests that the caller made or may answer, at most limit after
// the first so many.
func (s *Service) List(ctx context.Context, c *call.Call, status Status, limit, after int) ([]Request, error) {
	if err := c.Authorize(policy.ListSecretRequests, c.Own()); err != nil {
		return nil, err
	}
	var out []Request
	for page := range maxPages {
		rows, err := s.cfg.Store.SecretRequests(ctx, seen(c), status, c.Now, MaxListed, page*MaxListed)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			ok, err := s.visible(ctx, c, &rows[i])
			switch {
			case err != nil:
				return nil, err
			case !ok:
			case after > 0:
				after--
			default:
				out = append(out, rows[i])
			}
			if len(out) == limit {
				return out, nil
			}
		}
		if len(rows) < MaxListed {
			break
		}
	}
	return out, nil
}
