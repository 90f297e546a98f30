package policy_test

// The reference: the rules once more, written from their prose, with plain loops
// over plain data and none of the package's code. It is slow and obvious.

import (
	"net"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
)

// refPolicy is a policy before compilation.
type refPolicy struct {
	id, vault, pattern string
	kind               policy.PrincipalKind
	principal          string
	words              []string
	nets               []string
	after, before      string // both or none
	zone               string
	expires            time.Time
	revision           int64
	approval           string // JSON of require_approval, or nothing
}

// naiveValid is the pattern rule read literally.
func naiveValid(s string) bool {
	if len(s) > 512 || strings.Count(s, "*") > 16 {
		return false
	}
	for _, r := range s {
		if !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-/*", r) {
			return false
		}
	}
	for _, seg := range strings.Split(s, "/") {
		if seg == "" || strings.Contains(seg, "**") && seg != "**" {
			return false
		}
	}
	return true
}

func naiveMatch(pattern, path string) bool {
	return naiveSegments(strings.Split(pattern, "/"), strings.Split(path, "/"))
}

func naiveSegments(pattern, path []string) bool {
	if len(pattern) == 0 {
		return len(path) == 0
	}
	if pattern[0] == "**" {
		return naiveSegments(pattern[1:], path) || len(path) > 0 && naiveSegments(pattern, path[1:])
	}
	return len(path) > 0 && naiveSegment(pattern[0], path[0]) && naiveSegments(pattern[1:], path[1:])
}

func naiveSegment(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	if pattern[0] == '*' {
		return naiveSegment(pattern[1:], name) || name != "" && naiveSegment(pattern, name[1:])
	}
	return name != "" && pattern[0] == name[0] && naiveSegment(pattern[1:], name[1:])
}

// personal are the actions that take a person.
var personal = []policy.Action{
	policy.EnableMFA, policy.DisableMFA, policy.AddPasskey, policy.RemovePasskey, policy.ApproveDevice, policy.DenyDevice, policy.DeleteUser, policy.DeleteAnyUser,
	policy.AcceptInvitation, policy.GrantApproval, policy.DenyApproval, policy.UnfreezeOrg, policy.UnfreezeAgent, policy.DeleteSigningKey,
	policy.ReadFlagged, policy.RestartChain,
}

// refOfAgent are the actions of transactions, router keys and bindings, which an agent does for itself and its managers
// for it.
var refOfAgent = []policy.Action{
	policy.SubmitTransaction, policy.SignTransaction, policy.ReplaceTransaction, policy.SimulateTransaction, policy.ListTransactions,
	policy.ReadTransaction, policy.SignMessage, policy.ReadGuard, policy.UpdateGuard, policy.CreateSigningKey, policy.ListSigningKeys,
	policy.RotateSigningKey, policy.DeleteSigningKey, policy.ReadBalance,
	policy.CreateRouterKey, policy.ListRouterKeys, policy.RevokeRouterKey,
	policy.CreateAgentBinding, policy.ListAgentBindings, policy.ReadAgentBinding, policy.UpdateAgentBinding, policy.DeleteAgentBinding,
	policy.TestAgentBinding, policy.RotateAgentCredential, policy.ListExecutions,
}

// refSetsBindings are what humans alone do to the bindings of agents.
var refSetsBindings = []policy.Action{
	policy.CreateAgentBinding, policy.UpdateAgentBinding, policy.DeleteAgentBinding, policy.TestAgentBinding, policy.RotateAgentCredential,
}

// refDecide says who may do what in the order of the rules.
func refDecide(p policy.Principal, a policy.Action, r policy.Resource, rows []refPolicy, at policy.Moment) policy.Decision {
	is := func(actions ...policy.Action) bool { return slices.Contains(actions, a) }
	no := func(why policy.Reason) policy.Decision { return policy.Decision{Reason: why} }

	if is(policy.Login, policy.Signup, policy.VerifyEmail, policy.ReadSigningKey, policy.StartDevice, policy.AskPasskey,
		policy.ReadDevice, policy.EnrollAgent, policy.ReadHealth, policy.ReadOpenAPI, policy.ForgotPassword,
		policy.ResetPassword, policy.AccessShare, policy.BillingEvent, policy.ListChains, policy.ReadAttestation) {
		return policy.Decision{Allow: true, Reason: "public"}
	}
	if !slices.Contains(policy.Actions(), a) {
		return no("unknown_action")
	}
	if p.ID == "" || p.Kind != "user" && p.Kind != "agent" {
		return no("unauthenticated")
	}

	// Organisation.
	if p.Org == "" || p.Org != r.Org || r.Vault != nil && r.Vault.Org != p.Org || r.Agent != nil && r.Agent.Org != p.Org {
		return no("other_org")
	}

	// Kind of caller.
	platform := is(policy.ReadSettings, policy.UpdateSettings, policy.ListAllUsers, policy.DeleteAnyUser,
		policy.ReadLimits, policy.UpdateLimits, policy.ManageChains, policy.RestartChain, policy.ListAllChains, policy.CheckChain)
	if p.Kind == "agent" && (platform || is(policy.ReadEnrollment, policy.AcceptEnrollment, policy.RejectEnrollment,
		policy.SwitchOrg, policy.AcceptInvitation, policy.GrantApproval, policy.DenyApproval, policy.InviteMember,
		policy.ListInvitations, policy.RevokeInvitation,
		policy.UpdateMember, policy.RemoveMember, policy.ListIPRules, policy.CreateIPRule, policy.DeleteIPRule,
		policy.UpdateBilling, policy.UpdateVault, policy.RekeyVault, policy.ReadRekey, policy.ReadWebhook, policy.UpdateWebhook, policy.ReadFlagged,
		policy.CreateHook, policy.ListHooks, policy.ReadHook, policy.UpdateHook, policy.DeleteHook, policy.SetBindings, policy.CancelWithSecret,
		policy.FreezeOrg, policy.UnfreezeOrg, policy.ReadFreeze, policy.FreezeAgent, policy.UnfreezeAgent, policy.UpdateGuard,
		policy.CreateSigningKey, policy.RotateSigningKey, policy.DeleteSigningKey,
		policy.CreateRouterKey, policy.ListRouterKeys, policy.RevokeRouterKey, policy.FillSecretRequest, policy.DeclineSecretRequest) || is(refSetsBindings...)) {
		return no("kind_required")
	}
	if p.Kind == "agent" && is(policy.ReadMFA, policy.AddPasskey, policy.ListPasskeys, policy.RenamePasskey, policy.RemovePasskey, policy.ListSessions, policy.EndSession, policy.ReadUser, policy.ListAgents, policy.ChangePassword,
		policy.EnableMFA, policy.DisableMFA, policy.ApproveDevice, policy.DenyDevice, policy.UpdateUser,
		policy.DeleteUser, policy.CreateAPIKey, policy.ListAPIKeys, policy.DeleteAPIKey, policy.RegisterAgent,
		policy.EnableCMEK, policy.DisableCMEK, policy.RotateCMEK, policy.ReadCMEK, policy.UpdateAgent,
		policy.DeactivateAgent, policy.RotateAgentIdentityKeys, policy.IssueAgentToken, policy.VerifyAudit) {
		return no("kind_required")
	}
	if p.Kind == "user" && is(policy.ReadAgentSelf, policy.CallModel, policy.ListModels, policy.Execute,
		policy.RequestSecret, policy.WithdrawSecretRequest) {
		return no("kind_required")
	}

	if p.Frozen && !is(policy.ReadAgentSelf, policy.Logout) {
		return no("frozen")
	}

	// What the action is done to.
	onPath := is(policy.ReadSecret, policy.UseSecret, policy.WriteSecret, policy.RotateSecret, policy.DeleteSecret,
		policy.DescribeSecret, policy.ListVersions, policy.ReadSecretVersion, policy.RestoreSecret, policy.PurgeSecret,
		policy.DisableVersion, policy.WhoCan, policy.CreateShare, policy.ReadBindings, policy.SetBindings, policy.CancelWithSecret,
		policy.FillSecretRequest, policy.DeclineSecretRequest)
	onVault := onPath || is(policy.ReadVault, policy.UpdateVault, policy.DeleteVault, policy.EnableCMEK, policy.DisableCMEK,
		policy.RotateCMEK, policy.ReadCMEK, policy.ListSecrets, policy.CreatePolicy, policy.ListPolicies,
		policy.UpdatePolicy, policy.DeletePolicy, policy.RekeyVault, policy.ReadRekey)
	onAgent := is(policy.ReadAgent, policy.ReadAccess, policy.UpdateAgent, policy.DeactivateAgent, policy.RotateAgentKey,
		policy.RotateAgentIdentityKeys, policy.IssueAgentToken, policy.FreezeAgent, policy.UnfreezeAgent, policy.Execute) || is(refOfAgent...)
	path := r.Path.String()
	if onVault && (r.Vault == nil || r.Vault.ID == "") || onPath && path == "" || onAgent && (r.Agent == nil || r.Agent.ID == "") {
		return no("missing_resource")
	}

	// A key that calls models and does nothing else.
	if p.Router && !is(policy.CallModel, policy.ListModels, policy.ReadAgentSelf) &&
		!(is(policy.UseSecret) && regexp.MustCompile("^providers/[^/]+/api-key$").MatchString(path)) {
		return no("router_key")
	}

	// Vault binding.
	if r.Vault != nil && len(p.Vaults) > 0 && !slices.Contains(p.Vaults, r.Vault.ID) || is(policy.CreateVault) && len(p.Vaults) > 0 {
		return no("outside_vault_binding")
	}

	// Scopes.
	writes := is(policy.ChangePassword, policy.EnableMFA, policy.DisableMFA, policy.AddPasskey, policy.RenamePasskey, policy.RemovePasskey, policy.ApproveDevice,
		policy.DenyDevice, policy.UpdateUser, policy.DeleteUser, policy.CreateAPIKey, policy.DeleteAPIKey,
		policy.CreateVault, policy.UpdateVault, policy.DeleteVault, policy.EnableCMEK, policy.DisableCMEK, policy.RotateCMEK,
		policy.WriteSecret, policy.RotateSecret, policy.DeleteSecret, policy.RestoreSecret, policy.PurgeSecret, policy.DisableVersion,
		policy.CreatePolicy, policy.UpdatePolicy, policy.DeletePolicy, policy.RegisterAgent, policy.UpdateAgent,
		policy.DeactivateAgent, policy.RotateAgentKey, policy.RotateAgentIdentityKeys, policy.IssueAgentToken,
		policy.SwitchOrg, policy.AcceptInvitation, policy.AcceptEnrollment, policy.RejectEnrollment,
		policy.GrantApproval, policy.DenyApproval, policy.RequestApproval, policy.WithdrawApproval, policy.CreateShare, policy.AcceptShare,
		policy.DeclineShare, policy.RevokeShare, policy.InviteMember, policy.RevokeInvitation, policy.UpdateMember, policy.RemoveMember,
		policy.CreateIPRule, policy.DeleteIPRule, policy.UpdateBilling, policy.UpdateSettings, policy.DeleteAnyUser,
		policy.UpdateLimits, policy.ManageChains, policy.RestartChain, policy.RekeyVault, policy.UpdateWebhook, policy.CreateHook, policy.UpdateHook, policy.DeleteHook,
		policy.FreezeOrg, policy.UnfreezeOrg, policy.FreezeAgent, policy.UnfreezeAgent, policy.UpdateGuard, policy.SubmitTransaction,
		policy.SignTransaction, policy.ReplaceTransaction, policy.SignMessage, policy.CreateSigningKey, policy.RotateSigningKey, policy.DeleteSigningKey,
		policy.CreateRouterKey, policy.RevokeRouterKey, policy.SetBindings, policy.SendRequest, policy.Execute,
		policy.RequestSecret, policy.WithdrawSecretRequest, policy.FillSecretRequest, policy.DeclineSecretRequest) || is(refSetsBindings...)
	words, named, readsSecrets, caps := 0, is(policy.Logout, policy.ReadUser), false, []string{}
	for _, s := range p.Scopes {
		if s == "*" || strings.ContainsAny(s, ":.") && !strings.Contains(s, "/") {
			words++
			if s == "*" {
				named, readsSecrets = true, true
				continue
			}
			parts := regexp.MustCompile("[:.]").Split(s, 2)
			of := refAreas[parts[0]]
			fits := parts[1] == "*" || parts[1] == "read" && !writes || parts[1] == "write" && writes
			named = named || fits && slices.ContainsFunc(of, func(p string) bool { return strings.HasPrefix(string(a), p+".") }) ||
				slices.Equal(of, []string{"secret"}) && is(policy.ListVaults, policy.ReadVault) && slices.Contains([]string{"*", "read", "write"}, parts[1])
			readsSecrets = readsSecrets || slices.Contains(of, "secret") && slices.Contains([]string{"*", "read"}, parts[1])
			continue
		}
		caps = append(caps, s)
	}
	if p.Kind == "user" && words > 0 && (!named || is(policy.CreateShare, policy.ReadSecretVersion) && !readsSecrets) {
		return no("outside_scope")
	}
	capped := len(caps) > 0 && !slices.Contains(caps, "**")
	if capped {
		inside := false
		for _, c := range caps {
			inside = inside || path != "" && naiveValid(c) && naiveMatch(c, path)
		}
		switch {
		case onPath && !inside:
			return no("outside_scope")
		case is(policy.VerifyAudit, policy.ReadFlagged) || platform:
			return no("outside_scope")
		case !onPath && writes && (p.Kind == "user" || onVault):
			return no("outside_scope")
		}
	}

	// A vault of the server's own.
	if onVault && r.Vault.Reserved {
		looks := is(policy.ReadVault, policy.ListPolicies, policy.ReadCMEK, policy.RekeyVault, policy.ReadRekey, policy.ReadSecret, policy.UseSecret,
			policy.ReadSecretVersion, policy.DescribeSecret, policy.ListVersions, policy.ListSecrets)
		own := is(policy.ReadSecret, policy.UseSecret, policy.ReadSecretVersion) && p.Kind == "agent" && strings.HasPrefix(path, "agents/"+p.ID+"/")
		switch {
		case !looks || !refManager(p) && !own, r.Vault.Closed && is(policy.ReadSecret, policy.UseSecret, policy.ReadSecretVersion):
			return no("reserved_vault")
		case own && is(policy.ReadSecretVersion):
			return no("role_required")
		case own && p.IntentsAPI && !is(policy.UseSecret) && (r.SecretType == "private_key" || r.SecretType == "ssh_key"):
			return no("intents_key_type")
		case own && p.NoReveal && !is(policy.UseSecret):
			return no("no_reveal")
		case refForbids(r, p, at):
			return policy.Decision{Reason: "beyond_bounds", Refusal: errBeyond}
		case own:
			return policy.Decision{Allow: true, Reason: "self"}
		}
		return policy.Decision{Allow: true, Reason: "role", Partial: is(policy.ListSecrets, policy.ListPolicies) && capped}
	}

	// Live policies, then creator, then role.
	d := refGrant(p, a, r, rows, path, at)
	if d.Reason == "no_policy" && p.Kind == "agent" && p.NoReveal && is(policy.ReadSecret, policy.ReadSecretVersion, policy.CreateShare) {
		return no("no_reveal") // it is told how to use, also without a grant
	}
	if !d.Allow {
		return d
	}
	manager := refManager(p) || onVault && refCreator(p, r.Vault)
	if is(policy.ReadSecretVersion) && !manager {
		return no("role_required")
	}
	if is(policy.ReadSecret, policy.ReadSecretVersion, policy.CreateShare) && p.Kind == "agent" && p.IntentsAPI &&
		(r.SecretType == "private_key" || r.SecretType == "ssh_key") {
		return no("intents_key_type")
	}
	if is(policy.ReadSecret, policy.ReadSecretVersion, policy.CreateShare) && p.Kind == "agent" && p.NoReveal {
		return no("no_reveal")
	}
	if (is(personal...) || refHeld(p, a, r, rows, path)) && (p.Person.IsZero() || p.Key != "" || p.Device ||
		at.Now.Before(p.Person.Add(-5*time.Second)) || !at.Now.Before(p.Person.Add(10*time.Minute))) {
		return no("person_required")
	}
	if refForbids(r, p, at) {
		return policy.Decision{Reason: "beyond_bounds", Refusal: errBeyond}
	}
	switch {
	case is(policy.ListAPIKeys, policy.DeleteAPIKey):
		d.Partial = true
	case is(policy.ListSecrets, policy.ListPolicies):
		d.Partial = capped || !manager
	case is(policy.ListVaults, policy.ReadAudit, policy.ReadActivity):
		d.Partial = capped || !refManager(p) || len(p.Vaults) > 0
	case is(policy.ListShares, policy.ListApprovals, policy.ReadApproval, policy.ListSecretRequests, policy.ReadSecretRequest):
		d.Partial = true
	}
	return d
}

// bounds is a constraint of a part of the product that policy does not know.
type bounds struct {
	who  string // of the one that it refuses
	hour int    // from which it does
}

var errBeyond = fault.New(fault.Denied, "bounds_exceeded", "This is beyond the bounds.").Because("beyond_bounds")

func (b bounds) Refuses(p policy.Principal, at policy.Moment) error {
	if p.ID == b.who && at.Now.Hour() >= b.hour {
		return errBeyond
	}
	return nil
}

// refForbids says whether the constraint of a resource, if it has one, refuses.
func refForbids(r policy.Resource, p policy.Principal, at policy.Moment) bool {
	b, ok := r.Constraint.(bounds)
	return ok && p.ID == b.who && at.Now.Hour() >= b.hour
}

// refAreas are the words' first halves, and the beginnings of the actions that each names.
var refAreas = map[string][]string{
	"secret": {"secret"}, "secrets": {"secret"}, "vault": {"vault", "secret"}, "vaults": {"vault", "secret"},
	"policy": {"policy"}, "policies": {"policy"}, "agent": {"agent"}, "agents": {"agent"}, "share": {"share"}, "shares": {"share"},
	"approval": {"approval"}, "approvals": {"approval"}, "org": {"org"}, "member": {"org"}, "members": {"org"},
	"api_key": {"api_key"}, "api_keys": {"api_key"}, "ip_rule": {"ip_rule"}, "ip_rules": {"ip_rule"}, "user": {"user"}, "users": {"user"},
	"chain": {"chain"}, "chains": {"chain"}, "audit": {"audit"}, "auth": {"auth"}, "billing": {"billing"}, "admin": {"admin"},
	"tx": {"transaction"}, "transaction": {"transaction"}, "transactions": {"transaction"}, "signing_key": {"signing_key"}, "signing_keys": {"signing_key"},
	"model": {"model"}, "models": {"model"}, "router_key": {"router_key"}, "router_keys": {"router_key"},
}

func refManager(p policy.Principal) bool {
	return p.Kind == "user" && (p.Role == "owner" || p.Role == "admin")
}

func refCreator(p policy.Principal, v *policy.Vault) bool {
	if v.CreatedBy == p.ID && v.CreatedByKind == p.Kind {
		return true
	}
	return p.Kind == "user" && v.CreatedByKind == "agent" && v.CreatorHuman == p.ID
}

// refHeld says whether a policy asks somebody for approvals of what an action would
// destroy, or bring back, round it.
func refHeld(p policy.Principal, a policy.Action, r policy.Resource, rows []refPolicy, path string) bool {
	held := map[policy.Action][]string{policy.DeleteVault: {"write", "delete"}, policy.PurgeSecret: {"write", "delete"}, policy.DisableVersion: {"write", "delete"}, policy.RestoreSecret: {"write"}, policy.SetBindings: {"read"}}[a]
	for _, row := range rows {
		for _, w := range row.words {
			if slices.Contains(held, w) && refAsks(row) && row.vault == r.Vault.ID && row.kind == p.Kind &&
				row.principal == p.ID && (a == policy.DeleteVault || naiveMatch(row.pattern, path)) {
				return true
			}
		}
	}
	return false
}

func refGrant(p policy.Principal, a policy.Action, r policy.Resource, rows []refPolicy, path string, at policy.Moment) policy.Decision {
	yes := func(why policy.Reason) policy.Decision { return policy.Decision{Allow: true, Reason: why} }
	var wanted []string // any of these words
	pathMatters := true
	switch a {
	case policy.ReadSecret, policy.ReadSecretVersion, policy.ListVersions, policy.CreateShare:
		wanted = []string{"read"}
	case policy.UseSecret:
		wanted = []string{"read", "use"}
	case policy.WriteSecret, policy.RotateSecret, policy.FillSecretRequest, policy.DeclineSecretRequest:
		wanted = []string{"write"}
	case policy.DeleteSecret:
		wanted = []string{"write", "delete"}
	case policy.DescribeSecret, policy.ReadBindings:
		wanted = []string{"read", "use", "write", "delete"}
	case policy.ReadVault, policy.ListSecrets, policy.ListPolicies:
		wanted, pathMatters = []string{"read", "use", "write", "delete"}, false
	}
	why, asks := policy.Reason("role_required"), ""
	is := func(actions ...policy.Action) bool { return slices.Contains(actions, a) }
	if wanted != nil {
		why = "no_policy"
		var failed []policy.Reason
		for _, row := range rows {
			has := false
			for _, w := range row.words {
				has = has || slices.Contains(wanted, w)
			}
			if !has || row.vault != r.Vault.ID || row.kind != p.Kind || row.principal != p.ID ||
				pathMatters && !naiveMatch(row.pattern, path) {
				continue
			}
			fail := refUnmet(row, at)
			if uses := is(policy.ReadSecret, policy.UseSecret, policy.ReadSecretVersion, policy.WriteSecret, policy.RotateSecret,
				policy.FillSecretRequest, policy.DeleteSecret, policy.CreateShare); fail == "" && uses && refAsks(row) && r.Approved != (policy.Version{ID: row.id, Revision: row.revision}) {
				if asks == "" {
					asks = row.id
				}
				continue
			}
			if fail == "" {
				return policy.Decision{Allow: true, Reason: policy.Reason("policy:" + row.id), PolicyID: row.id}
			}
			failed = append(failed, fail)
		}
		if asks != "" {
			why, failed = "approval_required", nil
		}
		for _, f := range []policy.Reason{"policy_expired", "ip_not_allowed", "outside_time_window"} {
			if slices.Contains(failed, f) {
				why = f
			}
		}
	}

	gated := false
	for _, row := range rows {
		for _, w := range row.words {
			gated = gated || slices.Contains(wanted, w) && refAsks(row) && row.vault == r.Vault.ID && row.kind == p.Kind &&
				row.principal == p.ID && naiveMatch(row.pattern, path) && is(policy.ReadSecret, policy.UseSecret, policy.ReadSecretVersion,
				policy.WriteSecret, policy.RotateSecret, policy.FillSecretRequest, policy.DeleteSecret, policy.CreateShare)
		}
	}
	gated = gated || p.Kind == "agent" && refHeld(p, a, r, rows, path)
	if r.Vault != nil && refVaultAction(a) && refCreator(p, r.Vault) && !gated {
		return yes("creator")
	}
	switch a {
	case policy.ReadVault, policy.UpdateVault, policy.DeleteVault, policy.EnableCMEK, policy.DisableCMEK, policy.RotateCMEK,
		policy.ReadCMEK, policy.ListSecrets, policy.DescribeSecret, policy.ListVersions, policy.RestoreSecret,
		policy.PurgeSecret, policy.DisableVersion, policy.WhoCan, policy.CreatePolicy, policy.ListPolicies, policy.UpdatePolicy, policy.DeletePolicy,
		policy.RekeyVault, policy.ReadRekey, policy.ReadBindings, policy.SetBindings, policy.CancelWithSecret:
		if refManager(p) {
			return yes("role")
		}
	}
	switch a {
	case policy.ReadVault, policy.ListPolicies:
		if slices.Contains(p.Vaults, r.Vault.ID) {
			return yes("bound")
		}
	case policy.UpdateAgent, policy.DeactivateAgent, policy.RotateAgentIdentityKeys, policy.IssueAgentToken, policy.RotateAgentKey, policy.ReadAccess,
		policy.FreezeAgent, policy.UnfreezeAgent, policy.SubmitTransaction, policy.SignTransaction, policy.ReplaceTransaction, policy.SimulateTransaction,
		policy.ListTransactions, policy.ReadTransaction, policy.SignMessage, policy.ReadGuard, policy.UpdateGuard, policy.CreateSigningKey,
		policy.ListSigningKeys, policy.RotateSigningKey, policy.DeleteSigningKey, policy.ReadBalance,
		policy.CreateRouterKey, policy.ListRouterKeys, policy.RevokeRouterKey,
		policy.CreateAgentBinding, policy.ListAgentBindings, policy.ReadAgentBinding, policy.UpdateAgentBinding, policy.DeleteAgentBinding,
		policy.TestAgentBinding, policy.RotateAgentCredential, policy.ListExecutions:
		switch {
		case p.Kind == "user" && r.Agent.Creator == p.ID:
			return yes("creator")
		case refManager(p):
			return yes("role")
		case (a == policy.RotateAgentKey || a == policy.ReadAccess || is(refOfAgent...)) && p.Kind == "agent" && r.Agent.ID == p.ID:
			return yes("self")
		}
	case policy.VerifyAudit, policy.InviteMember, policy.ListInvitations, policy.RevokeInvitation, policy.UpdateMember, policy.RemoveMember,
		policy.ListIPRules, policy.CreateIPRule, policy.DeleteIPRule, policy.UpdateBilling, policy.ReadWebhook, policy.UpdateWebhook, policy.ReadFlagged,
		policy.CreateHook, policy.ListHooks, policy.ReadHook, policy.UpdateHook, policy.DeleteHook, policy.FreezeOrg, policy.UnfreezeOrg:
		if refManager(p) {
			return yes("role")
		}
	case policy.ReadSettings, policy.UpdateSettings, policy.ListAllUsers, policy.DeleteAnyUser,
		policy.ReadLimits, policy.UpdateLimits, policy.ManageChains, policy.RestartChain, policy.ListAllChains, policy.CheckChain:
		if p.Kind == "user" && p.PlatformAdmin {
			return yes("platform_admin")
		}
	case policy.Execute:
		if r.Agent.ID == p.ID {
			return yes("self")
		}
	case policy.ReadAgent:
		switch {
		case p.Kind == "user":
			return yes("signed_in")
		case r.Agent.ID == p.ID:
			return yes("self")
		}
	default:
		if !refVaultAction(a) {
			return yes("signed_in")
		}
	}
	return policy.Decision{Reason: why, PolicyID: asks}
}

func refAsks(row refPolicy) bool {
	return row.approval != "" && row.approval != "false" && row.approval != "null"
}

func refVaultAction(a policy.Action) bool {
	s := string(a)
	return strings.HasPrefix(s, "secret.") && a != policy.SendRequest && a != policy.RequestSecret && a != policy.ListSecretRequests &&
		a != policy.ReadSecretRequest && a != policy.WithdrawSecretRequest || s == "share.create" || strings.HasPrefix(s, "policy.") ||
		strings.HasPrefix(s, "vault.") && s != "vault.create" && s != "vault.list"
}

// refUnmet reads addresses with package net and times as text.
func refUnmet(row refPolicy, at policy.Moment) policy.Reason {
	if !row.expires.IsZero() && (at.Now.After(row.expires) || at.Now.Equal(row.expires)) {
		return "policy_expired"
	}
	if len(row.nets) > 0 {
		ip, in := net.ParseIP(at.IP.WithZone("").String()), false
		for _, s := range row.nets {
			if !strings.Contains(s, "/") {
				in = in || ip != nil && net.ParseIP(s).Equal(ip)
				continue
			}
			_, n, err := net.ParseCIDR(s)
			in = in || err == nil && ip != nil && n.Contains(ip)
		}
		if !in {
			return "ip_not_allowed"
		}
	}
	if row.after != "" {
		loc, err := time.LoadLocation(row.zone)
		if err != nil {
			panic(err)
		}
		clock := at.Now.In(loc).Format("15:04")
		late, early := clock >= row.after, clock < row.before
		if row.after < row.before && !(late && early) || row.after > row.before && !late && !early {
			return "outside_time_window"
		}
	}
	return ""
}
