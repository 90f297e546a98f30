package cli

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

// said is what a refusal is called on the command line where the server's own words are
// those of its API.
var said = map[string]string{
	"already_subscribed":              "There is a subscription already.",
	"certificate_not_named":           "Activating this agent lets its certificate in again. Name the one to trust from now on with --client-cert-fingerprint.",
	"confirmation_required":           "Nothing was deleted. It takes the words DELETE MY ACCOUNT, exactly so.",
	"empties_allowlist":               "An empty list of addresses would allow every address. To allow every address on purpose, use --any-address.",
	"account_not_confirmed":           "There is an account with this mail address, and nobody has confirmed that address yet. Join with its password, or have a new one mailed to you (`oneclaw password forgot`) and then join.",
	"invalid_max_access_count":        "--max-reads must be between 0 (unlimited) and 2147483647.",
	"invalid_limit":                   "--requests takes a number of requests, or tier.",
	"invalid_token_ttl_seconds":       "--token-ttl must be between 1 and 2592000 seconds (30 days).",
	"invalid_client_cert_fingerprint": "--client-cert-fingerprint takes a SHA-256 sum: 64 hexadecimal digits.",
	"invalid_oidc_client_id":          "--oidc-client-id may have at most 255 characters.",
	"invalid_oidc_issuer":             "--oidc-issuer takes an https address of a public host, without a query, or one that the operator allowed (ONECLAW_OUTBOUND_ALLOW).",
	"missing_oidc_fields":             "--auth-method oidc_client_credentials needs --oidc-issuer and --oidc-client-id.",
	"no_base_url":                     "The binding has no URL of its own: give a whole address, such as https://api.example.com/v1/x, in the place of PATH.",
	"mfa_not_set_up":                  "Nothing was set up yet: run `oneclaw mfa enable`.",
	"own_account":                     "Delete your own account with `oneclaw account delete`.",
	"passphrase_required":             "This share needs its passphrase: give it with --passphrase or --passphrase-file.",
	"payment_required":                "The free requests of this month are used up. See `oneclaw billing status`.",
	"proof_required":                  "It takes a code of the authenticator, or a recovery code, to turn the second factor off: give it with --last-code.",
	"quota_exhausted":                 "The requests of this month are used up. Add credits, or wait for the next month: `oneclaw billing usage` tells how many there were.",
	"rate_limited":                    "Too many requests.",
	"recipient_required":              "Say whom the share is for.",
	"secret_exists":                   "There is a secret at this path. Give --new-version to store the value as its next version, which all that use it then get.",
	"share_locked":                    "There were too many wrong passphrases.",
	"share_not_accepted":              "Accept this share first: `oneclaw share accept ID`.",
	"too_many_attempts":               "Too many attempts failed. A new password by mail works at once: `oneclaw password forgot`.",
	"unknown_vault":                   "One of the vaults does not exist in this organisation, or you may not see it.",
	"verification_busy":               "Too many logs are being verified.",
	"cmek_key_mismatch":               "The old key is not the one that this vault's fingerprint names, or the new one is not the key that was announced.",
	"invalid_cmek_key":                "Each of the two keys must have 32 bytes.",
	"missing_vault_id":                "Say with --vault which vault the agent gets access to.",
	"invalid_public_key":              "A public key is 32 bytes in base64, as `oneclaw audit keys` prints it.",
	"would_lock_you_out":              "With this change your own address would not be allowed any more. Allow it first, or add --force to go on.",
	"ambiguous_signing_key":           "Several vaults have a key at this path: name the vault with --vault.",
	"invalid_to":                      "TO is an address: 0x and 40 hexadecimal digits, in one case or with the right checksum (EIP-55).",
	"log_query_too_slow":              "The log is long and this question takes too much of it. Narrow it down: by actor or by time.",
}

// asked is what the parts of a request are called on the command line.
var asked = map[string]string{
	"name": "NAME", "display_name": "--title", "description": "--description", "email": "the mail address", "human_email": "--human",
	"principal_id": "--agent or --user", "principal_type": "--agent or --user", "secret_path_pattern": "--path", "permissions": "--permissions",
	"conditions": "a condition (--ip, --after, --before, --timezone, --require-approval)", "expires_at": "--expires", "vault_id": "--vault",
	"vault_ids": "--vault-ids", "scopes": "--scopes", "token_ttl_seconds": "--token-ttl", "auth_method": "--auth-method",
	"client_cert_fingerprint": "--client-cert-fingerprint", "oidc_issuer": "--oidc-issuer", "oidc_client_id": "--oidc-client-id",
	"recipient_id": "--agent or --user", "recipient_type": "whom the share is for", "max_access_count": "--max-reads", "ip_allowlist": "--ip",
	"passphrase": "the passphrase", "metadata": "--metadata", "type": "--type", "value": "the value", "role": "the role", "cidr": "NETWORK",
	"label": "--label", "applies_to": "--for", "rule_type": "the rule", "reason": "--reason", "operation": "--operation", "secret_path": "PATH",
	"tier": "the tier", "period_days": "--days", "amount_cents": "the amount", "password": "the password", "new_password": "the new password",
	"chain_id": "the number of the chain", "native_currency": "--currency", "explorer_url": "--explorer-url", "rpc_url": "the address of the node",
	"ws_url": "the WebSocket address", "prefix": "--prefix", "limit": "--limit", "offset": "--offset", "code": "the code", "token": "the token",
	"to": "TO", "data": "--data", "chain": "--chain", "gas_limit": "--gas-limit", "nonce": "--nonce", "max_fee_per_gas": "--max-fee",
	"max_priority_fee_per_gas": "--tip", "gas_price": "--gas-price", "signing_key_path": "--key", "rules": "the rules", "key_version": "--to-version",
	"tx_max_value_eth": "--tx-max-value", "tx_daily_limit_eth": "--tx-daily-limit", "tx_to_allowlist": "--tx-to", "tx_allowed_chains": "--tx-chains",
	"intents_api_enabled": "--intents-api", "token_url": "--token-url", "token_auth": "--token-auth", "host_keys": "--host-key",
	"url": "the address", "events": "--events", "is_active": "--start or --stop",
}

// inCommandWords is what a refusal says, in the words of the command line.
func inCommandWords(e *client.Error) string {
	if text, known := said[e.Code]; known && e.Status != 0 {
		return text
	}
	if len(e.Fields()) > 0 {
		f := e.Fields()[0]
		name := f.Field[strings.LastIndexByte(f.Field, '.')+1:]
		if called, known := asked[name]; known {
			name = called
		}
		return strings.ToUpper(name[:1]) + name[1:] + " " + expected(f.Message) + "."
	}
	if e.Detail == "" {
		return e.Title
	}
	if e.Code == "invalid_bindings" {
		return bindingFlags().Replace(inFlags(e.Detail))
	}
	return inFlags(e.DetailBesideWait()) // how long is said after it, in words
}

// bindingFlags has the flags of `oneclaw bind` for what the API calls by single words.
func bindingFlags() *strings.Replacer {
	return strings.NewReplacer(
		`"in": "oauth2"`, "--in oauth2", `"in": "sshsig"`, "--in sshsig", `"in": "ssh"`, "--in ssh", `"in": "basic"`, "--in basic", `"in": "sigv4"`, "--in sigv4", `"in": "hmac"`, "--in hmac",
		"has namespaces only", "has --namespace only", "needs namespaces:", "needs --namespace:", "methods is a list", "--method takes a list", "methods or paths", "--method and --path",
		"user has no colon", "--user has no colon", "region and service are", "--region and --service are", "header is the name", "--header is the name",
		"has user only", "has --user only", "has region only", "has --region only", "has service only", "has --service only", "has header only", "has --header only", "has scope only", "has --scope only",
		"names 1 to 20 hosts", "names 1 to 20 hosts with --host",
	)
}

// inFlags is a text of the API with the names that the command line has for the parts of a request.
func inFlags(text string) string {
	parts := strings.Split(text, `"`)
	for i := 0; i < len(parts); i += 2 { // what is quoted is in a person's words
		parts[i] = snake.ReplaceAllStringFunc(parts[i], func(name string) string {
			if called, known := asked[name]; known {
				return called
			}
			return name
		})
	}
	return strings.Join(parts, `"`)
}

// snake finds names of the parts of a request.
var snake = regexp.MustCompile(`\b[a-z]+(?:_[a-z]+)+\b`)

// expected is what a schema wants, in words.
func expected(message string) string {
	want, ok := strings.CutPrefix(message, "expected ")
	switch {
	case !ok:
		return "is not what is expected there: " + message
	case want == "length >= 1":
		return "is empty"
	case strings.HasPrefix(want, "length >= "):
		return "is too short: it takes at least " + want[len("length >= "):] + " characters"
	case strings.HasPrefix(want, "length <= "):
		return "is too long: it takes at most " + want[len("length <= "):] + " characters"
	case strings.HasPrefix(want, "array length <= "):
		return "has too many parts: at most " + want[len("array length <= "):]
	case strings.HasPrefix(want, "number >= "):
		return "is too small: it takes at least " + plainNumber(want[len("number >= "):])
	case strings.HasPrefix(want, "number <= "):
		return "is too large: it takes at most " + plainNumber(want[len("number <= "):])
	case strings.HasPrefix(want, "value to be one of "):
		return "takes one of " + strings.Trim(want[len("value to be one of "):], `"`)
	case strings.Contains(want, "uuid"):
		return "takes a name or an id"
	case strings.Contains(want, "date-time"):
		return "takes a time such as 2030-01-31T12:00:00Z"
	case want == "integer", want == "number":
		return "takes a number"
	}
	return "takes " + want
}

// plainNumber writes a number without an exponent.
func plainNumber(s string) string {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return s
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}

// inWords writes how long to wait, so that nobody comes back too early.
func inWords(d time.Duration) string {
	for _, u := range []struct {
		each time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if d >= 2*u.each {
			return plural(int64((d+u.each-1)/u.each), u.name)
		}
	}
	return plural(max(1, int64((d+time.Second-1)/time.Second)), "second")
}

func plural(n int64, name string) string {
	if n != 1 {
		name += "s"
	}
	return strconv.FormatInt(n, 10) + " " + name
}
