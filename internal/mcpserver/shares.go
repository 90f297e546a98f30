package mcpserver

import (
	"context"
	"fmt"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// shareSecret takes a secret's path where the contract takes its id: no other tool
// shows ids.
func shareSecret(ctx context.Context, s *session, in input) (string, error) {
	typ, to := in.text("recipient_type"), in.text("recipient_id")
	if (typ == "user" || typ == "agent") && to == "" {
		return "Error: recipient_id is required when recipient_type is '" + typ + "'.", nil
	}
	if typ == "anyone_with_link" || typ == "creator" {
		to = "" // what a model sends along means nothing here
	}
	if to != "" {
		var err error
		if to, err = principal(ctx, s.api, "recipient_id", typ, to); err != nil {
			return "", err
		}
	}
	id := in.text("secret_id")
	if !ids.Valid(id) {
		vault, err := s.inVault(ctx)
		if err != nil {
			return "", err
		}
		m, found, err := s.api.FindSecret(ctx, vault, id)
		if err != nil {
			return "", s.onSecret(id, err)
		}
		if !found {
			return "", noSecret(id)
		}
		id = m.ID
	}
	sh, err := s.api.CreateShare(ctx, id, client.ShareCreate{
		RecipientType: typ, RecipientID: to, ExpiresAt: *in.moment("expires_at"), MaxAccessCount: in.integer("max_access_count"),
	})
	if err != nil {
		return "", err
	}
	most := "unlimited"
	if sh.MaxAccessCount > 0 {
		most = fmt.Sprint(sh.MaxAccessCount)
	}
	recipient := sh.RecipientType
	if to != "" {
		recipient += ":" + to
	}
	warned := ""
	if sh.ExpiresAt.Before(in.moment("expires_at").Add(-time.Second)) {
		warned = "\n  Warning: It ends before the time that was asked for, with this agent's credential."
	}
	for _, w := range sh.Warnings {
		warned += "\n  Warning: " + oneLine(w)
	}
	return fmt.Sprintf("Secret shared successfully.\n  Share ID: %s\n  Recipient: %s\n  Expires: %s\n  Max accesses: %s\n  URL: %s",
		oneLine(sh.ID), oneLine(recipient), stamp(sh.ExpiresAt), most, oneLine(sh.ShareURL)) + warned, nil
}
