package policy

// Who is the sort of callers that may ask for an action at all.
type Who uint8

// The sorts of callers. The zero value is nobody.
const (
	Nobody     Who = iota
	Anyone         // public: no credential is asked for, nothing is checked
	Principals     // users and agents
	Users
	Agents
)

// Object is what a Resource must carry for an action.
type Object uint8

// The objects.
const (
	OverOrg   Object = iota // the organisation, or the caller itself
	OverVault               // Vault
	OverPath                // Vault and Path
	OverAgent               // Agent
)

// Rule says who may do an action. Any one of the grants (Open, Need, Creator,
// Admin, Platform, Bound, Self) is enough; with none, the action is denied.
type Rule struct {
	Who  Who
	Over Object

	Open     bool       // every user that Who admits; agents too unless Self is set
	Need     Permission // a live policy with any of these; for OverPath one that covers the path
	Creator  bool       // who created the vault or the agent
	Admin    bool       // owners and admins
	Platform bool       // platform admins, whatever their organisation
	Bound    bool       // who is bound to the vault by name
	Self     bool       // the agent that is acted on

	// ManagersOnly asks, besides the grant, for the vault's creator or an owner
	// or admin.
	ManagersOnly bool
	// Gated marks the uses of a secret that a policy may ask a human's approval for.
	Gated bool
	// Holds is for actions that can't wait for an approval: a policy that asks the agent
	// which made the vault for approvals of this keeps it from the action, and one that
	// asks a human makes the action take a person who is there.
	Holds Permission
	// Value marks the actions that hand out a secret's value, or the right to it.
	Value bool
	// Writes marks the actions that change something: an API key with words needs one
	// that names writing.
	Writes bool
	// Whole marks the actions that show what no cap on paths can narrow.
	Whole bool
	// Person marks the actions that take a person who is there now: who has just
	// signed in, not a key, a device or a token that was kept (Principal.Here).
	Person bool
	// Reserved marks what is possible at all in a vault of the server's own.
	Reserved bool
	// Rows marks the listings of which most callers see a part: Decision.Partial.
	Rows bool
}

// anyUse is what makes a path visible to a principal.
const anyUse = Read | Write | Delete

// RuleFor returns the rule of an action, and false for an unknown one.
func RuleFor(a Action) (Rule, bool) {
	switch a {
	case Login, Signup, VerifyEmail, ReadSigningKey, StartDevice, ReadDevice,
		EnrollAgent, ForgotPassword, ResetPassword, AccessShare, BillingEvent, ListChains,
		ReadHealth, ReadOpenAPI:
		return Rule{Who: Anyone}, true
	case Logout:
		// Not Writes: giving up a token is never refused.
		return Rule{Who: Principals, Open: true}, true
	case ReadMFA, ReadUser, ListAgents, ReadEnrollment, ListSessions, EndSession:
		return Rule{Who: Users, Open: true}, true
	case ChangePassword, UpdateUser, CreateAPIKey, RegisterAgent, SwitchOrg, AcceptEnrollment, RejectEnrollment:
		return Rule{Who: Users, Open: true, Writes: true}, true
	case EnableMFA, DisableMFA, ApproveDevice, DenyDevice, DeleteUser, AcceptInvitation, GrantApproval, DenyApproval:
		return Rule{Who: Users, Open: true, Writes: true, Person: true}, true
	case ListAPIKeys:
		return Rule{Who: Users, Open: true, Rows: true}, true
	case DeleteAPIKey:
		return Rule{Who: Users, Open: true, Rows: true, Writes: true}, true
	case ListMembers, ReadBilling:
		return Rule{Who: Principals, Open: true}, true
	case ListShares, ListApprovals, ReadApproval:
		return Rule{Who: Principals, Open: true, Rows: true}, true
	case AcceptShare, DeclineShare, RevokeShare, RequestApproval, WithdrawApproval:
		return Rule{Who: Principals, Open: true, Writes: true}, true
	case InviteMember, RevokeInvitation, UpdateMember, RemoveMember, CreateIPRule, DeleteIPRule, UpdateBilling, UpdateWebhook:
		return Rule{Who: Users, Admin: true, Writes: true}, true
	case ListIPRules, ListInvitations, ReadWebhook:
		return Rule{Who: Users, Admin: true}, true
	case ReadSettings, ListAllUsers, ReadLimits, ListAllChains:
		return Rule{Who: Users, Platform: true, Whole: true}, true
	case UpdateSettings, UpdateLimits, ManageChains:
		return Rule{Who: Users, Platform: true, Writes: true}, true
	case DeleteAnyUser:
		return Rule{Who: Users, Platform: true, Writes: true, Person: true}, true
	case ReadAudit:
		return Rule{Who: Principals, Open: true, Rows: true}, true
	case VerifyAudit:
		return Rule{Who: Users, Admin: true, Whole: true}, true

	case CreateVault:
		return Rule{Who: Principals, Open: true, Writes: true}, true
	case ListVaults:
		return Rule{Who: Principals, Open: true, Rows: true}, true
	case ReadVault:
		return Rule{Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Bound: true, Reserved: true}, true
	case DeleteVault:
		return Rule{Who: Principals, Over: OverVault, Creator: true, Admin: true, Holds: Delete, Writes: true}, true
	case CreatePolicy, UpdatePolicy, DeletePolicy:
		return Rule{Who: Principals, Over: OverVault, Creator: true, Admin: true, Writes: true}, true
	case ListPolicies:
		return Rule{Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Bound: true, Rows: true, Reserved: true}, true
	case EnableCMEK, DisableCMEK, RotateCMEK:
		return Rule{Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true}, true
	case RekeyVault:
		return Rule{Who: Users, Over: OverVault, Creator: true, Admin: true, Writes: true, Reserved: true}, true
	case ReadCMEK, ReadRekey:
		return Rule{Who: Users, Over: OverVault, Creator: true, Admin: true, Reserved: true}, true

	case ReadSecret:
		return Rule{Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, Reserved: true}, true
	case CreateShare:
		// A share hands the value on, so its maker must be able to read it.
		return Rule{Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, Writes: true}, true
	case ReadSecretVersion:
		return Rule{Who: Principals, Over: OverPath, Need: Read, Creator: true, Value: true, Gated: true, ManagersOnly: true, Reserved: true}, true
	case WriteSecret, RotateSecret:
		return Rule{Who: Principals, Over: OverPath, Need: Write, Creator: true, Gated: true, Writes: true}, true
	case DeleteSecret:
		return Rule{Who: Principals, Over: OverPath, Need: Delete, Creator: true, Gated: true, Writes: true}, true
	case DescribeSecret:
		return Rule{Who: Principals, Over: OverPath, Need: anyUse, Creator: true, Admin: true, Reserved: true}, true
	case ListVersions:
		return Rule{Who: Principals, Over: OverPath, Need: Read, Creator: true, Admin: true, Reserved: true}, true
	case RestoreSecret:
		return Rule{Who: Principals, Over: OverPath, Creator: true, Admin: true, Holds: Write, Writes: true}, true
	case PurgeSecret:
		return Rule{Who: Principals, Over: OverPath, Creator: true, Admin: true, Holds: Delete, Writes: true}, true
	case ListSecrets:
		return Rule{Who: Principals, Over: OverVault, Need: anyUse, Creator: true, Admin: true, Rows: true, Reserved: true}, true

	case ReadAgentSelf:
		return Rule{Who: Agents, Open: true}, true
	case ReadAgent:
		return Rule{Who: Principals, Over: OverAgent, Open: true, Self: true}, true
	case UpdateAgent, DeactivateAgent, RotateAgentIdentityKeys, IssueAgentToken:
		// Not Open: whoever rotates an agent's key or takes its token can read
		// what the agent reads, so a member does it to its own agents alone.
		return Rule{Who: Users, Over: OverAgent, Creator: true, Admin: true, Writes: true}, true
	case RotateAgentKey:
		return Rule{Who: Principals, Over: OverAgent, Creator: true, Admin: true, Self: true, Writes: true}, true

	case AuthFailure: // only recorded: nobody asks to do it
	}
	return Rule{}, false
}

// Rules returns the whole table, for documents and for tests that walk it.
func Rules() map[Action]Rule {
	table := make(map[Action]Rule)
	for _, a := range Actions() {
		table[a], _ = RuleFor(a)
	}
	return table
}

// Public reports whether anyone may call the action without a credential.
func (a Action) Public() bool {
	rule, _ := RuleFor(a)
	return rule.Who == Anyone
}
