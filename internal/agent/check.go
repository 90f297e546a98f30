package agent

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
)

// Bounds of what an agent may carry.
const (
	maxVaults = 1000
	maxTTL    = 30 * 24 * 60 * 60 // seconds
)

var (
	hexSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

	errIssuer = invalid("invalid_oidc_issuer", "oidc_issuer must be an https URL of a public host, without a query, or one that the operator allowed (ONECLAW_OUTBOUND_ALLOW).")
	errTTL    = invalid("invalid_token_ttl_seconds", "token_ttl_seconds must be between 1 and 2592000 (30 days), or null for the default.")
)

// checkName refuses what could be taken for the id of another agent, too.
func checkName(name string) error {
	if ids.Like(name) {
		return invalid("invalid_name", "A name is no UUID and not eight hexadecimal digits: it would be taken for the id of another agent.")
	}
	return identity.CheckText("name", name, 255)
}

// check refuses what can't be stored and brings the rest into one form.
func (a *Agent) check() error {
	a.Name = strings.TrimSpace(a.Name)
	if err := checkName(a.Name); err != nil {
		return err
	}
	if utf8.RuneCountInString(a.Description) > 4096 || !utf8.ValidString(a.Description) || strings.ContainsRune(a.Description, 0) {
		return invalid("invalid_description", "A description may have at most 4,096 characters.")
	}
	if a.TokenTTL < 0 || a.TokenTTL > maxTTL {
		return errTTL
	}
	a.ExpiresAt = stamp.End(a.ExpiresAt)
	if err := identity.CheckScopes(a.Scopes); err != nil {
		return err
	}
	if err := checkVaultIDs(a.VaultIDs); err != nil {
		return err
	}
	a.VaultIDs = lowerAll(a.VaultIDs)
	if err := a.Guardrails.Check(); err != nil {
		return err
	}
	if err := a.Execution.Bounds.Check(); err != nil {
		return err
	}
	if err := a.checkMethod(); err != nil {
		return err
	}
	var err error
	a.ShroudConfig, err = a.ShroudConfig.Checked()
	return err
}

func checkVaultIDs(vaults []string) error {
	if len(vaults) > maxVaults {
		return invalid("invalid_vault_ids", "At most 1,000 vault_ids are possible.")
	}
	for _, id := range vaults {
		if !ids.Valid(id) {
			return invalid("invalid_vault_ids", "vault_ids must be UUIDs of vaults.")
		}
	}
	return nil
}

func (a *Agent) checkMethod() error {
	a.CertFingerprint = strings.ToLower(strings.ReplaceAll(a.CertFingerprint, ":", ""))
	switch a.AuthMethod {
	case "":
		a.AuthMethod = MethodAPIKey
	case MethodAPIKey:
	case MethodMTLS: // checkCertified asks for a fingerprint
	case MethodOIDC:
		if a.OIDCIssuer == "" || a.OIDCClientID == "" {
			return invalid("missing_oidc_fields", "auth_method oidc_client_credentials needs oidc_issuer and oidc_client_id.")
		}
	default:
		return invalid("invalid_auth_method", "auth_method must be api_key, mtls or oidc_client_credentials.")
	}
	if a.CertFingerprint != "" && !hexSum.MatchString(a.CertFingerprint) {
		return invalid("invalid_client_cert_fingerprint", "client_cert_fingerprint must be a SHA-256 sum: 64 hexadecimal digits.")
	}
	if a.OIDCIssuer != "" {
		u, err := url.Parse(a.OIDCIssuer)
		if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil ||
			u.RawQuery != "" || u.Fragment != "" || len(a.OIDCIssuer) > 1024 {
			return errIssuer
		}
	}
	if len(a.OIDCClientID) > 255 || strings.ContainsFunc(a.OIDCClientID, unicode.IsControl) || !utf8.ValidString(a.OIDCClientID) {
		return invalid("invalid_oidc_client_id", "oidc_client_id may have at most 255 characters.")
	}
	return nil
}

func lowerAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}
