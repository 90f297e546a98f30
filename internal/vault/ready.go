package vault

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// Ready returns nil when Reveal would give the caller what is at the path, or would once a
// human approves that: then waits is true. Nothing is opened, spent or asked for, so that
// whoever needs several values can ask about all before it reads the first. What it says
// can change before Reveal. A secret that is Gone is named, since only who may read its
// path is told.
func (s *Service) Ready(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (waits bool, err error) {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return false, err
	}
	ad, asking, _, err := s.weigh(ctx, c, policy.ReadSecret, resource(e, p), use(c, e, p, policy.ReadSecret))
	if err != nil {
		return false, err
	}
	var v Version
	if err := fetch(ctx, c.Room, &v, func() (err error) { v, err = s.store.Latest(ctx, vaultID, p.String()); return err }); err != nil {
		return false, err
	}
	if gone(&v, c.Now) {
		c.Event.Details.Version = v.Meta.Version
		named := *ErrGone
		named.Detail = "The newest version of " + p.String() + " is expired, deleted or disabled, or has been read as often as it may."
		return false, &named
	}
	if c.Who.IntentsAPI {
		r := ad.resource
		r.SecretType = v.Type // only now is it known
		if err := c.Authorize(policy.ReadSecret, r); err != nil {
			return false, err
		}
	}
	return asking.ID != "", nil
}

// AskRead asks for the approval that a read of the path waits for, and returns
// approval.Required; nil when it waits for none any more. Nothing is read or spent.
func (s *Service) AskRead(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) error {
	e, err := s.touch(ctx, c, vaultID, p)
	if err != nil {
		return err
	}
	_, err = s.admit(ctx, c, policy.ReadSecret, e, resource(e, p))
	return err
}
