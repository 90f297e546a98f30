package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// The files client*_test.go hold fakes of the clients that the contract names:
// each sends what the real one sends and reads what the real one reads, as far
// as the contract says, and fails where the real one would. They share no code
// with this project's own client.

// hosted is a server for them: anyone may sign up, and nobody has to wait
// between logins.
func hosted(t *testing.T, env ...string) *server {
	t.Helper()
	p := newPlace(t)
	p.env = append([]string{"ONECLAW_RATE_AUTH=off", "ONECLAW_SIGNUP=true"}, env...)
	return p.start()
}

// shapes say which fields an object has, and of what kind: s text, n number, b
// truth, t time, l list, o object, a anything. With ? a field may be null or
// absent. A shape that ends with ... leaves room for more fields.
const (
	tokenShape    = "access_token:s token_type:s expires_in:n"
	agentToken    = tokenShape + " agent_id:s vault_ids:l"
	loginShape    = tokenShape + " mfa_required:b? mfa_token:s?"
	vaultShape    = "id:s name:s description:s created_by:s created_by_type:s created_at:t cmek_enabled:b cmek_fingerprint:s?"
	metaShape     = "id:s path:s type:s version:n metadata:o created_at:t expires_at:t?"
	secretShape   = metaShape + " value:s created_by:s cmek_encrypted:b?"
	policyShape   = "id:s vault_id:s secret_path_pattern:s principal_type:s principal_id:s permissions:l conditions:o expires_at:t? created_by:s created_by_type:s created_at:t"
	agentShape    = "id:s name:s description:s auth_method:s scopes:l is_active:b intents_api_enabled:b tx_to_allowlist:l tx_max_value_eth:s? tx_daily_limit_eth:s? tx_allowed_chains:l token_ttl_seconds:n? vault_ids:l client_cert_fingerprint:s? oidc_issuer:s? oidc_client_id:s? ssh_public_key:s ecdh_public_key:s shroud_enabled:b shroud_config:o? created_at:t expires_at:t? last_active_at:t?"
	selfShape     = "id:s name:s description:s org_id:s scopes:l is_active:b intents_api_enabled:b created_by:s created_at:t expires_at:t? last_active_at:t? ssh_public_key:s ecdh_public_key:s shroud_enabled:b shroud_config:o? ..."
	jobShape      = "id:s vault_id:s old_fingerprint:s new_fingerprint:s status:s total_secrets:n processed:n error:s? started_at:t? completed_at:t? created_at:t"
	profileShape  = "id:s email:s display_name:s auth_method:s role:s org_id:s email_verified:b marketing_emails:b totp_enabled:b created_at:t"
	keyShape      = "id:s name:s key_prefix:s scopes:l is_active:b created_at:t expires_at:t? last_used_at:t?"
	shareShape    = "id:s share_url:s recipient_type:s recipient_email:s? expires_at:t max_access_count:n"
	sharedShape   = "id:s path:s type:s value:s access_count:n max_access_count:n"
	itemShape     = "id:s secret_path:s recipient_type:s recipient_email:s? access_count:n max_access_count:n expires_at:t created_at:t is_expired:b is_accepted:b ..."
	approvalShape = "id:s vault_id:s secret_path:s requester_id:s requester_type:s reason:s? status:s decided_by:s? decided_at:t? created_at:t ..."
	chainShape    = "id:s name:s display_name:s chain_id:n rpc_url:s? ws_url:s? explorer_url:s? native_currency:s is_testnet:b is_enabled:b created_at:t updated_at:t"
	memberShape   = "id:s email:s display_name:s role:s auth_method:s created_at:t ..."
	eventShape    = "id:s action:s actor_id:s actor_type:s resource_type:s resource_id:s org_id:s details:o ip_address:s? created_at:t ..."
	ruleShape     = "id:s org_id:s rule_type:s cidr:s label:s? applies_to:s created_by:s created_at:t"
	deviceShape   = "device_code:s user_code:s verification_uri:s expires_in:n interval:n ..."
)

// shape checks an object and returns it.
func shape(t testing.TB, what, want string, v any) map[string]any {
	t.Helper()
	o, ok := v.(map[string]any)
	if !ok {
		t.Fatalf("%s is no object: %v", what, v)
	}
	known, open := []string{}, false
	for _, field := range strings.Fields(want) {
		name, kind, _ := strings.Cut(field, ":")
		if open = name == "..."; open {
			break
		}
		known = append(known, name)
		kind, optional := strings.CutSuffix(kind, "?")
		if v := o[name]; v == nil && optional {
			continue
		} else if !ofKind(kind, v) {
			t.Errorf("%s: %s is %T %v, want kind %s", what, name, v, v, kind)
		}
	}
	for name := range o {
		if !open && !slices.Contains(known, name) {
			t.Errorf("%s has the field %s, which strict clients refuse", what, name)
		}
	}
	return o
}

func ofKind(kind string, v any) (ok bool) {
	switch kind {
	case "s":
		_, ok = v.(string)
	case "n":
		_, ok = v.(float64)
	case "b":
		_, ok = v.(bool)
	case "l":
		_, ok = v.([]any)
	case "o":
		_, ok = v.(map[string]any)
	case "a":
		ok = v != nil
	case "t":
		s, _ := v.(string)
		_, err := time.Parse(time.RFC3339, s)
		ok = err == nil && strings.HasSuffix(s, "Z")
	}
	return ok
}

// shaped checks each object of a list that must be there, and returns it.
func shaped(t testing.TB, what, want string, v any, name string) []map[string]any {
	t.Helper()
	if o, ok := v.(map[string]any); name != "" && ok {
		v = o[name]
	}
	list, ok := v.([]any)
	if !ok {
		t.Fatalf("%s is no list: %v", what, v)
	}
	out := make([]map[string]any, len(list))
	for i, e := range list {
		out[i] = shape(t, what, want, e)
	}
	return out
}

// named is the element of a list whose field has the value.
func named(t testing.TB, list []map[string]any, field string, value any) map[string]any {
	t.Helper()
	for _, e := range list {
		if e[field] == value {
			return e
		}
	}
	t.Fatalf("no element with %s %v in %v", field, value, list)
	return nil
}

// sent is what goes onto the wire for one request. A body is encoded as JSON.
type sent struct {
	method, path, token string
	body                any
	header              http.Header
}

// exchanged sends it. Every error must be a JSON object in which each client
// finds its message.
func (c caller) exchanged(t testing.TB, s sent) *reply {
	t.Helper()
	var body *strings.Reader
	if s.body == nil {
		body = strings.NewReader("")
	} else {
		raw, err := json.Marshal(s.body)
		if err != nil {
			t.Fatal(err)
		}
		body = strings.NewReader(string(raw))
	}
	r, err := http.NewRequestWithContext(t.Context(), s.method, c.base+s.path, body)
	if err != nil {
		t.Fatal(err)
	}
	if s.header != nil {
		r.Header = s.header
	}
	if s.token != "" {
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	res, err := c.send(r)
	if err != nil {
		t.Fatalf("%s %s: %v", s.method, s.path, err)
	}
	what := fmt.Sprintf("%s %s: %d", s.method, s.path, res.status)
	if res.status >= 400 {
		var problem struct {
			Type, Title, Detail string
			Status              int
		}
		if err := json.Unmarshal(res.body, &problem); err != nil || problem.Detail == "" || problem.Status != res.status || problem.Type == "" {
			t.Errorf("%s: no problem that clients read: %s", what, res.body)
		}
	}
	if res.status >= 500 && res.status != http.StatusNotImplemented {
		t.Errorf("%s: %s", what, res.body)
	}
	return res
}
