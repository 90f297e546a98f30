package mail

import (
	"context"
	"time"
)

// sharePage is what mails about shares show. Its texts are ids and addresses
// that were checked.
type sharePage struct {
	Server string // base URL
	ID     string
	Link   string // opens what was shared, through a page
	Until  string
	By     string // who shared, or empty
	Times  int64
}

// ShareReceived queues the mail that tells the owner of an address that
// something was shared with it, with a link that opens it. What it is, the mail does not
// say. It implements sharing.Mailer.
func (s *Service) ShareReceived(ctx context.Context, to, id, proof, by string, until time.Time) error {
	for _, part := range []string{id, proof} {
		if err := checkToken(part); err != nil {
			return err
		}
	}
	if by != "" && !plainAddress(by) {
		return badSender()
	}
	return s.enqueue(ctx, shareReceived, to, sharePage{
		Server: s.public, ID: id, By: by, Link: s.public + "/share/" + id + "?proof=" + proof,
		Until: until.UTC().Format("2 January 2006, 15:04 UTC"),
	})
}

// ShareAccessed queues the mail that tells a share's maker that it was read. It
// implements sharing.Mailer.
func (s *Service) ShareAccessed(ctx context.Context, to, id string, times int64) error {
	if err := checkToken(id); err != nil {
		return err
	}
	return s.enqueue(ctx, shareAccessed, to, sharePage{Server: s.public, ID: id, Times: times})
}
