package identity

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
)

// Bounds of what an agent may carry.
const (
	maxVaults    = 1000
	maxAddresses = 1000
	maxChains    = 100
	maxTTL       = 30 * 24 * 60 * 60 // seconds
)

var (
	address = regexp.MustCompile(`^0x[0-9a-fA-F]{40}$`)
	amount  = regexp.MustCompile(`^[0-9]{1,30}(\.[0-9]{1,18})?$`)
	chain   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	hexSum  = regexp.MustCompile(`^[0-9a-f]{64}$`)

	errIssuer = invalid("invalid_oidc_issuer", "oidc_issuer must be an https URL of a public host, without a query, or one that the operator allowed (ONECLAW_OUTBOUND_ALLOW).")
	errTTL    = invalid("invalid_token_ttl_seconds", "token_ttl_seconds must be between 1 and 2592000 (30 days), or null for the default.")
)

// check refuses what can't be stored and brings the rest into one form.
func (a *Agent) check() error {
	a.Name = strings.TrimSpace(a.Name)
	if err := checkText("name", a.Name, 255); err != nil {
		return err
	}
	if utf8.RuneCountInString(a.Description) > 4096 || !utf8.ValidString(a.Description) || strings.ContainsRune(a.Description, 0) {
		return invalid("invalid_description", "A description may have at most 4,096 characters.")
	}
	if a.TokenTTL < 0 || a.TokenTTL > maxTTL {
		return errTTL
	}
	a.ExpiresAt = stampEnd(a.ExpiresAt)
	if err := checkScopes(a.Scopes); err != nil {
		return err
	}
	if err := checkVaultIDs(a.VaultIDs); err != nil {
		return err
	}
	a.VaultIDs = lowerAll(a.VaultIDs)
	if err := a.checkGuardrails(); err != nil {
		return err
	}
	if err := a.checkMethod(); err != nil {
		return err
	}
	var err error
	a.ShroudConfig, err = shroudConfig(a.ShroudConfig)
	return err
}

func checkVaultIDs(ids []string) error {
	if len(ids) > maxVaults {
		return invalid("invalid_vault_ids", "At most 1,000 vault_ids are possible.")
	}
	for _, id := range ids {
		if len(id) != 36 || uuid.Validate(id) != nil {
			return invalid("invalid_vault_ids", "vault_ids must be UUIDs of vaults.")
		}
	}
	return nil
}

func (a *Agent) checkGuardrails() error {
	switch {
	case len(a.ToAllowlist) > maxAddresses || !all(a.ToAllowlist, address):
		return invalid("invalid_tx_to_allowlist", "tx_to_allowlist must be at most 1,000 addresses: 0x and 40 hexadecimal digits.")
	case len(a.AllowedChains) > maxChains || !all(a.AllowedChains, chain):
		return invalid("invalid_tx_allowed_chains", "tx_allowed_chains must be at most 100 names of chains.")
	case a.MaxValueETH != "" && !amount.MatchString(a.MaxValueETH):
		return invalid("invalid_tx_max_value_eth", "tx_max_value_eth must be a decimal number of ETH in quotes, such as \"0.5\".")
	case a.DailyLimitETH != "" && !amount.MatchString(a.DailyLimitETH):
		return invalid("invalid_tx_daily_limit_eth", "tx_daily_limit_eth must be a decimal number of ETH in quotes, such as \"0.5\".")
	}
	return nil
}

func all(list []string, re *regexp.Regexp) bool {
	for _, s := range list {
		if !re.MatchString(s) {
			return false
		}
	}
	return true
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
