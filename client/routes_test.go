package client_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
)

func TestEveryMethodSendsItsRoute(t *testing.T) {
	at := time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)
	no := false
	tests := map[string]struct {
		call   func(ctx context.Context, c *client.Client) error
		method string
		path   string // and query
		body   string // JSON; "" = none
		public bool
	}{
		"login": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.Login(ctx, "a@b", client.ValueOf("pw"))
			return err
		}, method: "POST", path: "/v1/auth/token", body: `{"email":"a@b","password":"pw"}`, public: true},
		"second factor": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.VerifyMFA(ctx, client.ValueOf("m"), "123456")
			return err
		}, method: "POST", path: "/v1/auth/mfa/verify", body: `{"mfa_token":"m","code":"123456"}`, public: true},
		"ask for a passkey": {call: func(ctx context.Context, c *client.Client) error { _, err := c.BeginPasskeyLogin(ctx); return err },
			method: "POST", path: "/v1/auth/passkey-login/begin", public: true},
		"passkey": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.PasskeyLogin(ctx, client.ValueOf("t"), []byte(`{"id":"x"}`))
			return err
		}, method: "POST", path: "/v1/auth/passkey-login", body: `{"credential":{"id":"x"},"token":"t"}`, public: true},
		"new passkey": {call: func(ctx context.Context, c *client.Client) error { _, err := c.BeginPasskey(ctx); return err },
			method: "POST", path: "/v1/auth/passkeys/begin"},
		"passkey added": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.AddPasskey(ctx, client.ValueOf("t"), "n", []byte(`{"id":"x"}`))
			return err
		}, method: "POST", path: "/v1/auth/passkeys", body: `{"credential":{"id":"x"},"name":"n","token":"t"}`},
		"passkeys": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Passkeys(ctx); return err },
			method: "GET", path: "/v1/auth/passkeys"},
		"passkey renamed": {call: func(ctx context.Context, c *client.Client) error { return c.RenamePasskey(ctx, "p", "n") },
			method: "PATCH", path: "/v1/auth/passkeys/p", body: `{"name":"n"}`},
		"passkey removed": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RemovePasskey(ctx, "p", true)
			return err
		},
			method: "DELETE", path: "/v1/auth/passkeys/p?keep=true"},
		"ID token": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.LoginWithIDToken(ctx, client.ValueOf("t"), "")
			return err
		}, method: "POST", path: "/v1/auth/google", body: `{"id_token":"t"}`, public: true},
		"ID token with a nonce": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.LoginWithIDToken(ctx, client.ValueOf("t"), "n")
			return err
		}, method: "POST", path: "/v1/auth/google", body: `{"id_token":"t","nonce":"n"}`, public: true},
		"sign up": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.Signup(ctx, "a@b", client.ValueOf("pw"), "Al")
			return err
		}, method: "POST", path: "/v1/auth/signup", body: `{"email":"a@b","password":"pw","display_name":"Al"}`, public: true},
		"exchange of a user key": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ExchangeUserKey(ctx, client.ValueOf("1ck_x"))
			return err
		}, method: "POST", path: "/v1/auth/api-key-token", body: `{"api_key":"1ck_x"}`, public: true},
		"what an agent can": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.AgentAccess(ctx, "a", client.AccessQuery{VaultID: "v", Path: "a/b", IP: "10.0.0.1"})
			return err
		}, method: "GET", path: "/v1/agents/a/access?ip=10.0.0.1&path=a%2Fb&vault_id=v"},
		"who can": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.WhoCan(ctx, "v", "a/b", "")
			return err
		}, method: "GET", path: "/v1/vaults/v/who-can/a/b"},
		"a version disabled": {call: func(ctx context.Context, c *client.Client) error {
			return c.DisableSecretVersion(ctx, "v", "a/b", 2)
		}, method: "POST", path: "/v1/vaults/v/secret-version-disable/a/b/2"},
		"a generated value": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.GenerateSecret(ctx, "v", "a/b", client.Recipe{Length: 20, Charset: "hex"})
			return err
		}, method: "POST", path: "/v1/vaults/v/secret-rotate/a/b", body: `{"length":20,"charset":"hex"}`},
		"profile": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Me(ctx); return err },
			method: "GET", path: "/v1/auth/me"},
		"change of password": {call: func(ctx context.Context, c *client.Client) error {
			return c.ChangePassword(ctx, client.ValueOf("o"), client.ValueOf("n"))
		}, method: "POST", path: "/v1/auth/change-password", body: `{"current_password":"o","new_password":"n"}`},
		"second factor's state": {call: func(ctx context.Context, c *client.Client) error { _, err := c.MFAEnabled(ctx); return err },
			method: "GET", path: "/v1/auth/mfa/status"},
		"second factor's key": {call: func(ctx context.Context, c *client.Client) error { _, err := c.SetUpMFA(ctx); return err },
			method: "POST", path: "/v1/auth/mfa/setup"},
		"second factor on": {call: func(ctx context.Context, c *client.Client) error { _, err := c.ConfirmMFA(ctx, "123456"); return err },
			method: "POST", path: "/v1/auth/mfa/verify-setup", body: `{"code":"123456"}`},
		"second factor off by a code": {call: func(ctx context.Context, c *client.Client) error {
			return c.DisableMFA(ctx, "123456")
		}, method: "DELETE", path: "/v1/auth/mfa", body: `{"code":"123456"}`},
		"sessions": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Sessions(ctx, false); return err },
			method: "GET", path: "/v1/auth/sessions"},
		"sessions that have ended, too": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Sessions(ctx, true); return err },
			method: "GET", path: "/v1/auth/sessions?ended=true"},
		"what a session made": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.MadeWithSession(ctx, "s1")
			return err
		}, method: "GET", path: "/v1/auth/sessions/s1/made"},
		"end a session": {call: func(ctx context.Context, c *client.Client) error { return c.EndSession(ctx, "s1") },
			method: "DELETE", path: "/v1/auth/sessions/s1"},
		"end a session, not what it made": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.StopSession(ctx, "s1", true)
			return err
		},
			method: "DELETE", path: "/v1/auth/sessions/s1?keep=true"},
		"end all sessions": {call: func(ctx context.Context, c *client.Client) error { return c.EndSessions(ctx, true) },
			method: "DELETE", path: "/v1/auth/sessions?keep_current=true"},
		"forgotten password": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ForgotPassword(ctx, "a@b")
			return err
		}, method: "POST", path: "/v1/auth/forgot-password", body: `{"email":"a@b"}`, public: true},
		"new password": {call: func(ctx context.Context, c *client.Client) error {
			return c.ResetPassword(ctx, client.ValueOf("t"), client.ValueOf("n"))
		}, method: "POST", path: "/v1/auth/reset-password", body: `{"token":"t","new_password":"n"}`, public: true},
		"end of an account": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteAccount(ctx, "DELETE MY ACCOUNT") },
			method: "DELETE", path: "/v1/auth/me", body: `{"confirmation":"DELETE MY ACCOUNT"}`},
		"log out": {call: func(ctx context.Context, c *client.Client) error { return c.Logout(ctx) },
			method: "DELETE", path: "/v1/auth/token"},
		"API key": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateAPIKey(ctx, "ci", []string{"read"}, &at)
			return err
		}, method: "POST", path: "/v1/auth/api-keys", body: `{"name":"ci","scopes":["read"],"expires_at":"2030-01-02T03:04:05Z"}`},
		"API keys": {call: func(ctx context.Context, c *client.Client) error { _, err := c.APIKeys(ctx); return err },
			method: "GET", path: "/v1/auth/api-keys"},
		"API key revoked": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteAPIKey(ctx, "k") },
			method: "DELETE", path: "/v1/auth/api-keys/k"},
		"request of an approval": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RequestApproval(ctx, client.ApprovalAsk{VaultID: "v", SecretPath: "a/b", Reason: "why"})
			return err
		}, method: "POST", path: "/v1/approvals", body: `{"vault_id":"v","secret_path":"a/b","reason":"why"}`},
		"approvals": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Approvals(ctx, "pending"); return err },
			method: "GET", path: "/v1/approvals?status=pending"},
		"approval": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Approval(ctx, "i"); return err },
			method: "GET", path: "/v1/approvals/i"},
		"approve": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Approve(ctx, "i", ""); return err },
			method: "POST", path: "/v1/approvals/i/approve", body: `{}`},
		"deny": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Deny(ctx, "i", "no"); return err },
			method: "POST", path: "/v1/approvals/i/deny", body: `{"reason":"no"}`},
		"withdrawal": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Withdraw(ctx, "i"); return err },
			method: "POST", path: "/v1/approvals/i/withdraw", body: `{}`},
		"request of a secret": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RequestSecret(ctx, client.SecretAsk{VaultID: "v", Path: "a/b", Reason: "why", Service: "stripe"})
			return err
		}, method: "POST", path: "/v1/secret-requests", body: `{"vault_id":"v","path":"a/b","reason":"why","service":"stripe"}`},
		"requests of secrets": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SecretRequests(ctx, "waiting")
			return err
		},
			method: "GET", path: "/v1/secret-requests?status=waiting"},
		"request of a secret read": {call: func(ctx context.Context, c *client.Client) error { _, err := c.SecretRequest(ctx, "i"); return err },
			method: "GET", path: "/v1/secret-requests/i"},
		"request of a secret filled": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.FillSecretRequest(ctx, "i", client.ValueOf(`a"b`), client.SecretGiven{NewVersion: true, Bindings: []client.Binding{{Hosts: []string{"h"}, SetBy: "x"}}})
			return err
		}, method: "POST", path: "/v1/secret-requests/i/fill", body: `{"value":"a\"b","new_version":true,"bindings":[{"hosts":["h"]}]}`},
		"request of a secret declined": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.DeclineSecretRequest(ctx, "i", "no")
			return err
		},
			method: "POST", path: "/v1/secret-requests/i/decline", body: `{"reason":"no"}`},
		"request of a secret withdrawn": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.WithdrawSecretRequest(ctx, "i")
			return err
		},
			method: "POST", path: "/v1/secret-requests/i/withdraw", body: `{}`},
		"members": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Members(ctx); return err },
			method: "GET", path: "/v1/org/members"},
		"another role": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateMemberRole(ctx, "u", "admin")
			return err
		}, method: "PATCH", path: "/v1/org/members/u", body: `{"role":"admin"}`},
		"member removed": {call: func(ctx context.Context, c *client.Client) error { return c.RemoveMember(ctx, "u") },
			method: "DELETE", path: "/v1/org/members/u"},
		"invitation": {call: func(ctx context.Context, c *client.Client) error { return c.Invite(ctx, "a@b", "") },
			method: "POST", path: "/v1/org/invite", body: `{"email":"a@b"}`},
		"invitation with a role": {call: func(ctx context.Context, c *client.Client) error { return c.Invite(ctx, "a@b", "owner") },
			method: "POST", path: "/v1/org/invite", body: `{"email":"a@b","role":"owner"}`},
		"invitations": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Invitations(ctx); return err },
			method: "GET", path: "/v1/org/invitations"},
		"invitation again": {call: func(ctx context.Context, c *client.Client) error { return c.ResendInvitation(ctx, "i") },
			method: "POST", path: "/v1/org/invitations/i/resend"},
		"invitation taken back": {call: func(ctx context.Context, c *client.Client) error { return c.RevokeInvitation(ctx, "i") },
			method: "DELETE", path: "/v1/org/invitations/i"},
		"invitation accepted": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.AcceptInvitation(ctx, client.ValueOf("t"))
			return err
		}, method: "POST", path: "/v1/org/invitations/accept", body: `{"token":"t"}`},
		"organisations": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Orgs(ctx); return err },
			method: "GET", path: "/v1/auth/orgs"},
		"another organisation": {call: func(ctx context.Context, c *client.Client) error { _, err := c.SwitchOrg(ctx, "o"); return err },
			method: "POST", path: "/v1/auth/switch-org", body: `{"org_id":"o"}`},
		"webhooks": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Webhooks(ctx); return err },
			method: "GET", path: "/v1/webhooks"},
		"a webhook": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Webhook(ctx, "w"); return err },
			method: "GET", path: "/v1/webhooks/w"},
		"new webhook": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateWebhook(ctx, client.WebhookCreate{URL: "https://example.com", Events: []string{"secret.*"}, Description: "d"})
			return err
		}, method: "POST", path: "/v1/webhooks", body: `{"url":"https://example.com","events":["secret.*"],"description":"d"}`},
		"webhook stopped": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateWebhook(ctx, "w", client.WebhookChange{IsActive: &no})
			return err
		}, method: "PATCH", path: "/v1/webhooks/w", body: `{"is_active":false}`},
		"webhook deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteWebhook(ctx, "w") },
			method: "DELETE", path: "/v1/webhooks/w"},
		"environment variable set": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SetEnvVar(ctx, "v", client.EnvVarSet{Key: "K", Environments: []string{"production"}, GitBranch: "b", Sensitive: true, Comment: "c"}, client.ValueOf("x"))
			return err
		}, method: "POST", path: "/v1/vaults/v/env-vars", body: `{"value":"x","key":"K","environments":["production"],"git_branch":"b","sensitive":true,"comment":"c"}`},
		"environment variables": {call: func(ctx context.Context, c *client.Client) error { _, err := c.EnvVars(ctx, "v"); return err },
			method: "GET", path: "/v1/vaults/v/env-vars"},
		"environment variable": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.GetEnvVar(ctx, "v", "K", client.EnvVarPlace{Environment: "production", GitBranch: "a/b"})
			return err
		}, method: "GET", path: "/v1/vaults/v/env-vars/K?environment=production&git_branch=a%2Fb"},
		"environment variable deleted": {call: func(ctx context.Context, c *client.Client) error {
			return c.DeleteEnvVar(ctx, "v", "K", client.EnvVarPlace{})
		}, method: "DELETE", path: "/v1/vaults/v/env-vars/K"},
		"environment variables that hold": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ResolveEnvVars(ctx, "v", client.EnvVarPlace{Environment: "production"})
			return err
		}, method: "GET", path: "/v1/vaults/v/env-vars/resolve?environment=production"},
		"IP rules": {call: func(ctx context.Context, c *client.Client) error { _, err := c.IPRules(ctx); return err },
			method: "GET", path: "/v1/security/ip-rules"},
		"new IP rule": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateIPRule(ctx, client.IPRuleCreate{RuleType: "deny", CIDR: "10.0.0.0/8", Label: "l", AppliesTo: "agent", Force: true})
			return err
		}, method: "POST", path: "/v1/security/ip-rules", body: `{"rule_type":"deny","cidr":"10.0.0.0/8","label":"l","applies_to":"agent","force":true}`},
		"IP rule deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteIPRule(ctx, "r", false) },
			method: "DELETE", path: "/v1/security/ip-rules/r"},
		"IP rule deleted by force": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteIPRule(ctx, "r", true) },
			method: "DELETE", path: "/v1/security/ip-rules/r?force=true"},
		"usage": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Usage(ctx); return err },
			method: "GET", path: "/v1/billing/usage"},
		"usage by request": {call: func(ctx context.Context, c *client.Client) error { _, err := c.UsageHistory(ctx, 5); return err },
			method: "GET", path: "/v1/billing/history?limit=5"},
		"subscription": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Subscription(ctx); return err },
			method: "GET", path: "/v1/billing/subscription"},
		"credits": {call: func(ctx context.Context, c *client.Client) error { _, err := c.CreditBalance(ctx); return err },
			method: "GET", path: "/v1/billing/credits/balance"},
		"ledger": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreditTransactions(ctx, 0, 0)
			return err
		},
			method: "GET", path: "/v1/billing/credits/transactions"},
		"a page of the ledger": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreditTransactions(ctx, 2, 9)
			return err
		},
			method: "GET", path: "/v1/billing/credits/transactions?limit=9&page=2"},
		"overage method": {call: func(ctx context.Context, c *client.Client) error { return c.SetOverageMethod(ctx, "x402") },
			method: "PATCH", path: "/v1/billing/overage-method", body: `{"method":"x402"}`},
		"chains": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Chains(ctx); return err },
			method: "GET", path: "/v1/chains?node_state=true", public: true},
		"chain": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Chain(ctx, "base"); return err },
			method: "GET", path: "/v1/chains/base?node_state=true", public: true},
		"all chains": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AllChains(ctx); return err },
			method: "GET", path: "/v1/admin/chains?node_state=true"},
		"new chain": {call: func(ctx context.Context, c *client.Client) error {
			name, number := "n", int64(7)
			_, err := c.CreateChain(ctx, client.ChainChange{Name: &name, DisplayName: &name, ChainID: &number, IsTestnet: &no})
			return err
		}, method: "POST", path: "/v1/admin/chains", body: `{"name":"n","display_name":"n","chain_id":7,"is_testnet":false}`},
		"chain changed": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateChain(ctx, "i", client.ChainChange{IsEnabled: &no})
			return err
		}, method: "PUT", path: "/v1/admin/chains/i", body: `{"is_enabled":false}`},
		"chain removed": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteChain(ctx, "i") },
			method: "DELETE", path: "/v1/admin/chains/i"},
		"chain checked": {call: func(ctx context.Context, c *client.Client) error { _, err := c.CheckChain(ctx, "i"); return err },
			method: "POST", path: "/v1/admin/chains/i/check"},
		"settings": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Settings(ctx); return err },
			method: "GET", path: "/v1/admin/settings"},
		"setting": {call: func(ctx context.Context, c *client.Client) error { _, err := c.PutSetting(ctx, "a.b", "v"); return err },
			method: "PUT", path: "/v1/admin/settings/a.b", body: `{"value":"v"}`},
		"setting taken back": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteSetting(ctx, "a.b") },
			method: "DELETE", path: "/v1/admin/settings/a.b"},
		"x402": {call: func(ctx context.Context, c *client.Client) error { _, err := c.X402(ctx); return err },
			method: "GET", path: "/v1/admin/x402"},
		"x402 changed": {call: func(ctx context.Context, c *client.Client) error {
			scheme := "exact"
			_, err := c.SetX402(ctx, client.X402Change{Scheme: &scheme})
			return err
		}, method: "PUT", path: "/v1/admin/x402", body: `{"scheme":"exact"}`},
		"all users": {call: func(ctx context.Context, c *client.Client) error { _, _, err := c.Accounts(ctx, 3, 6); return err },
			method: "GET", path: "/v1/admin/users?limit=3&offset=6"},
		"limits": {call: func(ctx context.Context, c *client.Client) error { _, err := c.OrgLimits(ctx, "o"); return err },
			method: "GET", path: "/v1/admin/orgs/o/limits"},
		"limits changed": {call: func(ctx context.Context, c *client.Client) error {
			n := int64(0)
			_, err := c.SetOrgLimits(ctx, "o", &n, &no)
			return err
		}, method: "PUT", path: "/v1/admin/orgs/o/limits", body: `{"free_tier_override":0,"is_sponsored":false}`},
		"limits of the tier again": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SetOrgLimits(ctx, "o", nil, nil)
			return err
		}, method: "PUT", path: "/v1/admin/orgs/o/limits", body: `{"free_tier_override":null}`},
		"tier": {call: func(ctx context.Context, c *client.Client) error { _, err := c.SetTier(ctx, "o", "pro", 0); return err },
			method: "PUT", path: "/v1/admin/orgs/o/billing-tier", body: `{"tier":"pro"}`},
		"tier for a time": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SetTier(ctx, "o", "pro", 30)
			return err
		},
			method: "PUT", path: "/v1/admin/orgs/o/billing-tier", body: `{"tier":"pro","duration_days":30}`},
		"credits given": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.GrantCredits(ctx, "o", client.CreditGrant{AmountCents: 500, Description: "d", Days: 9})
			return err
		}, method: "POST", path: "/v1/admin/orgs/o/credits", body: `{"amount_cents":500,"description":"d","expires_in_days":9}`},
		"new vault": {call: func(ctx context.Context, c *client.Client) error { _, err := c.CreateVault(ctx, "n", "d"); return err },
			method: "POST", path: "/v1/vaults", body: `{"name":"n","description":"d"}`},
		"vaults": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Vaults(ctx); return err },
			method: "GET", path: "/v1/vaults"},
		"vault": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Vault(ctx, "v"); return err },
			method: "GET", path: "/v1/vaults/v"},
		"vault deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteVault(ctx, "v") },
			method: "DELETE", path: "/v1/vaults/v"},
		"write of a secret with all options": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.PutSecret(ctx, "v", "a/b", client.ValueOf("<s>"), client.PutOptions{Type: "token",
				Metadata: json.RawMessage(`{"k":1}`), ExpiresAt: &at, MaxAccessCount: 3, RotationPolicy: json.RawMessage(`{}`)})
			return err
		}, method: "PUT", path: "/v1/vaults/v/secrets/a/b", body: `{"value":"<s>","type":"token","metadata":{"k":1},
			"rotation_policy":{},"expires_at":"2030-01-02T03:04:05Z","max_access_count":3}`},
		"write of a secret keeps its type by not naming one": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.PutSecret(ctx, "v", "a", client.ValueOf("s"), client.PutOptions{})
			return err
		}, method: "PUT", path: "/v1/vaults/v/secrets/a", body: `{"value":"s"}`},
		"secret deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteSecret(ctx, "v", "a/b") },
			method: "DELETE", path: "/v1/vaults/v/secrets/a/b"},
		"a page of secrets": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SecretsPage(ctx, "v", "a b/", 10, "c+d")
			return err
		}, method: "GET", path: "/v1/vaults/v/secrets?cursor=c%2Bd&limit=10&prefix=a+b%2F"},
		"versions": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SecretVersions(ctx, "v", "a/b")
			return err
		},
			method: "GET", path: "/v1/vaults/v/secret-versions/a/b"},
		"one version": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.GetSecretVersion(ctx, "v", "a/b", 7)
			return err
		}, method: "GET", path: "/v1/vaults/v/secret-versions/a/b?version=7"},
		"restore": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RestoreSecret(ctx, "v", "a/b")
			return err
		},
			method: "POST", path: "/v1/vaults/v/secret-restore/a/b"},
		"purge": {call: func(ctx context.Context, c *client.Client) error { return c.PurgeSecret(ctx, "v", "a/b") },
			method: "DELETE", path: "/v1/vaults/v/secret-versions/a/b"},
		"grant": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreatePolicy(ctx, "v", client.PolicyGrant{SecretPathPattern: "api-keys/*", PrincipalType: "agent",
				PrincipalID: "p", Permissions: []string{"read"}, ExpiresAt: &at, Conditions: &client.Conditions{
					IPAllowlist: []string{"10.0.0.0/8"}, TimeWindow: &client.TimeWindow{After: "09:00", Before: "17:00", Timezone: "UTC"}}})
			return err
		}, method: "POST", path: "/v1/vaults/v/policies", body: `{"secret_path_pattern":"api-keys/*","principal_type":"agent",
			"principal_id":"p","permissions":["read"],"expires_at":"2030-01-02T03:04:05Z",
			"conditions":{"ip_allowlist":["10.0.0.0/8"],"time_window":{"after":"09:00","before":"17:00","timezone":"UTC"}}}`},
		"policies": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Policies(ctx, "v"); return err },
			method: "GET", path: "/v1/vaults/v/policies"},
		"policy changed": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdatePolicy(ctx, "v", "p", client.PolicyUpdate{Permissions: []string{"write"}})
			return err
		}, method: "PUT", path: "/v1/vaults/v/policies/p", body: `{"permissions":["write"]}`},
		"policy deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeletePolicy(ctx, "v", "p") },
			method: "DELETE", path: "/v1/vaults/v/policies/p"},
		"new agent": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateAgent(ctx, client.AgentCreate{Name: "n", VaultIDs: []string{"v"}})
			return err
		}, method: "POST", path: "/v1/agents", body: `{"name":"n","vault_ids":["v"]}`},
		"agents": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Agents(ctx); return err },
			method: "GET", path: "/v1/agents"},
		"agent": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Agent(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a?key_state=true"},
		"the agent itself": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AgentMe(ctx); return err },
			method: "GET", path: "/v1/agents/me"},
		"agent changed, limits lifted by null": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateAgent(ctx, "a", client.AgentUpdate{IsActive: &no, Clear: []string{"expires_at"}})
			return err
		}, method: "PATCH", path: "/v1/agents/a", body: `{"is_active":false,"expires_at":null}`},
		"agent deactivated": {call: func(ctx context.Context, c *client.Client) error { return c.DeactivateAgent(ctx, "a") },
			method: "DELETE", path: "/v1/agents/a"},
		"new agent key": {call: func(ctx context.Context, c *client.Client) error { _, err := c.RotateAgentKey(ctx, "a"); return err },
			method: "POST", path: "/v1/agents/a/rotate-key"},
		"audit events": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.AuditEvents(ctx, client.AuditFilter{Action: "secret.read", ResourceID: "r", ActorID: "x", From: at, To: at, Limit: 5, Offset: 9})
			return err
		}, method: "GET", path: "/v1/audit/events?action=secret.read&actor_id=x&from=2030-01-02T03%3A04%3A05Z&limit=5&offset=9&resource_id=r&to=2030-01-02T03%3A04%3A05Z"},
		"audit check": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AuditVerify(ctx); return err },
			method: "GET", path: "/v1/audit/verify"},
		"audit keys": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AuditKeys(ctx); return err },
			method: "GET", path: "/v1/audit/keys"},
		"audit export": {call: func(ctx context.Context, c *client.Client) error {
			r, err := c.AuditExport(ctx)
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.ReadAll(r)
			return err
		}, method: "GET", path: "/v1/audit/export"},
		"share": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateShare(ctx, "s", client.ShareCreate{RecipientType: "anyone_with_link", ExpiresAt: at, MaxAccessCount: 1, Passphrase: client.ValueOf("pp")})
			return err
		}, method: "POST", path: "/v1/secrets/s/share", body: `{"recipient_type":"anyone_with_link","expires_at":"2030-01-02T03:04:05Z","max_access_count":1,"passphrase":"pp"}`},
		"a client's key named": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.EnableCMEK(ctx, "v", "ab12")
			return err
		}, method: "POST", path: "/v1/vaults/v/cmek", body: `{"fingerprint":"ab12"}`},
		"a client's key no more": {call: func(ctx context.Context, c *client.Client) error { _, err := c.DisableCMEK(ctx, "v"); return err },
			method: "DELETE", path: "/v1/vaults/v/cmek"},
		"a client's key rotated": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RotateCMEK(ctx, "v", client.NewValue(make([]byte, 32)), client.ValueOf("0123456789abcdef0123456789abcdef"))
			return err
		}, method: "POST", path: "/v1/vaults/v/cmek-rotate",
			body: `{"new_fingerprint":"3eb1bd439947eb762998e566ccc2e099c791118b2f40579cc4f7da2b5061b7f9"}`},
		"how far a rotation is": {call: func(ctx context.Context, c *client.Client) error { _, err := c.CMEKJob(ctx, "v", "j"); return err },
			method: "GET", path: "/v1/vaults/v/cmek-rotate/j"},
		"rekey": {call: func(ctx context.Context, c *client.Client) error { _, err := c.RekeyVault(ctx, "v"); return err },
			method: "POST", path: "/v1/vaults/v/rekey", body: `{}`},
		"how far a rekey is": {call: func(ctx context.Context, c *client.Client) error { _, err := c.RekeyJob(ctx, "v", "j"); return err },
			method: "GET", path: "/v1/vaults/v/rekey/j"},
		"transaction": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SubmitTransaction(ctx, "a", client.Submission{Call: client.Call{To: "0x1", Value: "0.5", Chain: "base", KeyPath: "keys/k"}, MaxFee: "9", SimulateFirst: true, ReplayKey: "r"})
			return err
		}, method: "POST", path: "/v1/agents/a/transactions",
			body: `{"to":"0x1","value":"0.5","chain":"base","signing_key_path":"keys/k","max_fee_per_gas":"9","simulate_first":true}`},
		"transaction signed alone": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SignTransaction(ctx, "a", client.Submission{Call: client.Call{Value: "0", Chain: "1", Data: "0x60"}})
			return err
		}, method: "POST", path: "/v1/agents/a/transactions/sign", body: `{"value":"0","chain":"1","data":"0x60"}`},
		"transactions": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Transactions(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a/transactions"},
		"one transaction": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.Transaction(ctx, "a", "t", true)
			return err
		}, method: "GET", path: "/v1/agents/a/transactions/t?include_signed_tx=true"},
		"transaction replaced": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ReplaceTransaction(ctx, "a", "t", client.Replacement{Mode: "speedup", MaxFee: "9"})
			return err
		}, method: "POST", path: "/v1/agents/a/transactions/t/replace", body: `{"mode":"speedup","max_fee_per_gas":"9"}`},
		"message signed": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SignMessage(ctx, "a", client.SignatureRequest{Kind: "typed_data", Chain: "base", TypedData: json.RawMessage(`{"types":{}}`)})
			return err
		}, method: "POST", path: "/v1/agents/a/sign", body: `{"intent_type":"typed_data","chain":"base","typed_data":{"types":{}}}`},
		"guard tried": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.TryGuard(ctx, "a", json.RawMessage(`{"value":"1","chain":"base"}`))
			return err
		}, method: "POST", path: "/v1/agents/a/guard/try", body: `{"value":"1","chain":"base"}`},
		"requests to models": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ShroudActivity(ctx, client.ModelRequestFilter{AgentID: "a", Action: "blocked", Limit: 5, Offset: 10})
			return err
		}, method: "GET", path: "/v1/shroud/activity?action=blocked&agent_id=a&limit=5&offset=10"},
		"router key made": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateRouterKey(ctx, "a", "n", &at)
			return err
		}, method: "POST", path: "/v1/agents/a/router-keys", body: `{"name":"n","expires_at":"2030-01-02T03:04:05Z"}`},
		"binding of an agent": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateAgentBinding(ctx, "a", &client.AgentBindingChange{Name: "n", Type: "http", Config: &client.BindingConfig{BaseURL: "https://a.example"},
				Credential: &client.AgentCredential{Value: client.ValueOf("v\"w"), In: "basic", User: "u"}})
			return err
		}, method: "POST", path: "/v1/agents/a/bindings", body: `{"name":"n","binding_type":"http","config":{"base_url":"https://a.example"},"credential":{"type":"basic","username":"u","password":"v\"w"}}`},
		"binding that is lent": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.UpdateAgentBinding(ctx, "a", "b", &client.AgentBindingChange{Credential: &client.AgentCredential{Vault: "v", Path: "p"}})
			return err
		}, method: "PATCH", path: "/v1/agents/a/bindings/b", body: `{"credential_source":{"type":"vault_ref","vault_id":"v","path":"p"}}`},
		"credential rotated": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RotateAgentCredential(ctx, "a", "b", &client.AgentCredential{Value: client.ValueOf("v"), In: "header:X-Key"})
			return err
		}, method: "POST", path: "/v1/agents/a/bindings/b/rotate-credential", body: `{"credential":{"type":"header","name":"X-Key","value":"v"}}`},
		"bindings of an agent": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AgentBindings(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a/bindings"},
		"one binding of an agent": {call: func(ctx context.Context, c *client.Client) error { _, err := c.AgentBinding(ctx, "a", "b"); return err },
			method: "GET", path: "/v1/agents/a/bindings/b"},
		"binding of an agent deleted": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteAgentBinding(ctx, "a", "b") },
			method: "DELETE", path: "/v1/agents/a/bindings/b"},
		"binding tested": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.TestAgentBinding(ctx, "a", "b")
			return err
		},
			method: "POST", path: "/v1/agents/a/bindings/b/test", body: `{}`},
		"execution": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.Execute(ctx, "a", client.ExecutionRequest{Binding: "b", Intent: "http", Params: json.RawMessage(`{"path":"/a"}`)})
			return err
		}, method: "POST", path: "/v1/agents/a/execute", body: `{"binding":"b","intent_type":"http","params":{"path":"/a"}}`},
		"executions": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Executions(ctx, "a", 5); return err },
			method: "GET", path: "/v1/agents/a/executions?limit=5"},
		"router keys": {call: func(ctx context.Context, c *client.Client) error { _, err := c.RouterKeys(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a/router-keys"},
		"router key revoked": {call: func(ctx context.Context, c *client.Client) error { return c.RevokeRouterKey(ctx, "a", "k") },
			method: "DELETE", path: "/v1/agents/a/router-keys/k"},
		"flagged texts": {call: func(ctx context.Context, c *client.Client) error { _, err := c.FlaggedTexts(ctx, "r"); return err },
			method: "GET", path: "/v1/shroud/activity/r/text"},
		"model counts": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ShroudCounts(ctx, client.ModelRequestFilter{Provider: "p", Detector: "d", Period: "7d", Limit: 3})
			return err
		}, method: "GET", path: "/v1/shroud/activity/counts?detector=d&period=7d&provider=p"},
		"secrets found": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SearchSecrets(ctx, "v", "a b", 3, "c")
			return err
		}, method: "GET", path: "/v1/vaults/v/secrets?cursor=c&limit=3&q=a+b"},
		"server set up": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.Setup(ctx, "AB-C", "a@example.com", client.ValueOf("p"), "")
			return err
		}, method: "POST", path: "/v1/auth/signup", public: true, body: `{"email":"a@example.com","password":"p","setup_code":"AB-C"}`},
		"vault renamed": {call: func(ctx context.Context, c *client.Client) error {
			name := "n"
			_, err := c.UpdateVault(ctx, "v", client.VaultChange{Name: &name})
			return err
		}, method: "PATCH", path: "/v1/vaults/v", body: `{"name":"n"}`},
		"threats": {call: func(ctx context.Context, c *client.Client) error { _, err := c.ShroudSummary(ctx, "7d"); return err },
			method: "GET", path: "/v1/shroud/threat-summary?period=7d"},
		"receipt": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.TransactionReceipt(ctx, "a", "t")
			return err
		},
			method: "GET", path: "/v1/agents/a/transactions/t/receipt"},
		"simulation": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SimulateTransaction(ctx, "a", "v", client.Call{To: "0x1", Value: "1", Chain: "base"})
			return err
		}, method: "POST", path: "/v1/agents/a/transactions/simulate", body: `{"to":"0x1","value":"1","chain":"base"}`},
		"simulations": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SimulateBundle(ctx, "a", "", []client.Call{{To: "0x1", Value: "1", Chain: "base"}})
			return err
		}, method: "POST", path: "/v1/agents/a/transactions/simulate-bundle", body: `{"transactions":[{"to":"0x1","value":"1","chain":"base"}]}`},
		"new signing key": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.CreateSigningKey(ctx, "a", client.EVM)
			return err
		}, method: "POST", path: "/v1/agents/a/signing-keys", body: `{"chain":"ethereum"}`},
		"signing keys": {call: func(ctx context.Context, c *client.Client) error { _, err := c.SigningKeys(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a/signing-keys"},
		"signing key imported": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.ImportSigningKey(ctx, "a", client.EVM, client.ValueOf("0xab\""))
			return err
		}, method: "POST", path: "/v1/agents/a/signing-keys/ethereum/import", body: `{"private_key":"0xab\"","format":"hex"}`},
		"signing key rotated": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.RotateSigningKey(ctx, "a", client.EVM, 2)
			return err
		}, method: "POST", path: "/v1/agents/a/signing-keys/ethereum/rotate", body: `{"key_version":2}`},
		"signing key out of use": {call: func(ctx context.Context, c *client.Client) error { return c.DeleteSigningKey(ctx, "a", client.EVM) },
			method: "DELETE", path: "/v1/agents/a/signing-keys/ethereum"},
		"balance": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SigningKeyBalance(ctx, "a", "base")
			return err
		},
			method: "GET", path: "/v1/agents/a/signing-keys/base/balance"},
		"guard": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Guard(ctx, "a"); return err },
			method: "GET", path: "/v1/agents/a/guard"},
		"guard set": {call: func(ctx context.Context, c *client.Client) error {
			_, err := c.SetGuard(ctx, "a", json.RawMessage(`{"max_per_day":3}`))
			return err
		}, method: "PUT", path: "/v1/agents/a/guard", body: `{"rules":{"max_per_day":3}}`},
		"agent frozen": {call: func(ctx context.Context, c *client.Client) error { _, err := c.FreezeAgent(ctx, "a"); return err },
			method: "POST", path: "/v1/agents/a/freeze"},
		"agent unfrozen": {call: func(ctx context.Context, c *client.Client) error { return c.UnfreezeAgent(ctx, "a") },
			method: "POST", path: "/v1/agents/a/unfreeze"},
		"all agents frozen": {call: func(ctx context.Context, c *client.Client) error { _, err := c.FreezeOrg(ctx); return err },
			method: "POST", path: "/v1/org/freeze"},
		"all agents unfrozen": {call: func(ctx context.Context, c *client.Client) error { return c.UnfreezeOrg(ctx) },
			method: "POST", path: "/v1/org/unfreeze"},
		"freezes": {call: func(ctx context.Context, c *client.Client) error { _, err := c.FreezeState(ctx); return err },
			method: "GET", path: "/v1/org/freeze"},
		"health": {call: func(ctx context.Context, c *client.Client) error { _, err := c.Health(ctx); return err },
			method: "GET", path: "/v1/health", public: true},
		"keystore health": {call: func(ctx context.Context, c *client.Client) error { _, err := c.HSMHealth(ctx); return err },
			method: "GET", path: "/v1/health/hsm", public: true},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			reply := `{}`
			if tc.public || strings.HasSuffix(tc.path, "/switch-org") {
				reply = `{"access_token":"t"}`
			}
			c, got := recorder(t, http.StatusOK, reply)
			if err := tc.call(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if len(*got) != 1 {
				t.Fatalf("requests: %+v", *got)
			}
			q := (*got)[0]
			path := q.path
			if q.query != "" {
				path += "?" + q.query
			}
			if q.method != tc.method || path != tc.path {
				t.Errorf("sent %s %s, want %s %s", q.method, path, tc.method, tc.path)
			}
			var want map[string]any
			if tc.body != "" {
				if err := json.Unmarshal([]byte(tc.body), &want); err != nil {
					t.Fatal(err)
				}
			}
			if !reflect.DeepEqual(q.body, want) {
				t.Errorf("body = %v, want %v", q.body, want)
			}
			if auth := map[bool]string{true: "", false: "Bearer tok"}[tc.public]; q.auth != auth {
				t.Errorf("Authorization = %q, want %q", q.auth, auth)
			}
			if q.agent != "oneclaw-go" {
				t.Errorf("User-Agent = %q", q.agent)
			}
		})
	}
}
