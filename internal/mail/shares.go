package mail

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
)

// sharePage is what the mail with a share shows. Its texts are ids and addresses
// that were checked.
type sharePage struct {
	Server string // base URL
	ID     string
	Link   string // opens what was shared, through a page
	Until  string
	By     string // who shared, or empty
}

// accessPage is what the mail about reads of a share shows.
type accessPage struct {
	Server               string // base URL
	ID, Path, Vault, For string
	Times                int64
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

// ShareAccessed queues the mail that tells a share's maker that it was read. Names that
// could be taken for a link are left out. It implements sharing.Mailer.
func (s *Service) ShareAccessed(ctx context.Context, to string, n sharing.Notice) error {
	if err := checkToken(n.ID); err != nil {
		return err
	}
	return s.enqueue(ctx, shareAccessed, to, accessPage{
		Server: s.public, ID: n.ID, Path: n.Path, Vault: approval.Plain(n.VaultName), For: sharedWith(n), Times: n.Times,
	})
}

// sharedWith says in words whom a share is for.
func sharedWith(n sharing.Notice) string {
	switch name := approval.Plain(n.Recipient); {
	case n.Type == sharing.ToLink:
		return "anyone with the link"
	case n.Type == sharing.ToAgent && name != "":
		return "the agent " + name
	case n.Type == sharing.ToAgent:
		return "an agent"
	case plainAddress(n.Recipient):
		return n.Recipient
	}
	return ""
}
