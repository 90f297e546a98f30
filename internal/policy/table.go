package policy

import (
	"maps"
	"slices"
)

// table has the one row of each action: who may do it and over what, what it counts,
// what it takes. An action that is not here is denied; AuthFailure is only recorded. It
// never changes.
var table = map[Action]Rule{
	// Authentication and the caller's own account.
	Login: {Who: Anyone},
	// Not Writes: giving up a token is never refused.
	Logout:         {Who: Principals, Open: true, Counts: Spared, Frozen: true},
	Signup:         {Who: Anyone},
	VerifyEmail:    {Who: Anyone},
	ReadSigningKey: {Who: Anyone},
	ChangePassword: {Who: Users, Open: true, Writes: true, Counts: Spared},
	ReadMFA:        {Who: Users, Open: true},
	EnableMFA:      {Who: Users, Open: true, Writes: true, Person: true},
	DisableMFA:     {Who: Users, Open: true, Writes: true, Person: true},
	AskPasskey:     {Who: Anyone},
	AddPasskey:     {Who: Users, Open: true, Writes: true, Person: true},
	ListPasskeys:   {Who: Users, Open: true},
	RenamePasskey:  {Who: Users, Open: true, Writes: true},
	RemovePasskey:  {Who: Users, Open: true, Writes: true, Person: true, Counts: Spared},
	StartDevice:    {Who: Anyone},
	ReadDevice:     {Who: Anyone},
	ApproveDevice:  {Who: Users, Open: true, Writes: true, Person: true},
	DenyDevice:     {Who: Users, Open: true, Writes: true, Person: true},
	ReadUser:       {Who: Users, Open: true},
	UpdateUser:     {Who: Users, Open: true, Writes: true},
	DeleteUser:     {Who: Users, Open: true, Writes: true, Person: true, Counts: Spared},
	CreateAPIKey:   {Who: Users, Open: true, Writes: true},
	ListAPIKeys:    {Who: Users, Open: true, Rows: true},
	DeleteAPIKey:   {Who: Users, Open: true, Rows: true, Writes: true, Counts: Spared},
	ForgotPassword: {Who: Anyone},
	ResetPassword:  {Who: Anyone},
	SwitchOrg:      {Who: Users, Open: true, Writes: true},
	ListSessions:   {Who: Users, Open: true},
	EndSession:     {Who: Users, Open: true},

	// Vaults.
	CreateVault: {Who: Principals, Open: true, Writes: true},
	ListVaults:  {Who: Principals, Open: true, Rows: true},
	ReadVault:   {Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Bound: true, Reserved: true},
	// References have the name: what an agent renamed would end others' programs.
	UpdateVault: {Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true},
	DeleteVault: {Who: Principals, Over: OverVault, Creator: true, Admin: true, Holds: Delete, Writes: true},
	EnableCMEK:  {Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true},
	DisableCMEK: {Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true},
	RotateCMEK:  {Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true},
	ReadCMEK:    {Who: Users, Over: OverVault, Creator: true, Admin: true, Reserved: true},

	// Jobs that wrap a vault's data keys anew.
	RekeyVault: {Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true, Reserved: true},
	ReadRekey:  {Who: Users, Over: OverVault, Creator: true, Admin: true, Reserved: true},

	// Shares. Whose a share is, is checked where shares are kept.
	// A share hands the value on, so its maker must be able to read it.
	CreateShare:  {Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, Writes: true},
	AccessShare:  {Who: Anyone},
	ListShares:   {Who: Principals, Open: true, Rows: true},
	AcceptShare:  {Who: Principals, Open: true, Writes: true},
	DeclineShare: {Who: Principals, Open: true, Writes: true},
	RevokeShare:  {Who: Principals, Open: true, Writes: true, Counts: Spared},

	// Approvals. Who may decide one is checked where they are kept.
	RequestApproval:  {Who: Principals, Open: true, Writes: true},
	ListApprovals:    {Who: Principals, Open: true, Rows: true},
	ReadApproval:     {Who: Principals, Open: true, Rows: true},
	GrantApproval:    {Who: Users, Open: true, Writes: true, Person: true},
	DenyApproval:     {Who: Users, Open: true, Writes: true, Person: true},
	WithdrawApproval: {Who: Principals, Open: true, Writes: true},
	ReadWebhook:      {Who: Users, Admin: true},
	UpdateWebhook:    {Who: Users, Admin: true, Writes: true},

	// Requests for secrets. A value comes from a person, with the right to write the path.
	RequestSecret:         {Who: Agents, Open: true, Writes: true},
	ListSecretRequests:    {Who: Principals, Open: true, Rows: true},
	ReadSecretRequest:     {Who: Principals, Open: true, Rows: true},
	WithdrawSecretRequest: {Who: Agents, Open: true, Writes: true},
	FillSecretRequest:     {Who: Users, Over: OverPath, Need: Write, Creator: true, Gated: true, Writes: true},
	DeclineSecretRequest:  {Who: Users, Over: OverPath, Need: Write, Creator: true, Writes: true},

	// Secrets.
	ReadSecret: {Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, Reserved: true},
	UseSecret:  {Who: Principals, Over: OverPath, Need: Use, Creator: true, Gated: true, Reserved: true, Router: true},
	// A cancel pays nobody: who manages the vault may have it signed by what they may not read.
	CancelWithSecret:  {Who: Users, Over: OverPath, Creator: true, Admin: true},
	WriteSecret:       {Who: Principals, Over: OverPath, Need: Write, Creator: true, Gated: true, Writes: true},
	RotateSecret:      {Who: Principals, Over: OverPath, Need: Write, Creator: true, Gated: true, Writes: true},
	DeleteSecret:      {Who: Principals, Over: OverPath, Need: Delete, Creator: true, Gated: true, Writes: true},
	ListSecrets:       {Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Rows: true, Reserved: true},
	DescribeSecret:    {Who: Principals, Over: OverPath, Need: anyUse, Creator: true, Admin: true, Reserved: true},
	ListVersions:      {Who: Principals, Over: OverPath, Need: Read, Creator: true, Admin: true, Reserved: true},
	ReadSecretVersion: {Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, ManagersOnly: true, Reserved: true},
	RestoreSecret:     {Who: Principals, Over: OverPath, Creator: true, Admin: true, Holds: Write, Writes: true},
	PurgeSecret:       {Who: Principals, Over: OverPath, Creator: true, Admin: true, Holds: Delete, Writes: true},
	DisableVersion:    {Who: Principals, Over: OverPath, Creator: true, Admin: true, Holds: Delete, Writes: true},
	// Which secrets a request uses, and whether it may, is decided for each of them.
	SendRequest: {Who: Principals, Open: true, Writes: true},
	// Where a secret may be used.
	ReadBindings: {Who: Principals, Over: OverPath, Need: anyUse, Creator: true, Admin: true},
	SetBindings:  {Who: Users, Over: OverPath, Creator: true, Admin: true, Holds: Read, Writes: true},
	WhoCan:       {Who: Principals, Over: OverPath, Creator: true, Admin: true},

	// Policies.
	CreatePolicy: {Who: Principals, Over: OverVault, Creator: true, Admin: true, Writes: true},
	ListPolicies: {Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Bound: true, Rows: true, Reserved: true},
	UpdatePolicy: {Who: Principals, Over: OverVault, Creator: true, Admin: true, Writes: true},
	DeletePolicy: {Who: Principals, Over: OverVault, Creator: true, Admin: true, Writes: true, Counts: Spared},

	// Agents.
	EnrollAgent:   {Who: Anyone},
	RegisterAgent: {Who: Users, Open: true, Writes: true},
	ListAgents:    {Who: Users, Open: true},
	ReadAgent:     {Who: Principals, Over: OverAgent, Open: true, Self: true},
	ReadAgentSelf: {Who: Agents, Open: true, Frozen: true, Router: true},
	ReadAccess:    {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	// Not Open: whoever rotates an agent's key or takes its token can read
	// what the agent reads, so a member does it to its own agents alone.
	UpdateAgent:             {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	DeactivateAgent:         {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Counts: Spared},
	RotateAgentKey:          {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true, Counts: Spared},
	RotateAgentIdentityKeys: {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	IssueAgentToken:         {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	ReadEnrollment:          {Who: Users, Open: true},
	AcceptEnrollment:        {Who: Users, Open: true, Writes: true},
	RejectEnrollment:        {Who: Users, Open: true, Writes: true},

	FreezeAgent:   {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Counts: Spared},
	UnfreezeAgent: {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Person: true},

	// Bindings of agents. What may be asked of the service is in the binding.
	CreateAgentBinding:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	ListAgentBindings:     {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	ReadAgentBinding:      {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	UpdateAgentBinding:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	DeleteAgentBinding:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Counts: Spared},
	TestAgentBinding:      {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	RotateAgentCredential: {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	Execute:               {Who: Agents, Over: OverAgent, Self: true, Writes: true},
	ListExecutions:        {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},

	// Transactions. What they may be is in the agent's guard.
	SubmitTransaction:   {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true},
	SignTransaction:     {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true},
	ReplaceTransaction:  {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true},
	SimulateTransaction: {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	ListTransactions:    {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	ReadTransaction:     {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	SignMessage:         {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true},
	ReadGuard:           {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	UpdateGuard:         {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	CreateSigningKey:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	ListSigningKeys:     {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},
	RotateSigningKey:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	DeleteSigningKey:    {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Person: true},
	ReadBalance:         {Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true},

	// Models. Which of them is in the agent's shroud_config.
	CallModel:       {Who: Agents, Open: true, Writes: true, Router: true},
	ListModels:      {Who: Agents, Open: true, Router: true},
	ReadAttestation: {Who: Anyone},
	CreateRouterKey: {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true},
	ListRouterKeys:  {Who: Users, Over: OverAgent, Creator: true, Admin: true},
	RevokeRouterKey: {Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true, Counts: Spared},
	// Requests to language models. Of which agents, is checked where they are kept.
	ReadActivity: {Who: Principals, Open: true, Rows: true},
	// The words themselves: nothing that is kept in a program reads them.
	ReadFlagged: {Who: Users, Admin: true, Whole: true, Person: true},

	// The organisation.
	FreezeOrg:        {Who: Users, Admin: true, Writes: true, Counts: Spared},
	UnfreezeOrg:      {Who: Users, Admin: true, Writes: true, Person: true},
	ReadFreeze:       {Who: Users, Open: true},
	ListMembers:      {Who: Principals, Open: true},
	InviteMember:     {Who: Users, Admin: true, Writes: true},
	AcceptInvitation: {Who: Users, Open: true, Writes: true, Person: true},
	ListInvitations:  {Who: Users, Admin: true},
	RevokeInvitation: {Who: Users, Admin: true, Writes: true},
	UpdateMember:     {Who: Users, Admin: true, Writes: true},
	RemoveMember:     {Who: Users, Admin: true, Writes: true, Counts: Spared},
	ListIPRules:      {Who: Users, Admin: true},
	CreateIPRule:     {Who: Users, Admin: true, Writes: true},
	DeleteIPRule:     {Who: Users, Admin: true, Writes: true},

	// Webhooks for events of the log.
	CreateHook: {Who: Users, Admin: true, Writes: true},
	ListHooks:  {Who: Users, Admin: true},
	ReadHook:   {Who: Users, Admin: true},
	UpdateHook: {Who: Users, Admin: true, Writes: true},
	DeleteHook: {Who: Users, Admin: true, Writes: true, Counts: Spared},

	// Money.
	ReadBilling:   {Who: Principals, Open: true, Counts: Free},
	UpdateBilling: {Who: Users, Admin: true, Writes: true, Counts: Free},
	BillingEvent:  {Who: Anyone, Counts: Free},

	// The platform: what only platform admins may do, and the chains that all read.
	ReadSettings:   {Who: Users, Platform: true, Whole: true, Counts: Spared},
	UpdateSettings: {Who: Users, Platform: true, Writes: true, Counts: Spared},
	ListAllUsers:   {Who: Users, Platform: true, Whole: true, Counts: Spared},
	DeleteAnyUser:  {Who: Users, Platform: true, Writes: true, Person: true, Counts: Spared},
	ReadLimits:     {Who: Users, Platform: true, Whole: true, Counts: Spared},
	UpdateLimits:   {Who: Users, Platform: true, Writes: true, Counts: Spared},
	ManageChains:   {Who: Users, Platform: true, Writes: true, Counts: Spared},
	RestartChain:   {Who: Users, Platform: true, Writes: true, Person: true, Counts: Spared},
	ListAllChains:  {Who: Users, Platform: true, Whole: true, Counts: Spared},
	CheckChain:     {Who: Users, Platform: true, Whole: true, Counts: Spared},
	ListChains:     {Who: Anyone},

	// The server itself.
	ReadAudit:   {Who: Principals, Open: true, Rows: true},
	VerifyAudit: {Who: Users, Admin: true, Whole: true},
	ReadHealth:  {Who: Anyone, Counts: Free},
	ReadOpenAPI: {Who: Anyone},
}

// RuleFor returns the rule of an action, and false for an unknown one.
func RuleFor(a Action) (Rule, bool) {
	rule, ok := table[a]
	return rule, ok
}

// Actions returns every action that an operation can declare, in order of their names.
func Actions() []Action { return slices.Sorted(maps.Keys(table)) }

// Reads are the actions that hand out a secret's value, in order of their names: what is
// asked for by who read it. Access to a share has no row of a read, since anyone may try it.
func Reads() []Action {
	return slices.DeleteFunc(Actions(), func(a Action) bool { return a != AccessShare && (!table[a].Value || table[a].Writes) })
}

// Rules returns a copy of the whole table, for documents and for tests that walk it.
func Rules() map[Action]Rule { return maps.Clone(table) }

// Public reports whether anyone may call the action without a credential.
func (a Action) Public() bool { return table[a].Who == Anyone }

// Recorded reports whether the log may have events of an action: those of the table, of
// refused credentials, of requests for nothing there is, of a log that goes on, and of
// values that Shroud looks for, and of what came of a use.
func Recorded(a Action) bool {
	_, known := table[a]
	return known || a == AuthFailure || a == UnknownRequest || a == LogResumed || a == WatchModel || a == UsedSecret
}
