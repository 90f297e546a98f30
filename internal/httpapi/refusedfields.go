package httpapi

import "strings"

// limitNames refuses an agent's field that begins as a limit of transactions or a setting of
// Shroud does, and is not known: a misspelt limit must not be dropped in silence.
type limitNames struct{}

// Refuses implements rest.Refuser.
func (limitNames) Refuses(_, plain string) string {
	switch {
	case strings.HasPrefix(plain, "tx"):
		return "is no limit of this server: the limits are tx_to_allowlist, tx_allowed_chains, tx_max_value_eth, tx_daily_limit_eth, tx_max_per_day and tx_approval_policy, others are in the agent's guard"
	case strings.HasPrefix(plain, "execution"):
		return "is not known: of executions an agent has execution_intents_enabled and execution_guardrails"
	case strings.HasPrefix(plain, "shroud"):
		return "is not known: of Shroud an agent has shroud_enabled and shroud_config"
	}
	return ""
}

// txNames refuses fields of transactions that would change what is signed, and are not held, or
// are held under another name.
type txNames struct{}

const (
	noType  = "is not taken: gas_price makes a transaction of type 0, with access_list of type 1, and all others are of type 2 where the chain has it"
	noCode  = "is not taken: code for the account itself (EIP-7702, type 4) is never signed"
	noBlobs = "is not taken: blobs (EIP-4844, type 3) are not signed"
)

// Refuses implements rest.Refuser.
func (txNames) Refuses(name, plain string) string {
	var meant string
	switch plain {
	case "type", "txtype", "transactiontype":
		return noType
	case "authorizationlist", "authorisationlist", "authorizations":
		return noCode
	case "blobs", "blobhashes", "blobversionedhashes", "maxfeeperblobgas", "sidecars":
		return noBlobs
	case "gas", "gaslimit":
		meant = "gas_limit"
	case "gasprice":
		meant = "gas_price"
	case "maxfeepergas", "maxfee":
		meant = "max_fee_per_gas"
	case "maxpriorityfeepergas", "maxtip":
		meant = "max_priority_fee_per_gas"
	case "accesslist":
		meant = "access_list"
	case "input", "calldata":
		meant = "data"
	case "simulatefirst":
		meant = "simulate_first"
	case "signingkeypath", "keypath":
		meant = "signing_key_path"
	default:
		return ""
	}
	if meant == name { // of another operation, for which it means nothing here
		return ""
	}
	return "is not known: write " + meant
}
