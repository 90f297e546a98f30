package identity

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Session is a login: what a person began by password or identity provider, or a
// device that it let in. All tokens of it end with it.
type Session struct {
	audit.Login
	SeenAt  time.Time // zero: not yet
	EndedAt time.Time // zero: nobody ended it
}

// SessionKept is how long after its end a session's row is kept: well beyond any
// clock that jumps, since a token whose row is gone must not come to life.
const SessionKept = 30 * 24 * time.Hour

// liveSession refuses a token whose session has ended, or is not known.
func (s *Service) liveSession(ctx context.Context, se *session) error {
	if se.login == "" {
		return ErrUnauthenticated // of a version without sessions
	}
	row, err := s.store.Session(ctx, se.login)
	switch {
	case fault.Is(err, fault.NotFound):
		return refusal(se.kind, se.id, se.org, "session_unknown")
	case err != nil:
		return err
	case row.User != se.id:
		return ErrUnauthenticated
	case !row.EndedAt.IsZero():
		return refusal(se.kind, se.id, se.org, "session_ended")
	}
	return nil
}
