package mcpserver

import (
	"cmp"
	"errors"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/client"
)

// onSecret gives the two failures that concern one secret the texts that clients
// know. Others pass.
func (s *session) onSecret(path string, err error) error {
	e, ok := errors.AsType[*client.Error](err)
	switch {
	case !ok || e.Code == "vault_not_found":
		return err
	case e.Status == http.StatusNotFound:
		s.vault.doubt() // it may be the vault that is gone: the contract does not tell
		return noSecret(path)
	case e.Status == http.StatusGone:
		return notice("Secret at path '" + path + "' is expired or has exceeded its maximum access count.")
	}
	return err
}

// hear returns the detail of e with what helps, and draws its consequences.
func (s *session) hear(e *client.Error) string {
	detail := e.Detail
	if detail == "" {
		detail = e.Title
	}
	switch e.Status {
	case http.StatusUnauthorized:
		if s.refused != nil {
			s.refused()
		}
		return sentence(detail) + "The agent's credential is wrong, expired or revoked: a human has to give it a new key."
	case http.StatusForbidden, http.StatusNotFound:
		s.vault.doubt()
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if e.RetryAfter > 0 {
			return sentence(cmp.Or(e.DetailBesideWait(), e.Title)) + "Try again in " + seconds(e.RetryAfter) + " s."
		}
	}
	return detail
}
