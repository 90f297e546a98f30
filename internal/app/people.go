package app

import (
	"context"
	"crypto/x509"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/keyring"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/seal"
)

// people builds who can call: credentials, and what stands on them.
func (a *App) people(ctx context.Context, sealer *seal.Sealer, clients *x509.CertPool, publicURL string) (err error) {
	a.iprules = iprule.New(a.db)
	a.identity, err = identity.New(ctx, identity.Config{
		Store: a.db, Keys: a.keys, Admission: a.iprules, Log: a.log, Now: now, Issuer: "oneclaw", Audience: "oneclaw",
	})
	if err != nil {
		return keyring.Explained(ctx, a.cfg, a.keys, err)
	}
	humans := account.Config{
		Store: a.db, Identity: a.identity, Keys: a.keys, Sealer: sealer, Mailer: a.mail, Shredder: a.vault, Log: a.log, Now: now,
		Signup: a.cfg.Signup, VerifyEmail: a.cfg.VerifyEmail,
	}
	agents := agent.Config{
		Store: a.db, Identity: a.identity, Mailer: a.mail, Safe: a.vault, Granter: a.vault, ClientCAs: clients, Log: a.log, Now: now,
		VerifyEmail: a.cfg.VerifyEmail,
	}
	if err := a.providers(&humans, &agents, publicURL); err != nil {
		return err
	}
	a.accounts, a.agents = account.New(humans), agent.New(agents)
	a.orgs = org.New(org.Config{Store: a.db, Identity: a.identity, Accounts: a.accounts, Mailer: a.mail, Signup: a.cfg.Signup})
	return nil
}
