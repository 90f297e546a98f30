package httpapi

import (
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
)

// AgentFields are what later versions of the contract have besides in an agent. They are
// there when they are set, and not for clients that refuse unknown fields. The name is
// exported for the schema: see SecretMeta.
type AgentFields struct {
	ApprovalPolicy *jsonObject      `json:"tx_approval_policy,omitempty"`
	MaxPerDay      *int64           `json:"tx_max_per_day,omitempty"`
	Messages       *bool            `json:"message_signing_enabled,omitempty"`
	Domains        []intents.Domain `json:"eip712_domain_allowlist,omitempty"`
	Reveal         *string          `json:"reveal,omitempty" enum:"allow,never" doc:"never: the agent uses secrets, and no route shows it a value. It is left out where it is allow."`
	Executes       *bool            `json:"execution_intents_enabled,omitempty" doc:"The agent may execute what its bindings allow. It is left out where it may not."`
	Bounds         *boundsBody      `json:"execution_guardrails,omitempty"`
}

// boundsBody are bounds of all executions of an agent.
type boundsBody struct {
	Hosts     []string `json:"allowed_hosts,omitempty"`
	Duration  int64    `json:"max_duration_ms,omitzero"`
	PerMinute int64    `json:"max_requests_per_minute,omitzero"`
}

func boundsOf(b *execution.Bounds) *boundsBody {
	if b.IsZero() {
		return nil
	}
	return &boundsBody{Hosts: b.Hosts, Duration: b.Duration, PerMinute: b.PerMinute}
}

func fieldsOf(f *intents.Fields) AgentFields {
	b := AgentFields{MaxPerDay: f.MaxPerDay, Messages: present(f.Texts), Domains: f.Domains}
	if text, err := json.Marshal(f.Approval); err == nil && !f.Approval.IsZero() {
		b.ApprovalPolicy = object(text)
	}
	return b
}

func reveal(a *agent.Agent) *string {
	if !a.NoReveal {
		return nil
	}
	return new("never")
}

// AgentFieldsSent are the same as they are sent. Objects in them are read by the domain,
// which refuses fields that it does not know.
type AgentFieldsSent struct {
	ApprovalPolicy sent[jsonObject]   `json:"tx_approval_policy,omitempty" doc:"When a human is asked: require_above_native by chain, require_for_new_recipients, require_for_unlimited_approvals, require_for_chains. null: never."`
	MaxPerDay      sent[int64]        `json:"tx_max_per_day,omitempty" doc:"Transactions in 24 hours. null lifts the limit."`
	Messages       sent[bool]         `json:"message_signing_enabled,omitempty" doc:"Texts (EIP-191) may be signed."`
	Domains        sent[[]jsonObject] `json:"eip712_domain_allowlist,omitempty" doc:"Typed data (EIP-712) of these may be signed: verifying_contract, and name, chain_id and primary_type where they must be the same."`
	Reveal         sent[revealWord]   `json:"reveal,omitempty" doc:"allow (the default), or never: the agent uses secrets, and no route shows it a value."`
	Executes       sent[bool]         `json:"execution_intents_enabled,omitempty" doc:"The agent may execute what its bindings allow."`
	Bounds         sent[jsonObject]   `json:"execution_guardrails,omitempty" doc:"They hold for all executions, beside those of each binding: allowed_hosts, max_duration_ms, max_requests_per_minute. null: none."`
}

// executions are the settings of executions as they were sent.
func (in *AgentFieldsSent) executions() (executes patch.Field[bool], bounds patch.Field[execution.Bounds], err error) {
	bounds = patch.Field[execution.Bounds]{Set: in.Bounds.Set, Null: in.Bounds.Null}
	if bounds.Set && !bounds.Null {
		bounds.Value, err = execution.ReadBounds(in.Bounds.Value)
	}
	return in.Executes.Field, bounds, err
}

// revealWord is allow or never.
type revealWord string

// Schema implements huma.SchemaProvider.
func (revealWord) Schema(rest.Registry) *rest.Schema {
	return &rest.Schema{Type: "string", Enum: []any{"allow", "never"}}
}

func (in *AgentFieldsSent) noReveal() patch.Field[bool] {
	return patch.Field[bool]{Set: in.Reveal.Set, Null: in.Reveal.Null, Value: in.Reveal.Value == "never"}
}

func (in *AgentFieldsSent) patch() (p intents.FieldsPatch, err error) {
	p.MaxPerDay, p.Texts = in.MaxPerDay.Field, in.Messages.Field
	p.Approval = patch.Field[intents.ApprovalPolicy]{Set: in.ApprovalPolicy.Set, Null: in.ApprovalPolicy.Null}
	if p.Approval.Set && !p.Approval.Null {
		if p.Approval.Value, err = intents.ReadApproval(in.ApprovalPolicy.Value); err != nil {
			return p, err
		}
	}
	texts := make([][]byte, len(in.Domains.Value))
	for i, d := range in.Domains.Value {
		texts[i] = d
	}
	p.Domains = patch.Field[[]intents.Domain]{Set: in.Domains.Set, Null: in.Domains.Null}
	p.Domains.Value, err = intents.ReadDomains(texts)
	return p, err
}
