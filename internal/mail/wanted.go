package mail

import (
	"context"
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
)

// wantedPage is what the mail about secrets that agents lack shows. What is of an agent's or a
// member's making is left out where it could be taken for a link.
type wantedPage struct {
	Server   string // base URL
	Requests []wantedSecret
	More     int
}

type wantedSecret struct {
	ID, Path, Vault, Agent string
	VaultName, AgentName   string // empty: not to be shown
	Reason                 string // empty: it may hold a link
	Page                   string // where the value is given
}

// SecretsWanted queues the mail that tells who can give them of secrets that agents lack.
// It implements wanted.Mailer.
func (s *Service) SecretsWanted(ctx context.Context, to string, l wanted.Letter) error {
	page := wantedPage{Server: s.public, More: l.More}
	for i := range l.Requests {
		r := &l.Requests[i]
		page.Requests = append(page.Requests, wantedSecret{
			ID: r.ID, Path: r.Path, Vault: r.Vault, Agent: r.Agent, VaultName: approval.Plain(r.VaultName), AgentName: approval.Plain(r.AgentName),
			Reason: approval.Plain(r.Reason), Page: strings.TrimRight(s.public, "/") + "/requests/" + r.ID,
		})
	}
	return s.enqueue(ctx, secretsWanted, to, page)
}
