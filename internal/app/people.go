package app

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// replaceNodes is how long nodes of an older version may go on beside new ones.
const replaceNodes = time.Hour

// people builds who can call: credentials, and what stands on them.
func (a *App) people(ctx context.Context, sealer *seal.Sealer, publicURL string) (err error) {
	a.iprules = iprule.New(a.db)
	name, since, err := a.db.Installation(ctx, now())
	if err != nil {
		return err
	}
	name = "urn:oneclaw:" + name
	a.identity, err = identity.New(ctx, identity.Config{
		Store: a.db, Keys: a.keys, Admission: a.iprules, Log: a.log, Now: now, Issuer: name, Audience: name, FormerUntil: since.Add(replaceNodes),
	})
	if err != nil {
		return keyring.Explained(ctx, a.cfg, a.keys, err)
	}
	if err := keyring.NoteMade(ctx, a.db); err != nil {
		return err
	}
	humans := account.Config{
		Store: a.db, Identity: a.identity, Keys: a.sealing, Sealer: sealer, Mailer: a.mail, Shredder: a.vault, Log: a.log, Now: now, PublicURL: publicURL,
		Signup: a.cfg.Signup, VerifyEmail: a.cfg.VerifyEmail,
	}
	agents := agent.Config{
		Store: a.db, Identity: a.identity, Mailer: a.mail, Safe: a.vault, Granter: a.vault, ClientCAs: a.files.ClientCAs, Log: a.log, Now: now,
		VerifyEmail: a.cfg.VerifyEmail,
	}
	if err := a.providers(&humans, &agents, publicURL); err != nil {
		return err
	}
	a.accounts, a.agents = account.New(humans), agent.New(agents)
	a.orgs = org.New(org.Config{Store: a.db, Identity: a.identity, Accounts: a.accounts, Mailer: a.mail, Signup: a.cfg.Signup})
	return nil
}
