package mail

import (
	"context"
	"strings"
	"time"
)

// ResetPassword queues the mail with a token for a new password. It implements
// account.Mailer.
func (s *Service) ResetPassword(ctx context.Context, to, token string) error {
	if err := checkToken(token); err != nil {
		return err
	}
	return s.enqueue(ctx, resetPassword, to, s.resetPage(token))
}

func (s *Service) resetPage(token string) tokenPage {
	return tokenPage{
		Server: s.public,
		Page:   s.public + "/reset-password?token=" + token,
		API:    s.public + "/v1/auth/reset-password",
		Token:  token,
	}
}

// NoMail does what ResetPassword does, but for the sending: from the time that
// it takes nobody can tell the two apart. It implements account.Mailer.
func (s *Service) NoMail(ctx context.Context) error {
	return s.enqueueAs(ctx, resetPassword, noMail, "nobody@oneclaw.invalid", s.resetPage(strings.Repeat("x", 43)))
}

// AccountNotice queues the mail that tells a user what was done to its account.
// what is a sentence of the server's own. It implements account.Mailer.
func (s *Service) AccountNotice(ctx context.Context, to, what string, at time.Time) error {
	return s.enqueue(ctx, accountNotice, to, noticePage{Server: s.public, What: what, At: atMinute(at)})
}

// atMinute is how mails tell a time.
func atMinute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
