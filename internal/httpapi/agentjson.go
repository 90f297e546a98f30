package httpapi

import (
	"reflect"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/oneclaw-dev/oneclaw/internal/rest"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/shroud"
)

// agentBody is Agent of the contract, section 6. Strict: no field more, so
// neither org_id nor created_by.
type agentBody struct {
	ID                    string      `json:"id" format:"uuid"`
	Name                  string      `json:"name"`
	Description           string      `json:"description"`
	AuthMethod            string      `json:"auth_method" enum:"api_key,mtls,oidc_client_credentials"`
	Scopes                []string    `json:"scopes"`
	IsActive              bool        `json:"is_active"`
	IntentsAPIEnabled     bool        `json:"intents_api_enabled"`
	TxToAllowlist         []string    `json:"tx_to_allowlist"`
	TxMaxValueETH         *string     `json:"tx_max_value_eth" nullable:"true"`
	TxDailyLimitETH       *string     `json:"tx_daily_limit_eth" nullable:"true"`
	TxAllowedChains       []string    `json:"tx_allowed_chains"`
	TokenTTLSeconds       *int64      `json:"token_ttl_seconds" nullable:"true"`
	VaultIDs              []string    `json:"vault_ids"`
	ClientCertFingerprint *string     `json:"client_cert_fingerprint" nullable:"true"`
	OIDCIssuer            *string     `json:"oidc_issuer" nullable:"true"`
	OIDCClientID          *string     `json:"oidc_client_id" nullable:"true"`
	SSHPublicKey          string      `json:"ssh_public_key" doc:"Ed25519, the raw 32 bytes in base64."`
	ECDHPublicKey         string      `json:"ecdh_public_key" doc:"P-256, the uncompressed point in base64."`
	ShroudEnabled         bool        `json:"shroud_enabled"`
	ShroudConfig          *jsonObject `json:"shroud_config"`
	CreatedAt             time.Time   `json:"created_at"`
	ExpiresAt             *time.Time  `json:"expires_at" nullable:"true"`
	LastActiveAt          *time.Time  `json:"last_active_at" nullable:"true"`
	AgentFields
	// Only where it is asked for, since clients are there that refuse unknown fields.
	HasAPIKey *bool `json:"has_api_key,omitempty" doc:"With key_state=true, of an agent whose auth_method is api_key: whether it has a key. One that was deactivated lost its."`
	// Of an accepted enrolment alone, when there are any, and not for clients that refuse unknown fields.
	Warnings []string `json:"warnings,omitempty" doc:"What the policy does besides that came with an accepted enrolment: approvals that are asked for no more."`
}

func agentOf(a *agent.Agent) agentBody {
	b := agentBody{
		ID: a.ID, Name: a.Name, Description: a.Description, AuthMethod: a.AuthMethod, Scopes: a.Scopes, IsActive: a.Active,
		IntentsAPIEnabled: a.Intents, TxToAllowlist: a.Guardrails.ToAllowlist, TxMaxValueETH: present(a.Guardrails.MaxValueETH),
		TxDailyLimitETH: present(a.Guardrails.DailyLimitETH), TxAllowedChains: a.Guardrails.AllowedChains, TokenTTLSeconds: present(a.TokenTTL),
		VaultIDs: a.VaultIDs, ClientCertFingerprint: present(a.CertFingerprint), OIDCIssuer: present(a.OIDCIssuer),
		OIDCClientID: present(a.OIDCClientID), SSHPublicKey: a.SSHPublicKey, ECDHPublicKey: a.ECDHPublicKey,
		ShroudEnabled: a.Shroud, ShroudConfig: object(a.ShroudConfig), CreatedAt: a.CreatedAt,
		ExpiresAt: pointer(a.ExpiresAt), LastActiveAt: pointer(a.LastActiveAt), AgentFields: fieldsOf(&a.Guardrails.Fields),
	}
	b.Reveal, b.Executes, b.Bounds = reveal(a), present(a.Execution.Enabled), boundsOf(&a.Execution.Bounds)
	return b
}

// agentSelf is AgentSelf of the contract, section 6.
type agentSelf struct {
	ID                string      `json:"id" format:"uuid"`
	Name              string      `json:"name"`
	Description       string      `json:"description"`
	OrgID             string      `json:"org_id" format:"uuid"`
	Scopes            []string    `json:"scopes"`
	IsActive          bool        `json:"is_active"`
	IntentsAPIEnabled bool        `json:"intents_api_enabled"`
	CreatedBy         string      `json:"created_by" format:"uuid" doc:"The user who registered the agent."`
	CreatedAt         time.Time   `json:"created_at"`
	ExpiresAt         *time.Time  `json:"expires_at" nullable:"true"`
	LastActiveAt      *time.Time  `json:"last_active_at" nullable:"true"`
	SSHPublicKey      string      `json:"ssh_public_key"`
	ECDHPublicKey     string      `json:"ecdh_public_key"`
	ShroudEnabled     bool        `json:"shroud_enabled"`
	ShroudConfig      *jsonObject `json:"shroud_config"`
}

func agentSelfOf(a *agent.Agent) agentSelf {
	return agentSelf{
		ID: a.ID, Name: a.Name, Description: a.Description, OrgID: a.Org, Scopes: a.Scopes, IsActive: a.Active,
		IntentsAPIEnabled: a.Intents, CreatedBy: a.Creator, CreatedAt: a.CreatedAt, ExpiresAt: pointer(a.ExpiresAt),
		LastActiveAt: pointer(a.LastActiveAt), SSHPublicKey: a.SSHPublicKey, ECDHPublicKey: a.ECDHPublicKey,
		ShroudEnabled: a.Shroud, ShroudConfig: object(a.ShroudConfig),
	}
}

type createAgent struct {
	Body struct {
		limitNames
		Name              string     `json:"name" minLength:"1" maxLength:"255"`
		Description       *string    `json:"description,omitempty" nullable:"true"`
		AuthMethod        *string    `json:"auth_method,omitempty" nullable:"true" doc:"api_key (the default), mtls or oidc_client_credentials."`
		Scopes            []string   `json:"scopes,omitempty" nullable:"true" doc:"A cap on what the agent may do; none is no cap."`
		ExpiresAt         *time.Time `json:"expires_at,omitempty" nullable:"true"`
		IntentsAPIEnabled *bool      `json:"intents_api_enabled,omitempty" nullable:"true"`
		TxToAllowlist     []string   `json:"tx_to_allowlist,omitempty" nullable:"true"`
		TxMaxValueETH     *string    `json:"tx_max_value_eth,omitempty" nullable:"true"`
		TxDailyLimitETH   *string    `json:"tx_daily_limit_eth,omitempty" nullable:"true"`
		TxAllowedChains   []string   `json:"tx_allowed_chains,omitempty" nullable:"true"`
		AgentFieldsSent
		TokenTTLSeconds       *int64     `json:"token_ttl_seconds,omitempty" nullable:"true" minimum:"1" maximum:"2592000"`
		VaultIDs              []string   `json:"vault_ids,omitempty" nullable:"true" doc:"The only vaults that the agent may touch; none is any."`
		ClientCertFingerprint *string    `json:"client_cert_fingerprint,omitempty" nullable:"true"`
		OIDCIssuer            *string    `json:"oidc_issuer,omitempty" nullable:"true"`
		OIDCClientID          *string    `json:"oidc_client_id,omitempty" nullable:"true"`
		ShroudEnabled         *bool      `json:"shroud_enabled,omitempty" nullable:"true"`
		ShroudConfig          jsonObject `json:"shroud_config,omitempty"`
	}
}

func (in *createAgent) draft() (agent.Agent, error) {
	b := &in.Body
	fields, err := b.AgentFieldsSent.patch()
	if err != nil {
		return agent.Agent{}, err
	}
	executes, bounds, err := b.executions()
	if err != nil {
		return agent.Agent{}, err
	}
	return agent.Agent{
		Execution: execution.Settings{Enabled: executes.Value, Bounds: bounds.Value},
		State: identity.State{
			ExpiresAt: end(b.ExpiresAt), TokenTTL: deref(b.TokenTTLSeconds), Scopes: b.Scopes, VaultIDs: b.VaultIDs,
			Intents: deref(b.IntentsAPIEnabled), Shroud: deref(b.ShroudEnabled), NoReveal: b.noReveal().Value,
		},
		Name: b.Name, Description: deref(b.Description), AuthMethod: deref(b.AuthMethod),
		Guardrails: intents.Guardrails{
			ToAllowlist: b.TxToAllowlist, AllowedChains: b.TxAllowedChains,
			MaxValueETH: deref(b.TxMaxValueETH), DailyLimitETH: deref(b.TxDailyLimitETH), Fields: fields.New(),
		},
		CertFingerprint: deref(b.ClientCertFingerprint), OIDCIssuer: deref(b.OIDCIssuer), OIDCClientID: deref(b.OIDCClientID),
		ShroudConfig: shroud.Config(b.ShroudConfig),
	}, nil
}

type updateAgent struct {
	agentPath
	Body struct {
		limitNames
		Name              sent[string]    `json:"name,omitempty"`
		Description       sent[string]    `json:"description,omitempty"`
		Scopes            sent[[]string]  `json:"scopes,omitempty" doc:"null lifts the cap."`
		IsActive          sent[bool]      `json:"is_active,omitempty"`
		ExpiresAt         sent[time.Time] `json:"expires_at,omitempty" doc:"null: never."`
		IntentsAPIEnabled sent[bool]      `json:"intents_api_enabled,omitempty"`
		TxToAllowlist     sent[[]string]  `json:"tx_to_allowlist,omitempty" doc:"null lifts the restriction."`
		TxMaxValueETH     sent[string]    `json:"tx_max_value_eth,omitempty" doc:"null lifts the limit."`
		TxDailyLimitETH   sent[string]    `json:"tx_daily_limit_eth,omitempty" doc:"null lifts the limit."`
		TxAllowedChains   sent[[]string]  `json:"tx_allowed_chains,omitempty" doc:"null lifts the restriction."`
		AgentFieldsSent
		TokenTTLSeconds sent[int64]      `json:"token_ttl_seconds,omitempty" doc:"null: the default, an hour."`
		VaultIDs        sent[[]string]   `json:"vault_ids,omitempty" doc:"null lifts the binding."`
		ShroudEnabled   sent[bool]       `json:"shroud_enabled,omitempty"`
		ShroudConfig    sent[jsonObject] `json:"shroud_config,omitempty" doc:"It takes the place of the whole one before: a field that is left out has its default. null: the defaults."`
		// The contract has no way to renew a certificate.
		ClientCertFingerprint sent[string] `json:"client_cert_fingerprint,omitempty" doc:"Another certificate; tokens of the one before end at once."`
	}
}

func (in *updateAgent) patch() (agent.Patch, error) {
	b := &in.Body
	if at := &b.ExpiresAt; at.Set && !at.Null {
		at.Value = end(&at.Value)
	}
	fields, err := b.AgentFieldsSent.patch()
	if err != nil {
		return agent.Patch{}, err
	}
	executes, bounds, err := b.executions()
	if err != nil {
		return agent.Patch{}, err
	}
	return agent.Patch{
		Name: b.Name.Field, Description: b.Description.Field, Scopes: b.Scopes.Field, VaultIDs: b.VaultIDs.Field,
		Active: b.IsActive.Field, Intents: b.IntentsAPIEnabled.Field, Shroud: b.ShroudEnabled.Field, NoReveal: b.noReveal(), Executes: executes, Bounds: bounds,
		ExpiresAt: b.ExpiresAt.Field, TokenTTL: b.TokenTTLSeconds.Field, CertFingerprint: b.ClientCertFingerprint.Field,
		Guardrails: intents.Patch{
			ToAllowlist: b.TxToAllowlist.Field, AllowedChains: b.TxAllowedChains.Field,
			MaxValueETH: b.TxMaxValueETH.Field, DailyLimitETH: b.TxDailyLimitETH.Field, FieldsPatch: fields,
		},
		ShroudConfig: patch.Field[shroud.Config]{Set: b.ShroudConfig.Set, Null: b.ShroudConfig.Null, Value: shroud.Config(b.ShroudConfig.Value)},
	}, nil
}

// sent tells a field that is absent from one that is null.
type sent[T any] struct{ patch.Field[T] }

// Schema implements huma.SchemaProvider.
func (sent[T]) Schema(r rest.Registry) *rest.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom.
func (p *sent[T]) UnmarshalJSONFrom(dec *jsontext.Decoder) error {
	p.Set, p.Null = true, dec.PeekKind() == 'n'
	return json.UnmarshalDecode(dec, &p.Value)
}

// present is nil for the zero value: an absent value on the wire.
func present[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func object(b []byte) *jsonObject {
	if b == nil {
		return nil
	}
	o := jsonObject(b)
	return &o
}
