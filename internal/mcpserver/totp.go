package mcpserver

import (
	"context"
	"encoding/json"
)

// totpCode has the server make a code. The model sees the code, and not the seed.
func totpCode(ctx context.Context, s *session, in input) (string, error) {
	vault, err := s.inVault(ctx)
	if err != nil {
		return "", err
	}
	got, err := s.api.TOTP(ctx, vault, in.text("path"))
	if err != nil {
		return "", s.onSecret(in.text("path"), err)
	}
	text, err := json.Marshal(got)
	return string(text), err
}
