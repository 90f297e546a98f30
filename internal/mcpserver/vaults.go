package mcpserver

import (
	"context"
	"fmt"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

func createVault(ctx context.Context, s *session, in input) (string, error) {
	v, err := s.api.CreateVault(ctx, in.text("name"), in.text("description"))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("Vault created successfully.\n  ID: %s\n  Name: %s\n  Owner: %s:%s\n\n"+
		"The human who registered this agent can use the vault too, without further grants.",
		v.ID, oneLine(v.Name), v.CreatedByType, v.CreatedBy), nil
}

func listVaults(ctx context.Context, s *session, _ input) (string, error) {
	all, err := s.api.Vaults(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "No vaults found. Create one with create_vault.", nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Found %d vault(s):", len(all))
	for _, v := range all {
		fmt.Fprintf(&b, "\n- %s  (id: %s, created by: %s, %s)", oneLine(v.Name), v.ID, v.CreatedByType, stamp(v.CreatedAt))
	}
	return b.String(), nil
}

func grantAccess(ctx context.Context, s *session, in input) (string, error) {
	vault, err := byName(ctx, s.api, in.text("vault_id"))
	if err != nil {
		return "", err
	}
	to, err := principal(ctx, s.api, "principal_id", in.text("principal_type"), in.text("principal_id"))
	if err != nil {
		return "", err
	}
	p, err := s.api.CreatePolicy(ctx, vault, client.PolicyGrant{
		SecretPathPattern: in.text("secret_path_pattern"),
		PrincipalType:     in.text("principal_type"),
		PrincipalID:       to,
		Permissions:       in.texts("permissions"),
	})
	if err != nil {
		return "", err
	}
	warned := ""
	for _, w := range p.Warnings {
		warned += "\n  Warning: " + oneLine(w)
	}
	return fmt.Sprintf("Access granted.\n  Policy ID: %s\n  Vault: %s\n  Granted to: %s:%s\n  Permissions: %s\n  Path pattern: %s",
		p.ID, p.VaultID, p.PrincipalType, p.PrincipalID, strings.Join(p.Permissions, ", "), oneLine(p.SecretPathPattern)) + warned, nil
}
