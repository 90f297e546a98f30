package identity

import "time"

// State is what decides whether and how far an agent may act now.
type State struct {
	ID, Org   string
	Creator   string // the human who made it
	Active    bool
	ExpiresAt time.Time // zero: never
	TokenGen  int64     // grows when all its tokens must die
	TokenTTL  int64     // seconds; 0 is the default
	Scopes    []string
	VaultIDs  []string
	Intents   bool
	Shroud    bool
	NoReveal  bool // no route shows it a value
	Frozen    bool // it, or its organisation, may do nothing until that is ended
	// Patterns are those of its live policies, for its tokens to tell when it has no
	// scopes of its own (contract section 5). nil: not looked up.
	Patterns []string
}

// Live reports whether the agent may do anything at a moment.
func (a *State) Live(now time.Time) bool { return a.Active && before(now, a.ExpiresAt) }

// DeadReason says in the log why an agent is not live.
func (a *State) DeadReason() string {
	if a.Active {
		return "agent_expired"
	}
	return "agent_inactive"
}
