package mail

import (
	"context"
	"time"
)

// DeliverDue tries all that is due now, one after the other, and returns how
// many tries it made.
func (s *Service) DeliverDue(ctx context.Context) (tries int) {
	for {
		m, found, _ := s.next(ctx)
		if !found {
			return tries
		}
		s.deliver(ctx, m)
		tries++
	}
}

// PauseAfter is the wait before the next attempt.
func PauseAfter(attempts int) time.Duration { return pauseAfter(attempts) }

// GiveUpAfter is the longest that any mail is tried.
const GiveUpAfter = giveUpAfter
