package mail

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
)

// approvalPage is what the mail about requests shows.
type approvalPage struct {
	Server string // base URL
	approval.Letter
}

// ApprovalRequested queues the mail that tells who can decide about requests.
// It implements approval.Mailer.
func (s *Service) ApprovalRequested(ctx context.Context, to string, l approval.Letter) error {
	return s.enqueue(ctx, approvalRequested, to, approvalPage{Server: s.public, Letter: l})
}
