package httpapi

import (
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/patch"
)

// AgentFields are what later versions of the contract have besides in an agent. They are
// there when they are set, and not for clients that refuse unknown fields. The name is
// exported for the schema: see SecretMeta.
type AgentFields struct {
	ApprovalPolicy *jsonObject      `json:"tx_approval_policy,omitempty"`
	MaxPerDay      *int64           `json:"tx_max_per_day,omitempty"`
	Messages       *bool            `json:"message_signing_enabled,omitempty"`
	Domains        []intents.Domain `json:"eip712_domain_allowlist,omitempty"`
}

func fieldsOf(f *intents.Fields) AgentFields {
	b := AgentFields{MaxPerDay: f.MaxPerDay, Messages: present(f.Texts), Domains: f.Domains}
	if text, err := json.Marshal(f.Approval); err == nil && !f.Approval.IsZero() {
		b.ApprovalPolicy = object(text)
	}
	return b
}

// AgentFieldsSent are the same as they are sent. Objects in them are read by the domain,
// which refuses fields that it does not know.
type AgentFieldsSent struct {
	ApprovalPolicy sent[jsonObject]   `json:"tx_approval_policy,omitempty" doc:"When a human is asked: require_above_native by chain, require_for_new_recipients, require_for_unlimited_approvals, require_for_chains. null: never."`
	MaxPerDay      sent[int64]        `json:"tx_max_per_day,omitempty" doc:"Transactions in 24 hours. null lifts the limit."`
	Messages       sent[bool]         `json:"message_signing_enabled,omitempty" doc:"Texts (EIP-191) may be signed."`
	Domains        sent[[]jsonObject] `json:"eip712_domain_allowlist,omitempty" doc:"Typed data (EIP-712) of these may be signed: verifying_contract, and name, chain_id and primary_type where they must be the same."`
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
