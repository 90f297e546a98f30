package mail

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
)

// approvalPage is a notice as its letter shows it.
type approvalPage struct {
	Server string // base URL
	approval.Notice
}

// ApprovalRequested queues the mail that tells who can decide about a request.
// It implements approval.Mailer.
func (s *Service) ApprovalRequested(ctx context.Context, to string, n approval.Notice) error {
	return s.enqueue(ctx, approvalRequested, to, approvalPage{Server: s.public, Notice: n})
}
