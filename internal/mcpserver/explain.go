package mcpserver

import (
	"errors"
	"net/http"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
)

// notice is a failure whose text is complete and fit for the model.
type notice string

func (n notice) Error() string { return string(n) }

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

func noSecret(path string) error { return notice("No secret found at path '" + path + "'.") }

// explain turns a failure of t into what the model reads, and lets the session
// learn from it.
func (t tool) explain(s *session, err error) string {
	if n, ok := errors.AsType[notice](err); ok {
		return string(n)
	}
	detail := "Internal error."
	if e, ok := errors.AsType[*client.Error](err); ok {
		switch {
		case e.Status == http.StatusPaymentRequired:
			return "Quota exhausted. " + sentence(e.Detail) + "A human has to raise the organisation's plan or add credits."
		case e.Status == http.StatusForbidden && e.Code == "resource_limit_exceeded":
			return "Resource limit reached: " + sentence(e.Detail) + "Remove what is not needed any more, or ask a human to raise the limit."
		}
		detail = s.hear(e)
		if e.Status == http.StatusNotFound && s.vault.fixed != "" && t.inVault() {
			detail = sentence(detail) + s.vault.wrong().Error()
		}
	}
	return "Tool '" + t.name + "' execution failed: " + detail
}

// inVault reports whether t works in the vault of the session: what it does not find
// is then that vault.
func (t tool) inVault() bool {
	switch t.name {
	case "list_vaults", "create_vault", "grant_access", "share_secret":
		return false
	}
	return true
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
			return sentence(detail) + "Try again in " + seconds(e.RetryAfter) + " s."
		}
	}
	return detail
}

// sentence ends s with a full stop and a space, unless it is empty.
func sentence(s string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return ""
	}
	if !strings.HasSuffix(s, ".") {
		s += "."
	}
	return s + " "
}
