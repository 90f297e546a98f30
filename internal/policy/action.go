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
)

// AuthFailure is recorded when a credential is refused. No operation declares
// it and Decide denies it.
const AuthFailure Action = "auth.failure"

// Vaults.
const (
	CreateVault Action = "vault.create"
	ListVaults  Action = "vault.list"
	ReadVault   Action = "vault.read"
	DeleteVault Action = "vault.delete"
	EnableCMEK  Action = "vault.cmek_enable"
	DisableCMEK Action = "vault.cmek_disable"
	RotateCMEK  Action = "vault.cmek_rotate"
	ReadCMEK    Action = "vault.cmek_read"
)

// Secrets.
const (
	ReadSecret        Action = "secret.read"
	WriteSecret       Action = "secret.write"
	RotateSecret      Action = "secret.rotate"
	DeleteSecret      Action = "secret.delete"
	ListSecrets       Action = "secret.list"
	DescribeSecret    Action = "secret.describe"
	ListVersions      Action = "secret.versions"
	ReadSecretVersion Action = "secret.read_version" // an old version's value
	RestoreSecret     Action = "secret.restore"
	PurgeSecret       Action = "secret.purge"
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
	UpdateAgent             Action = "agent.update"
	DeactivateAgent         Action = "agent.deactivate"
	RotateAgentKey          Action = "agent.rotate_key"
	RotateAgentIdentityKeys Action = "agent.rotate_identity_keys"
	IssueAgentToken         Action = "agent.issue_token" // a human asks for its agent's token
)

// The server itself.
const (
	ReadAudit   Action = "audit.read"
	VerifyAudit Action = "audit.verify" // the whole log: check it, or take it away
	ReadHealth  Action = "health.read"
	ReadOpenAPI Action = "openapi.read"
)

// Actions returns every action that an operation can declare.
func Actions() []Action {
	return []Action{
		Login, Logout, Signup, VerifyEmail, ReadSigningKey, ChangePassword,
		ReadMFA, EnableMFA, DisableMFA,
		StartDevice, ReadDevice, ApproveDevice, DenyDevice,
		ReadUser, UpdateUser, DeleteUser,
		CreateAPIKey, ListAPIKeys, DeleteAPIKey,
		CreateVault, ListVaults, ReadVault, DeleteVault,
		EnableCMEK, DisableCMEK, RotateCMEK, ReadCMEK,
		ReadSecret, WriteSecret, RotateSecret, DeleteSecret, ListSecrets, DescribeSecret,
		ListVersions, ReadSecretVersion, RestoreSecret, PurgeSecret,
		CreatePolicy, ListPolicies, UpdatePolicy, DeletePolicy,
		EnrollAgent, RegisterAgent, ListAgents, ReadAgent, ReadAgentSelf, UpdateAgent,
		DeactivateAgent, RotateAgentKey, RotateAgentIdentityKeys, IssueAgentToken,
		ReadAudit, VerifyAudit, ReadHealth, ReadOpenAPI,
	}
}
