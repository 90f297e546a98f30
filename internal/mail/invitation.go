package mail

import (
	"context"
	"time"
)

// invitationPage is a tokenPage with the address of who invites.
type invitationPage struct {
	tokenPage
	From string
	Ends string
}

// Invite queues the mail that asks the owner of an address to join an
// organisation. from is the address of who invites; the link ends at ends. It implements
// org.Mailer.
func (s *Service) Invite(ctx context.Context, to, from, token string, ends time.Time) error {
	if err := checkToken(token); err != nil {
		return err
	}
	if !plainAddress(from) {
		return badSender()
	}
	return s.enqueue(ctx, invitation, to, invitationPage{From: from, Ends: atMinute(ends), tokenPage: tokenPage{
		Server: s.public,
		Page:   s.public + "/invite?token=" + token,
		API:    s.public + "/v1/org/invitations/accept",
		Token:  token,
	}})
}
