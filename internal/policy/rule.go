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

// Count says what an action does to the count of requests of a month.
type Count uint8

// The ways of counting. Whoever has used up the month can still pay, and can still
// take back what somebody else could misuse.
const (
	Counted Count = iota // counted, and refused when the month is used up
	Spared               // counted, never refused: it takes rights away, or runs the server
	Free                 // not counted at all
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
	// Frozen marks what an agent may do that is frozen.
	Frozen bool
	// Router marks what an agent may do that came with a router key. Of secrets it uses the
	// keys of providers alone.
	Router bool
	// Counts says what the action does to the organisation's count of the month.
	Counts Count
	// Rows marks the listings of which most callers see a part: Decision.Partial.
	Rows bool
}

// anyUse is what makes a path visible to a principal.
const anyUse = Read | Write | Delete | Use
