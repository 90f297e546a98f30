package app

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
	"github.com/oneclaw-dev/oneclaw/internal/oidc"
)

// outbound makes the guard of calls to the outside. A server for one person's
// trial may call that person's own machine.
func outbound(cfg config.Config) (*netguard.Guard, error) {
	list := cfg.OutboundAllow
	if list == "" && cfg.Dev {
		list = "127.0.0.0/8,::1"
	}
	allow, err := netguard.ParseAllow(list)
	if err != nil {
		return nil, err
	}
	return netguard.New(netguard.Config{Allow: allow}), nil
}

// providers adds to c whose tokens are taken, beside our own.
func (a *App) providers(c *identity.Config, publicURL string) error {
	clients := config.List(a.cfg.OIDCClientID)
	for i, issuer := range config.List(a.cfg.OIDCIssuer) {
		if err := a.out.CheckURL(issuer); err != nil {
			return fault.New(fault.Invalid, "bad_configuration",
				"ONECLAW_OIDC_ISSUER must name https URLs of public hosts, or what ONECLAW_OUTBOUND_ALLOW allows.")
		}
		c.Logins = append(c.Logins, identity.LoginProvider{Issuer: issuer, ClientID: clients[i]})
	}
	c.Invited = func(ctx context.Context, email string) (bool, error) { return a.db.Awaited(ctx, email, now()) }
	client := a.out.Client(netguard.Options{})
	c.LoginKeys, c.AgentKeys, c.CheckURL = oidc.New(client), oidc.New(client), a.out.CheckURL
	c.Audiences = append(config.List(a.cfg.OIDCAudience), publicURL, publicURL+"/", publicURL+"/v1/auth/agent-token")
	return nil
}
