package policy

// Action names one sort of operation, in the words of the audit log. Every
// operation of every surface declares exactly one; several may share one.
type Action string

// Authentication and the caller's own account.
const (
	// Login is every exchange of a credential for a token: password, API key,
	// agent key, identity provider, MFA code, device code, refresh.
	Login          Action = "auth.success"
	Logout         Action = "auth.revoke"
	Signup         Action = "auth.signup"
	VerifyEmail    Action = "auth.verify_email"
	ReadSigningKey Action = "auth.read_signing_key"
	ChangePassword Action = "auth.change_password"
	ReadMFA        Action = "auth.mfa_read"
	EnableMFA      Action = "auth.mfa_enable" // setup and its confirmation
	DisableMFA     Action = "auth.mfa_disable"
	AskPasskey     Action = "auth.passkey_ask" // somebody is about to sign in with one
	AddPasskey     Action = "auth.passkey_add" // its beginning and its end
	ListPasskeys   Action = "auth.passkey_list"
	RenamePasskey  Action = "auth.passkey_rename"
	RemovePasskey  Action = "auth.passkey_remove"
	StartDevice    Action = "auth.device_start"
	ReadDevice     Action = "auth.device_read"
	ApproveDevice  Action = "auth.device_approve"
	DenyDevice     Action = "auth.device_deny"
	ReadUser       Action = "user.read"
	UpdateUser     Action = "user.update"
	DeleteUser     Action = "user.delete"
	CreateAPIKey   Action = "api_key.create"
	ListAPIKeys    Action = "api_key.list"
	DeleteAPIKey   Action = "api_key.delete"
	ForgotPassword Action = "auth.forgot_password"
	ResetPassword  Action = "auth.reset_password"
	SwitchOrg      Action = "auth.switch_org"
	ListSessions   Action = "auth.session_list"
	EndSession     Action = "auth.session_end"
)

// AuthFailure is recorded when a credential is refused. No operation declares
// it and Decide denies it.
const AuthFailure Action = "auth.failure"

// Recorded, and never declared: a request for nothing that there is, and a log that goes on
// after it could not be written.
const (
	UnknownRequest Action = "request.unknown"
	LogResumed     Action = "log.resumed"
)

// Vaults.
const (
	CreateVault Action = "vault.create"
	ListVaults  Action = "vault.list"
	ReadVault   Action = "vault.read"
	UpdateVault Action = "vault.update" // its name and description
	DeleteVault Action = "vault.delete"
	EnableCMEK  Action = "vault.cmek_enable"
	DisableCMEK Action = "vault.cmek_disable"
	RotateCMEK  Action = "vault.cmek_rotate"
	ReadCMEK    Action = "vault.cmek_read"
)

// Jobs that wrap a vault's data keys anew.
const (
	RekeyVault Action = "vault.rekey"
	ReadRekey  Action = "vault.rekey_read"
)

// Shares. Whose a share is, is checked where shares are kept.
const (
	CreateShare  Action = "share.create"
	AccessShare  Action = "share.access"
	ListShares   Action = "share.list"
	AcceptShare  Action = "share.accept"
	DeclineShare Action = "share.decline"
	RevokeShare  Action = "share.revoke"
)

// Requests of agents for secrets that they lack. Whose one is, is checked where they are kept.
const (
	RequestSecret         Action = "secret.wanted_create"
	ListSecretRequests    Action = "secret.wanted_list"
	ReadSecretRequest     Action = "secret.wanted_read"
	WithdrawSecretRequest Action = "secret.wanted_withdraw"
	FillSecretRequest     Action = "secret.wanted_fill"
	DeclineSecretRequest  Action = "secret.wanted_decline"
)

// Approvals. Who may decide one is checked where they are kept.
const (
	RequestApproval  Action = "approval.request"
	ListApprovals    Action = "approval.list"
	ReadApproval     Action = "approval.read"
	GrantApproval    Action = "approval.approve"
	DenyApproval     Action = "approval.deny"
	WithdrawApproval Action = "approval.withdraw"
	ReadWebhook      Action = "approval.webhook_read"
	UpdateWebhook    Action = "approval.webhook_update"
)

// Secrets.
const (
	ReadSecret        Action = "secret.read"
	UseSecret         Action = "secret.use"         // a value is worked with and not shown
	CancelWithSecret  Action = "secret.cancel_with" // a key of a vault signs a cancel of what it signed; no operation declares it
	WriteSecret       Action = "secret.write"
	RotateSecret      Action = "secret.rotate"
	DeleteSecret      Action = "secret.delete"
	ListSecrets       Action = "secret.list"
	DescribeSecret    Action = "secret.describe"
	ListVersions      Action = "secret.versions"
	ReadSecretVersion Action = "secret.read_version" // an old version's value
	RestoreSecret     Action = "secret.restore"
	PurgeSecret       Action = "secret.purge"
	DisableVersion    Action = "secret.disable_version"
	SendRequest       Action = "secret.request" // a request with references to secrets in it
	UsedSecret        Action = "secret.used"    // what came of a use; no operation declares it
	ReadBindings      Action = "secret.bindings_read"
	SetBindings       Action = "secret.bind"    // where it may be used
	WhoCan            Action = "secret.who_can" // who may read, write or delete it, and why
)

// Policies.
const (
	CreatePolicy Action = "policy.create"
	ListPolicies Action = "policy.list"
	UpdatePolicy Action = "policy.update"
	DeletePolicy Action = "policy.delete"
)

// Agents.
const (
	EnrollAgent             Action = "agent.enroll"
	RegisterAgent           Action = "agent.register"
	ListAgents              Action = "agent.list"
	ReadAgent               Action = "agent.read"
	ReadAgentSelf           Action = "agent.read_self"
	ReadAccess              Action = "agent.access" // what an agent may read, write or delete, and why
	UpdateAgent             Action = "agent.update"
	DeactivateAgent         Action = "agent.deactivate"
	RotateAgentKey          Action = "agent.rotate_key"
	RotateAgentIdentityKeys Action = "agent.rotate_identity_keys"
	IssueAgentToken         Action = "agent.issue_token" // a human asks for its agent's token
	ReadEnrollment          Action = "agent.enroll_read"
	AcceptEnrollment        Action = "agent.enroll_accept" // the human takes the agent in
	RejectEnrollment        Action = "agent.enroll_reject"
	FreezeAgent             Action = "agent.freeze"
	UnfreezeAgent           Action = "agent.unfreeze"
	CreateAgentBinding      Action = "agent.binding_create" // a service that the agent works with, by a credential that it never sees
	ListAgentBindings       Action = "agent.binding_list"
	ReadAgentBinding        Action = "agent.binding_read"
	UpdateAgentBinding      Action = "agent.binding_update"
	DeleteAgentBinding      Action = "agent.binding_delete"
	TestAgentBinding        Action = "agent.binding_test"
	RotateAgentCredential   Action = "agent.binding_rotate"
	Execute                 Action = "agent.execute"
	ListExecutions          Action = "agent.executions"
)

// The organisation.
const (
	ListMembers      Action = "org.member_list"
	InviteMember     Action = "org.invite"
	AcceptInvitation Action = "org.invite_accept"
	ListInvitations  Action = "org.invite_list"
	RevokeInvitation Action = "org.invite_revoke"
	UpdateMember     Action = "org.member_update"
	RemoveMember     Action = "org.member_remove"
	ListIPRules      Action = "ip_rule.list"
	CreateIPRule     Action = "ip_rule.create"
	DeleteIPRule     Action = "ip_rule.delete"
	FreezeOrg        Action = "org.freeze" // no agent of it does anything until it is unfrozen
	UnfreezeOrg      Action = "org.unfreeze"
	ReadFreeze       Action = "org.freeze_read"
)

// Language models, called through Shroud.
const (
	CallModel  Action = "model.call"
	WatchModel Action = "model.watch" // values that the agent may use were opened, to be found in what it sends and gets
	ListModels Action = "model.list"
)

// Transactions of EVM chains, in the name of an agent.
const (
	SubmitTransaction   Action = "transaction.submit"
	SignTransaction     Action = "transaction.sign" // signed, and handed out instead of sent
	ReplaceTransaction  Action = "transaction.replace"
	SimulateTransaction Action = "transaction.simulate"
	ListTransactions    Action = "transaction.list"
	ReadTransaction     Action = "transaction.read"
	SignMessage         Action = "transaction.sign_message" // typed data or text
	CreateSigningKey    Action = "signing_key.create"       // made or imported
	ListSigningKeys     Action = "signing_key.list"
	RotateSigningKey    Action = "signing_key.rotate"
	DeleteSigningKey    Action = "signing_key.delete"
	ReadBalance         Action = "signing_key.balance"
	ReadGuard           Action = "agent.guard_read" // the rules of its transactions
	UpdateGuard         Action = "agent.guard_update"
)

// Router keys of agents: they call models and do nothing else.
const (
	CreateRouterKey Action = "router_key.create"
	ListRouterKeys  Action = "router_key.list"
	RevokeRouterKey Action = "router_key.revoke"
)

// Shroud: what became of requests to language models, and what hardware says of the server.
const (
	ReadActivity    Action = "shroud.activity"
	ReadFlagged     Action = "shroud.text" // what was flagged in a request, as it was said
	ReadAttestation Action = "shroud.attestation"
)

// Webhooks for events of the log. The one for approvals has its own actions.
const (
	CreateHook Action = "webhook.create"
	ListHooks  Action = "webhook.list"
	ReadHook   Action = "webhook.read"
	UpdateHook Action = "webhook.update"
	DeleteHook Action = "webhook.delete"
)

// Money.
const (
	ReadBilling   Action = "billing.read"
	UpdateBilling Action = "billing.update"
	BillingEvent  Action = "billing.event" // the payment provider tells of a payment
)

// The platform: what only platform admins may do, and the chains that all read.
const (
	ReadSettings   Action = "admin.settings_read"
	UpdateSettings Action = "admin.settings_update"
	ListAllUsers   Action = "admin.user_list"
	DeleteAnyUser  Action = "admin.user_delete"
	ReadLimits     Action = "admin.limits_read"
	UpdateLimits   Action = "admin.limits_update"
	ManageChains   Action = "admin.chain_update"
	ListAllChains  Action = "admin.chain_list"
	CheckChain     Action = "admin.chain_check"
	RestartChain   Action = "admin.chain_restart"
	ListChains     Action = "chain.list"
)

// The server itself.
const (
	ReadAudit   Action = "audit.read"
	VerifyAudit Action = "audit.verify" // the whole log: check it, or take it away
	ReadHealth  Action = "health.read"
	ReadOpenAPI Action = "openapi.read"
)
