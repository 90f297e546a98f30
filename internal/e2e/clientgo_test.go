package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// The models of the generated Go client that refuse fields they do not know.
type (
	goToken struct {
		AccessToken  string  `json:"access_token"`
		TokenType    string  `json:"token_type"`
		ExpiresIn    *int32  `json:"expires_in,omitempty"`
		RefreshToken *string `json:"refresh_token,omitempty"`
	}
	goVault struct {
		ID              string    `json:"id"`
		Name            string    `json:"name"`
		Description     *string   `json:"description,omitempty"`
		CreatedBy       *string   `json:"created_by,omitempty"`
		CreatedByType   *string   `json:"created_by_type,omitempty"`
		CreatedAt       time.Time `json:"created_at"`
		CMEKEnabled     *bool     `json:"cmek_enabled,omitempty"`
		CMEKFingerprint *string   `json:"cmek_fingerprint,omitempty"`
	}
	goMeta struct {
		ID        string         `json:"id"`
		Path      string         `json:"path"`
		Type      string         `json:"type"`
		Version   int32          `json:"version"`
		Metadata  map[string]any `json:"metadata,omitempty"`
		CreatedAt time.Time      `json:"created_at"`
		ExpiresAt *time.Time     `json:"expires_at,omitempty"`
	}
	goSecret struct {
		ID            string         `json:"id"`
		Path          string         `json:"path"`
		Type          string         `json:"type"`
		Version       int32          `json:"version"`
		Metadata      map[string]any `json:"metadata,omitempty"`
		CreatedAt     time.Time      `json:"created_at"`
		ExpiresAt     *time.Time     `json:"expires_at,omitempty"`
		Value         string         `json:"value"`
		CreatedBy     *string        `json:"created_by,omitempty"`
		CMEKEncrypted *bool          `json:"cmek_encrypted,omitempty"`
	}
	goPolicy struct {
		ID            string         `json:"id"`
		VaultID       string         `json:"vault_id"`
		Pattern       string         `json:"secret_path_pattern"`
		PrincipalType string         `json:"principal_type"`
		PrincipalID   string         `json:"principal_id"`
		Permissions   []string       `json:"permissions"`
		Conditions    map[string]any `json:"conditions,omitempty"`
		ExpiresAt     *time.Time     `json:"expires_at,omitempty"`
		CreatedBy     *string        `json:"created_by,omitempty"`
		CreatedByType *string        `json:"created_by_type,omitempty"`
		CreatedAt     time.Time      `json:"created_at"`
	}
	goAgent struct {
		ID                string     `json:"id"`
		Name              string     `json:"name"`
		Description       *string    `json:"description,omitempty"`
		AuthMethod        string     `json:"auth_method"`
		Scopes            []string   `json:"scopes,omitempty"`
		IsActive          bool       `json:"is_active"`
		IntentsAPIEnabled bool       `json:"intents_api_enabled"`
		TxToAllowlist     []string   `json:"tx_to_allowlist,omitempty"`
		TxMaxValueETH     *string    `json:"tx_max_value_eth,omitempty"`
		TxDailyLimitETH   *string    `json:"tx_daily_limit_eth,omitempty"`
		TxAllowedChains   []string   `json:"tx_allowed_chains,omitempty"`
		TokenTTLSeconds   *int32     `json:"token_ttl_seconds,omitempty"`
		VaultIDs          []string   `json:"vault_ids,omitempty"`
		ClientFingerprint *string    `json:"client_cert_fingerprint,omitempty"`
		OIDCIssuer        *string    `json:"oidc_issuer,omitempty"`
		OIDCClientID      *string    `json:"oidc_client_id,omitempty"`
		SSHPublicKey      *string    `json:"ssh_public_key,omitempty"`
		ECDHPublicKey     *string    `json:"ecdh_public_key,omitempty"`
		ShroudEnabled     bool       `json:"shroud_enabled"`
		ShroudConfig      *goShroud  `json:"shroud_config,omitempty"`
		CreatedAt         time.Time  `json:"created_at"`
		ExpiresAt         *time.Time `json:"expires_at,omitempty"`
		LastActiveAt      *time.Time `json:"last_active_at,omitempty"`
	}
	goDetector struct {
		Enabled             *bool    `json:"enabled,omitempty"`
		Action              *string  `json:"action,omitempty"`
		Patterns            *string  `json:"patterns,omitempty"`
		CustomPatterns      []string `json:"custom_patterns,omitempty"`
		Sensitivity         *string  `json:"sensitivity,omitempty"`
		DetectBase64        *bool    `json:"detect_base64,omitempty"`
		DetectHex           *bool    `json:"detect_hex,omitempty"`
		DetectUnicodeEscape *bool    `json:"detect_unicode_escape,omitempty"`
		BlockedDomains      []string `json:"blocked_domains,omitempty"`
		AllowedDomains      []string `json:"allowed_domains,omitempty"`
		BlockedPaths        []string `json:"blocked_paths,omitempty"`
		StripZeroWidth      *bool    `json:"strip_zero_width,omitempty"`
		NormalizeHomoglyphs *bool    `json:"normalize_homoglyphs,omitempty"`
		NormalizationForm   *string  `json:"normalization_form,omitempty"`
	}
	goShroud struct {
		PIIPolicy               *string     `json:"pii_policy,omitempty"`
		InjectionThreshold      *float32    `json:"injection_threshold,omitempty"`
		ContextThreshold        *float32    `json:"context_injection_threshold,omitempty"`
		AllowedProviders        []string    `json:"allowed_providers,omitempty"`
		AllowedModels           []string    `json:"allowed_models,omitempty"`
		DeniedModels            []string    `json:"denied_models,omitempty"`
		MaxTokensPerRequest     *int32      `json:"max_tokens_per_request,omitempty"`
		MaxRequestsPerMinute    *int32      `json:"max_requests_per_minute,omitempty"`
		MaxRequestsPerDay       *int32      `json:"max_requests_per_day,omitempty"`
		DailyBudgetUSD          *float32    `json:"daily_budget_usd,omitempty"`
		EnableSecretRedaction   *bool       `json:"enable_secret_redaction,omitempty"`
		EnableResponseFiltering *bool       `json:"enable_response_filtering,omitempty"`
		SanitizationMode        *string     `json:"sanitization_mode,omitempty"`
		ThreatLogging           *bool       `json:"threat_logging,omitempty"`
		UnicodeNormalization    *goDetector `json:"unicode_normalization,omitempty"`
		CommandInjection        *goDetector `json:"command_injection_detection,omitempty"`
		SocialEngineering       *goDetector `json:"social_engineering_detection,omitempty"`
		Encoding                *goDetector `json:"encoding_detection,omitempty"`
		Network                 *goDetector `json:"network_detection,omitempty"`
		Filesystem              *goDetector `json:"filesystem_detection,omitempty"`
	}
	goJob struct {
		ID             string     `json:"id"`
		VaultID        string     `json:"vault_id"`
		OldFingerprint *string    `json:"old_fingerprint,omitempty"`
		NewFingerprint *string    `json:"new_fingerprint,omitempty"`
		Status         string     `json:"status"`
		TotalSecrets   int32      `json:"total_secrets"`
		Processed      int32      `json:"processed"`
		Error          *string    `json:"error,omitempty"`
		StartedAt      *time.Time `json:"started_at,omitempty"`
		CompletedAt    *time.Time `json:"completed_at,omitempty"`
		CreatedAt      time.Time  `json:"created_at"`
	}
	goPublicKey struct {
		Alg             *string `json:"alg,omitempty"`
		PublicKeyBase64 *string `json:"public_key_base64,omitempty"`
	}
)

// goClient behaves as the Go SDK does: one User-Agent, models that refuse unknown
// fields, paths escaped whole, and every method sent again after a 5xx.
type goClient struct {
	caller
	t      testing.TB
	key    string
	agent  string // with it, the key goes to agent-token, else to api-key-token
	token  string
	issued *goToken
}

func (c *goClient) with(key, agent string) *goClient {
	return &goClient{caller: c.caller, t: c.t, key: key, agent: agent}
}

// authorized gets a token as the client's hand-written layer does.
func (c *goClient) authorized() {
	c.t.Helper()
	if c.token != "" {
		return
	}
	path, body := "/v1/auth/api-key-token", map[string]any{"api_key": c.key}
	if c.agent != "" {
		path, body = "/v1/auth/agent-token", map[string]any{"api_key": c.key, "agent_id": c.agent}
	}
	issued := new(goToken)
	c.into(issued, http.StatusOK, "POST", path, body)
	c.token, c.issued = issued.AccessToken, issued
	if c.issued.RefreshToken != nil {
		c.t.Error("a refresh token was issued: the client would use it")
	}
	if c.issued.ExpiresIn == nil || *c.issued.ExpiresIn <= 60 {
		c.t.Errorf("expires_in %v: the client would exchange before every call", c.issued.ExpiresIn)
	}
}

func (c *goClient) raw(method, path string, body any, header ...string) *reply {
	c.t.Helper()
	h := http.Header{"User-Agent": {"OpenAPI-Generator/1.0.0/go"}, "Accept": {"application/json"}}
	if body != nil {
		h.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	var r *reply
	for range 3 {
		if r = c.exchanged(c.t, sent{method, path, c.token, body, h}); r.status < 500 {
			break
		}
	}
	return r
}

// into decodes an answer as its model does.
func (c *goClient) into(model any, status int, method, path string, body any, header ...string) {
	c.t.Helper()
	if !strings.HasPrefix(path, "/v1/auth/") || c.issued != nil {
		c.authorized()
	}
	r := c.raw(method, path, body, header...)
	if r.status != status {
		c.t.Fatalf("%s %s: %d, want %d: %s", method, path, r.status, status, r.body)
	}
	if model == nil {
		return
	}
	if ct := r.header.Get("Content-Type"); !strings.Contains(ct, "json") {
		c.t.Errorf("%s %s: content type %q is not decoded", method, path, ct)
	}
	if err := refusing(r.body, model); err != nil {
		c.t.Errorf("%s %s: %v in %s", method, path, err, r.body)
	}
}

// refusing decodes into a model that refuses unknown fields.
func refusing(body []byte, model any) error {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(model); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return err
	}
	return nil
}

func TestTheGeneratedGoClient(t *testing.T) {
	t.Parallel()
	s := hosted(t)
	owner := newTypeScript(t, s).owns(s)
	userKey := text(t, obj(owner.call("POST", "/v1/auth/api-keys", map[string]any{"name": "go"}).ok(201)), "api_key")
	c := (&goClient{caller: plain(t, s.APIURL), t: t}).with(userKey, "")
	var public goPublicKey
	c.into(&public, 200, "GET", "/v1/auth/jwt-public-key", nil)
	if raw, err := base64.StdEncoding.DecodeString(*public.PublicKeyBase64); err != nil || len(raw) != 32 {
		t.Errorf("jwt-public-key: %d bytes, %v", len(raw), err)
	}

	var v goVault
	c.into(&v, 201, "POST", "/v1/vaults", map[string]any{"name": "go"})
	c.into(&v, 200, "GET", "/v1/vaults/"+v.ID, nil)
	var vaults struct{ Vaults []json.RawMessage }
	if err := json.Unmarshal(c.raw("GET", "/v1/vaults", nil).body, &vaults); err != nil || len(vaults.Vaults) == 0 {
		t.Fatalf("vaults: %v", err)
	}
	for _, one := range vaults.Vaults {
		if err := refusing(one, new(goVault)); err != nil {
			t.Errorf("an element of the list: %v", err)
		}
	}
	secrets := "/v1/vaults/" + v.ID + "/secrets"
	at := secrets + "/" + url.PathEscape("db/main/password")
	var meta goMeta
	c.into(&meta, 201, "PUT", at, map[string]any{"value": "v", "type": "password"})
	if meta.Path != "db/main/password" || meta.Version != 1 {
		t.Errorf("put: %+v", meta)
	}
	var secret goSecret
	c.into(&secret, 200, "GET", at, nil)
	if secret.Value != "v" || secret.CreatedBy == nil || !strings.HasPrefix(*secret.CreatedBy, "user:") {
		t.Errorf("get: %+v", secret)
	}
	var listed struct{ Secrets []json.RawMessage }
	if err := json.Unmarshal(c.raw("GET", secrets+"?prefix=db%2F", nil).body, &listed); err != nil || len(listed.Secrets) != 1 {
		t.Fatalf("secrets: %v", err)
	}
	if err := refusing(listed.Secrets[0], new(goMeta)); err != nil {
		t.Error(err)
	}
	// All three spellings of a path are one secret.
	for _, path := range []string{"/db/main/password", "/db%2Fmain%2Fpassword", "/db/main%2Fpassword"} {
		c.into(new(goSecret), 200, "GET", secrets+path, nil)
	}

	var made struct {
		Agent  json.RawMessage `json:"agent"`
		APIKey *string         `json:"api_key"`
	}
	draft := map[string]any{"name": "bot", "scopes": []string{"tx:sign"}, "vault_ids": []string{v.ID}, "token_ttl_seconds": 900, "tx_max_value_eth": "0.5",
		"shroud_enabled": true, "shroud_config": map[string]any{
			"pii_policy": "warn", "sanitization_mode": "sanitize", "denied_models": []string{"x"}, "later_field": 1,
			"command_injection_detection": map[string]any{"strictness": "strict", "later_field": 1}, "encoding_detection": map[string]any{"detect_unicode": true},
		}}
	c.into(&made, 201, "POST", "/v1/agents", draft)
	var a goAgent
	if err := refusing(made.Agent, &a); err != nil || made.APIKey == nil {
		t.Fatalf("agent: %v in %s", err, made.Agent)
	}
	c.into(&a, 200, "GET", "/v1/agents/"+a.ID, nil)
	if a.ShroudConfig == nil || *a.ShroudConfig.PIIPolicy != "warn" || *a.ShroudConfig.SanitizationMode != "surgical" || *a.ShroudConfig.CommandInjection.Patterns != "strict" {
		t.Errorf("shroud_config: %+v", a.ShroudConfig)
	}
	c.into(&a, 200, "PATCH", "/v1/agents/"+a.ID, map[string]any{"scopes": []string{"tx:sign", "vault:read"}, "tx_max_value_eth": nil})
	if a.TxMaxValueETH != nil {
		t.Errorf("null did not clear: %v", *a.TxMaxValueETH)
	}
	c.into(&a, 200, "POST", "/v1/agents/"+a.ID+"/rotate-identity-keys", nil)
	var agents struct{ Agents []json.RawMessage }
	if err := json.Unmarshal(c.raw("GET", "/v1/agents", nil).body, &agents); err != nil {
		t.Fatal(err)
	}
	for _, one := range agents.Agents {
		if err := refusing(one, new(goAgent)); err != nil {
			t.Error(err)
		}
	}
	var p goPolicy
	policies := "/v1/vaults/" + v.ID + "/policies"
	c.into(&p, 201, "POST", policies, map[string]any{"secret_path_pattern": "**", "principal_type": "agent", "principal_id": a.ID, "permissions": []string{"read", "write"}})
	c.into(&p, 200, "PUT", policies+"/"+p.ID, map[string]any{"permissions": []string{"read"}})
	var list struct{ Policies []json.RawMessage }
	if err := json.Unmarshal(c.raw("GET", policies, nil).body, &list); err != nil || len(list.Policies) == 0 {
		t.Fatal(err)
	}
	if err := refusing(list.Policies[0], new(goPolicy)); err != nil {
		t.Error(err)
	}

	// With and without the agent's id: agent-token, and api-key-token with ocv_.
	for _, agentID := range []string{a.ID, ""} {
		bot := c.with(*made.APIKey, agentID)
		bot.into(&secret, 200, "GET", at, nil)
		if bot.raw("PUT", at, map[string]any{"value": "w"}).status != 403 {
			t.Error("an agent without the right wrote")
		}
	}
	var rotatedKey struct {
		APIKey string `json:"api_key"`
	}
	c.into(&rotatedKey, 200, "POST", "/v1/agents/"+a.ID+"/rotate-key", nil)
	bad := &goClient{caller: c.caller, t: t}
	if r := bad.raw("POST", "/v1/auth/agent-token", map[string]any{"api_key": *made.APIKey, "agent_id": a.ID}); r.status != 401 {
		t.Errorf("a rotated key: %d", r.status)
	}

	// Its own format of values that it encrypted: no version byte, hexadecimal.
	old, next := bytes.Repeat([]byte{1}, 32), bytes.Repeat([]byte{2}, 32)
	c.into(&v, 200, "POST", "/v1/vaults/"+v.ID+"/cmek", map[string]any{"fingerprint": fingerprint(old)})
	c.into(&meta, 201, "PUT", secrets+"/own", map[string]any{"value": hex.EncodeToString(gcm(t, old, "plain")), "type": "generic"})
	var job goJob
	c.into(&job, http.StatusAccepted, "POST", "/v1/vaults/"+v.ID+"/cmek-rotate", map[string]any{"new_fingerprint": fingerprint(next)},
		"X-Cmek-Old-Key", base64.StdEncoding.EncodeToString(old), "X-Cmek-New-Key", base64.StdEncoding.EncodeToString(next))
	eventually(t, "the rotation", func() bool {
		c.into(&job, 200, "GET", "/v1/vaults/"+v.ID+"/cmek-rotate/"+job.ID, nil)
		return job.Status == "completed"
	})
	c.into(&secret, 200, "GET", secrets+"/own", nil)
	if raw, err := hex.DecodeString(secret.Value); err != nil || openGCM(t, next, raw) != "plain" {
		t.Errorf("after the rotation: %v", err)
	}
	c.into(&v, 200, "DELETE", "/v1/vaults/"+v.ID+"/cmek", nil)
	for _, path := range []string{at, policies + "/" + p.ID, "/v1/agents/" + a.ID, "/v1/vaults/" + v.ID} {
		c.into(nil, http.StatusNoContent, "DELETE", path, nil)
	}
}
