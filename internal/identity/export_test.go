package identity

import "context"

// FlushUse writes what Run would write now.
func (s *Service) FlushUse(ctx context.Context) error {
	return s.activity.flush(ctx, s.store, s.cfg.Now())
}
