package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Rekey begins to give a vault a new key-encryption key: all data keys are
// wrapped with it, then the old key is destroyed.
func (s *Service) Rekey(ctx context.Context, c *call.Call, id string) (Job, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Job{}, err
	}
	if err := c.Authorize(policy.RekeyVault, resource(e, secretpath.Path{})); err != nil {
		return Job{}, err
	}
	j := newJob(c, &e.vault, JobRekey)
	if j.Total, err = s.store.CountVersions(ctx, id, false); err != nil {
		return Job{}, err
	}
	return s.begin(ctx, c, j)
}

// Rekeying returns a job that Rekey began.
func (s *Service) Rekeying(ctx context.Context, c *call.Call, id, job string) (Job, error) {
	return s.job(ctx, c, id, policy.ReadRekey, JobRekey, job)
}

// begin stores the job and lets the worker of this process know.
func (s *Service) begin(ctx context.Context, c *call.Call, j Job) (Job, error) {
	c.Event.Details.Outcome, c.Event.Details.Target = audit.Success, "job:"+j.ID
	added, err := s.store.AddJob(ctx, j, c.Event)
	if err != nil {
		c.Event.Details.Target = ""
		return j, err
	}
	select {
	case s.begun <- struct{}{}:
	default:
	}
	return added, nil
}

func (s *Service) job(ctx context.Context, c *call.Call, id string, a policy.Action, kind JobKind, job string) (Job, error) {
	e, err := s.open(ctx, c, id)
	if err != nil {
		return Job{}, err
	}
	if err := c.Authorize(a, resource(e, secretpath.Path{})); err != nil {
		return Job{}, err
	}
	j, err := s.store.Job(ctx, id, kind, job)
	if err == nil {
		c.Event.Details.Target = "job:" + j.ID
	}
	return j, err
}
