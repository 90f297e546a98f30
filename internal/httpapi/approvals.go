package httpapi

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// approvalBody is an item of the contract's section "Approvals", with what the
// decision is about and how far it reaches.
type approvalBody struct {
	ID             string     `json:"id" format:"uuid"`
	VaultID        string     `json:"vault_id" format:"uuid"`
	SecretPath     string     `json:"secret_path"`
	Operation      string     `json:"operation" enum:"read,use,write,delete"`
	RequesterID    string     `json:"requester_id" format:"uuid"`
	RequesterType  string     `json:"requester_type" enum:"user,agent"`
	PolicyID       *string    `json:"policy_id" nullable:"true" format:"uuid" doc:"The policy that asks for the approval; null when none does."`
	Reason         *string    `json:"reason" nullable:"true" doc:"In the requester's words; of a signature, what would be signed, in the server's."`
	Status         string     `json:"status" enum:"pending,approved,denied,expired,withdrawn,ended" doc:"ended: what it rests on has changed or gone (the policy, the credentials of who asked, the right of who decided)."`
	ValidSeconds   int64      `json:"valid_seconds" doc:"How long an approval can be used."`
	MaxUses        int        `json:"max_uses"`
	UsesLeft       int        `json:"uses_left"`
	CreatedAt      time.Time  `json:"created_at"`
	ExpiresAt      time.Time  `json:"expires_at" doc:"Until when it can be decided; once approved, used."`
	DecidedBy      *string    `json:"decided_by" nullable:"true" format:"uuid"`
	DecidedAt      *time.Time `json:"decided_at" nullable:"true"`
	DecisionReason *string    `json:"decision_reason" nullable:"true"`
	WithdrawnBy    *string    `json:"withdrawn_by" nullable:"true" format:"uuid"`
	WithdrawnAt    *time.Time `json:"withdrawn_at" nullable:"true"`

	// What newer clients read, besides.
	OrgID      string          `json:"org_id" format:"uuid"`
	UserID     string          `json:"user_id" format:"uuid" doc:"The human behind the requester: its creator, or the user itself."`
	AgentID    *string         `json:"agent_id" nullable:"true" format:"uuid"`
	Action     string          `json:"action" enum:"secret.read,secret.use,secret.write,secret.delete"`
	TargetType string          `json:"target_type" enum:"secret"`
	TargetID   string          `json:"target_id" doc:"The vault's id and the path: VAULT_ID/PATH."`
	RiskTier   string          `json:"risk_tier" enum:"medium,high" doc:"By the operation: medium to read or use, high to write or delete."`
	Summary    approvalSummary `json:"summary"`
}

// approvalSummary says what is asked for, as the server knows it.
type approvalSummary struct {
	VaultID    string `json:"vault_id" format:"uuid"`
	SecretPath string `json:"secret_path"`
	Operation  string `json:"operation" enum:"read,use,write,delete"`
}

func approvalOf(r *approval.Request, now time.Time) approvalBody {
	op, agent, risk := string(r.Operation), "", "high"
	if r.Kind == policy.KindAgent {
		agent = r.Principal
	}
	if r.Operation == approval.Read || r.Operation == approval.Work {
		risk = "medium"
	}
	return approvalBody{
		ID: r.ID, VaultID: r.Vault, SecretPath: r.Path, Operation: string(r.Operation), RequesterID: r.Principal,
		RequesterType: string(r.Kind), PolicyID: present(r.Policy.ID), Reason: present(r.Reason), Status: string(r.At(now)),
		ValidSeconds: int64(r.ValidFor / time.Second), MaxUses: r.MaxUses, UsesLeft: r.UsesLeft, CreatedAt: r.CreatedAt,
		ExpiresAt: r.ExpiresAt, DecidedBy: present(r.DecidedBy), DecidedAt: pointer(r.DecidedAt), DecisionReason: present(r.DecisionReason),
		WithdrawnBy: present(r.WithdrawnBy), WithdrawnAt: pointer(r.WithdrawnAt),
		OrgID: r.Org, UserID: r.Human, AgentID: present(agent), Action: "secret." + op, TargetType: "secret",
		TargetID: r.Vault + "/" + r.Path, RiskTier: risk, Summary: approvalSummary{r.Vault, r.Path, op},
	}
}

type listApprovals struct {
	Status string `query:"status" enum:"pending,approved,denied,rejected,expired,withdrawn,ended" doc:"rejected is another name for denied."`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"200"`
	Offset int    `query:"offset" minimum:"0" maximum:"2000" default:"0"`
}

func (in *listApprovals) status() approval.Status {
	if in.Status == "rejected" {
		return approval.Denied
	}
	return approval.Status(in.Status)
}

type approvalPath struct {
	ApprovalID string `path:"approval_id"`
}

type decideApproval struct {
	approvalPath
	Body struct {
		Reason *string `json:"reason,omitempty" nullable:"true" maxLength:"500"`
	}
}

type eitherDecision struct {
	approvalPath
	Body struct {
		Decision string  `json:"decision" enum:"approve,reject,approved,rejected,denied"`
		Reason   *string `json:"reason,omitempty" nullable:"true" maxLength:"500"`
	}
}

type approvalList struct {
	Approvals []approvalBody `json:"approvals"`
}

func (a *API) registerApprovals() {
	const all, one = "/v1/approvals", "/v1/approvals/{approval_id}"
	for path, id := range map[string]string{all: "request-approval", all + "/request": "request-approval-alias"} {
		handle(a, op{
			method: http.MethodPost, path: path, id: id, tag: "Approvals", status: http.StatusCreated,
			summary: "Ask a human to approve a use of a secret", action: policy.RequestApproval,
		}, a.requestApproval)
	}
	handle(a, op{
		method: http.MethodGet, path: all, id: "list-approvals", tag: "Approvals",
		summary: "List what you asked for or may decide, newest first", action: policy.ListApprovals,
	}, func(ctx context.Context, c *call.Call, in *listApprovals) (*body[approvalList], error) {
		found, err := a.approvals.List(ctx, c, in.status(), in.Limit, in.Offset)
		out := approvalList{}
		for i := range found {
			out.Approvals = append(out.Approvals, approvalOf(&found[i], c.Now))
		}
		return answer(out, err)
	})
	handle(a, op{
		method: http.MethodGet, path: one, id: "get-approval", tag: "Approvals",
		summary: "One request: whether it was decided", action: policy.ReadApproval,
	}, func(ctx context.Context, c *call.Call, in *approvalPath) (*body[approvalBody], error) {
		r, err := a.approvals.Get(ctx, c, in.ApprovalID)
		return answer(approvalOf(&r, c.Now), err)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/approve", id: "approve-approval", tag: "Approvals", bodyOptional: true,
		summary: "Approve a request", action: policy.GrantApproval, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *decideApproval) (*body[approvalBody], error) {
		return a.decideApproval(ctx, c, in.ApprovalID, true, in.Body.Reason)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/deny", id: "deny-approval", tag: "Approvals", bodyOptional: true,
		summary: "Deny a request", action: policy.DenyApproval, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *decideApproval) (*body[approvalBody], error) {
		return a.decideApproval(ctx, c, in.ApprovalID, false, in.Body.Reason)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/decide", id: "decide-approval", tag: "Approvals",
		summary: "Approve or deny a request", action: policy.GrantApproval, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *eitherDecision) (*body[approvalBody], error) {
		return a.decideApproval(ctx, c, in.ApprovalID, strings.HasPrefix(in.Body.Decision, "approve"), in.Body.Reason)
	})
	handle(a, op{
		method: http.MethodPost, path: one + "/withdraw", id: "withdraw-approval", tag: "Approvals",
		summary: "Take a request back, or what is left of an approval", action: policy.WithdrawApproval, errors: []int{http.StatusConflict},
	}, func(ctx context.Context, c *call.Call, in *approvalPath) (*body[approvalBody], error) {
		r, err := a.approvals.Withdraw(ctx, c, in.ApprovalID)
		return answer(approvalOf(&r, c.Now), err)
	})
	a.registerApprovalWebhook()
}

func (a *API) decideApproval(ctx context.Context, c *call.Call, id string, approve bool, reason *string) (*body[approvalBody], error) {
	if err := approval.CheckReason(deref(reason)); err != nil {
		return nil, err
	}
	r, err := a.approvals.Decide(ctx, c, id, approve, deref(reason))
	return answer(approvalOf(&r, c.Now), err)
}

type webhookBody struct {
	ID        string     `json:"id" format:"uuid"`
	URL       string     `json:"url"`
	CreatedBy string     `json:"created_by" format:"uuid"`
	CreatedAt time.Time  `json:"created_at"`
	PausedAt  *time.Time `json:"paused_at" nullable:"true" doc:"Since when it is not called: the database was put back from a backup, and the original may call the same address. Set it again to have it called."`
	LastCall
}

// newWebhook is webhookBody with the secret.
type newWebhook struct {
	ID        string      `json:"id" format:"uuid"`
	URL       string      `json:"url"`
	Secret    secretValue `json:"secret" doc:"What calls are signed with. It is shown this once."`
	CreatedBy string      `json:"created_by" format:"uuid"`
	CreatedAt time.Time   `json:"created_at"`
}

type webhookRequest struct {
	Body struct {
		URL string `json:"url" maxLength:"2048" doc:"An https address."`
	}
}

func webhookOf(w approval.Webhook) webhookBody {
	return webhookBody{ID: w.ID, URL: w.URL, CreatedBy: w.CreatedBy, CreatedAt: w.CreatedAt, PausedAt: pointer(w.PausedAt), LastCall: lastCallOf(w.Last)}
}

func (w *newWebhook) AppendJSON(b []byte) []byte {
	b = appendQuoted(append(b, `{"id":`...), w.ID)
	b = appendQuoted(append(b, `,"url":`...), w.URL)
	b = appendQuoted(append(b, `,"secret":`...), w.Secret.Reveal())
	w.Secret.Wipe()
	b = appendQuoted(append(b, `,"created_by":`...), w.CreatedBy)
	b = append(b, `,"created_at":"`...)
	return append(w.CreatedAt.AppendFormat(b, time.RFC3339Nano), '"', '}')
}

func (a *API) registerApprovalWebhook() {
	const path = "/v1/org/approval-webhook"
	handle(a, op{
		method: http.MethodPut, path: path, id: "set-approval-webhook", tag: "Approvals",
		summary: "Have an address called, signed, for each new approval request", action: policy.UpdateWebhook,
	}, func(ctx context.Context, c *call.Call, in *webhookRequest) (*body[*newWebhook], error) {
		w, key, err := a.approvals.SetWebhook(ctx, c, in.Body.URL)
		return answer(&newWebhook{ID: w.ID, URL: w.URL, Secret: secretValue{key}, CreatedBy: w.CreatedBy, CreatedAt: w.CreatedAt}, err)
	})
	handle(a, op{
		method: http.MethodGet, path: path, id: "get-approval-webhook", tag: "Approvals",
		summary: "The address that is called for new approval requests", action: policy.ReadWebhook,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*body[webhookBody], error) {
		w, err := a.approvals.Webhook(ctx, c)
		return answer(webhookOf(w), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: path, id: "delete-approval-webhook", tag: "Approvals",
		summary: "Stop the calls", action: policy.UpdateWebhook,
	}, func(ctx context.Context, c *call.Call, _ *struct{}) (*empty, error) {
		return &empty{}, a.approvals.RemoveWebhook(ctx, c)
	})
}
