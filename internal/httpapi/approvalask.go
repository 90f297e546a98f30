package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

// askApproval names a use of a secret, in the words of the contract's section "Approvals"
// or in those of newer clients: an action and its target.
type askApproval struct {
	Body struct {
		VaultID    *string `json:"vault_id,omitempty" nullable:"true" minLength:"36" maxLength:"36"`
		SecretPath *string `json:"secret_path,omitempty" nullable:"true"`
		Operation  *string `json:"operation,omitempty" nullable:"true" enum:"read,use,write,delete" doc:"read when absent. use is of a use in which the value is not shown; neither counts for the other."`
		Reason     *string `json:"reason,omitempty" nullable:"true" maxLength:"500" doc:"Why, for who decides. One line."`

		Action     *string    `json:"action,omitempty" nullable:"true" enum:"secret.read,secret.use,secret.write,secret.rotate,secret.delete,read,use,write,delete" doc:"Newer clients' word for operation, with target_type and target_id in place of vault_id and secret_path."`
		TargetType *string    `json:"target_type,omitempty" nullable:"true" enum:"secret"`
		TargetID   *string    `json:"target_id,omitempty" nullable:"true" maxLength:"600" doc:"VAULT_ID/PATH; or the path alone, with the vault's id as vault_id in summary."`
		Summary    jsonObject `json:"summary,omitempty" doc:"Not kept but for vault_id: who decides is shown what the server knows."`
		RiskTier   *string    `json:"risk_tier,omitempty" nullable:"true" maxLength:"32" doc:"Not kept: it follows from the operation."`
	}
}

// approvalAnswer is 201, or 202 for newer clients.
type approvalAnswer struct {
	Status int
	Body   approvalBody
}

var (
	errAskedTwice = fault.New(fault.Invalid, "invalid_request",
		"Send vault_id, secret_path and operation, or action, target_type and target_id: not both.")
	errAskedNothing = fault.New(fault.Invalid, "invalid_request",
		"Say what is to be approved: vault_id and secret_path, or action, target_type (secret) and target_id (VAULT_ID/PATH).")
)

// use is what is asked for, and whether in the words of newer clients.
func (in *askApproval) use() (vaultID, path string, op approval.Operation, newer bool, err error) {
	b := &in.Body
	newer = b.Action != nil || b.TargetType != nil || b.TargetID != nil
	older := b.VaultID != nil || b.SecretPath != nil || b.Operation != nil
	switch {
	case newer && older:
		return "", "", "", newer, errAskedTwice
	case !newer && (b.VaultID == nil || b.SecretPath == nil), newer && (b.Action == nil || b.TargetType == nil || b.TargetID == nil):
		return "", "", "", newer, errAskedNothing
	case !newer:
		op = approval.Read
		if b.Operation != nil {
			op = approval.Operation(*b.Operation)
		}
		return *b.VaultID, *b.SecretPath, op, false, nil
	}
	switch strings.TrimPrefix(*b.Action, "secret.") {
	case "write", "rotate":
		op = approval.Write
	case "delete":
		op = approval.Delete
	case "use":
		op = approval.Work
	default:
		op = approval.Read
	}
	if id, rest, _ := strings.Cut(*b.TargetID, "/"); ids.Exact(id) {
		return id, rest, op, true, nil
	}
	id, named := text(b.Summary, "vault_id")
	if !named {
		return "", "", "", true, errAskedNothing
	}
	return id, *b.TargetID, op, true, nil
}

func (a *API) requestApproval(ctx context.Context, c *call.Call, in *askApproval) (*approvalAnswer, error) {
	vaultID, path, op, newer, err := in.use()
	if err != nil {
		return nil, err
	}
	if !ids.Exact(vaultID) {
		return nil, fault.New(fault.NotFound, "vault_not_found", "There is no vault with this id.")
	}
	p, err := secretpath.Parse(path)
	if err != nil {
		return nil, err
	}
	r, err := a.vault.AskApproval(ctx, c, vaultID, p, op, deref(in.Body.Reason))
	if err != nil {
		return nil, err
	}
	status := http.StatusCreated
	if newer {
		status = http.StatusAccepted
	}
	return &approvalAnswer{status, approvalOf(&r, c.Now)}, nil
}

// text is a field of an object that holds a text.
func text(o jsonObject, field string) (string, bool) {
	var fields map[string]any
	if len(o) == 0 || json.Unmarshal(o, &fields) != nil {
		return "", false
	}
	s, ok := fields[field].(string)
	return s, ok
}
