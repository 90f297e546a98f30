package policy

// whoMay says to a caller that may not do an action who may.
func whoMay(a Action) string {
	rule := table[a]
	switch {
	case rule.Who == Agents:
		return "Only an agent may do this, with its own key."
	case rule.Platform:
		return "Only a platform admin of this server may do this."
	case rule.Creator && rule.Self:
		return "Only the agent itself, the person who made it, or an owner or admin of the organisation may do this."
	case rule.Creator && rule.Over == OverAgent:
		return "Only the person who made the agent, or an owner or admin of the organisation, may do this."
	case rule.Need == Write && rule.Who == Users:
		return "Only a person who may write the path may do this, with a login or an API key of their own. An agent may not."
	case rule.Creator && rule.Who == Users:
		return "Only the person who made the vault, or an owner or admin of the organisation, may do this."
	case rule.Creator:
		return "Only who made the vault, or an owner or admin of the organisation, may do this."
	case rule.Admin:
		return "Only an owner or admin of the organisation may do this."
	default:
		return "Only a person may do this, with a login or an API key of their own. An agent may not."
	}
}
