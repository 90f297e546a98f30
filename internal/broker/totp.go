package broker

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/totp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Code returns the code that a stored seed gives now. The seed is used and not shown, and each
// code is one use, with an event.
func (s *Service) Code(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (code totp.Code, err error) {
	c.Event.Details.More = []audit.Field{audit.Text("how", "totp")}
	at := vault.Ref{Vault: vaultID, Path: p, Type: noKey}
	err = s.cfg.Vault.Use(ctx, c, at, policy.UseSecret, func(got *vault.Secret) error {
		if got.CMEK {
			return errCMEK
		}
		code, err = totp.Of(got.Value.Reveal(), got.Type, c.Now)
		return err
	})
	return code, err
}
