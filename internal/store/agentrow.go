package store

import (
	"database/sql"
	"encoding/json"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/sqldb"
)

// stateColumns are what a request needs of an agent; otherColumns the rest.
const (
	stateColumns = `id, org_id, created_by, is_active, expires_at, token_gen, token_ttl_seconds, scopes, vault_ids,
		intents_api_enabled, shroud_enabled, no_reveal`
	otherColumns = `name, description, auth_method, key_hash, key_prefix, tx_to_allowlist, tx_max_value_eth,
		tx_daily_limit_eth, tx_allowed_chains, client_cert_fingerprint, oidc_issuer, oidc_client_id, ssh_public_key,
		ecdh_public_key, shroud_config, created_at, key_by, key_at, held, tx_fields, held_limits, seen_limits, execution, last_active_at`
	// agentColumns are those of the row; selectAgents reads what is known of agents.
	agentColumns = stateColumns + `, ` + otherColumns
	selectState  = `SELECT ` + stateColumns + `, ` + frozenColumn + ` FROM agents `
	selectAgents = `SELECT ` + stateColumns + `, ` + frozenColumn + `, ` + otherColumns + ` FROM agents `
	// frozenColumn is 0 unless the agent, or its organisation, is frozen.
	frozenColumn = `(SELECT COUNT(*) FROM freezes f WHERE f.org_id = agents.org_id AND (f.agent_id = '' OR f.agent_id = agents.id))`
)

// stateRow takes the columns of a state.
type stateRow struct {
	a                       identity.State
	active, intents, shroud int64
	hides                   int64
	frozen                  int64
	expires, ttl            sql.NullInt64
	scopes, vaults          string
}

func (r *stateRow) dest() []any {
	return []any{&r.a.ID, &r.a.Org, &r.a.Creator, &r.active, &r.expires, &r.a.TokenGen, &r.ttl, &r.scopes, &r.vaults,
		&r.intents, &r.shroud, &r.hides, &r.frozen}
}

func (r *stateRow) state() (identity.State, error) {
	a := r.a
	a.Active, a.Intents, a.Shroud, a.NoReveal, a.Frozen = r.active != 0, r.intents != 0, r.shroud != 0, r.hides != 0, r.frozen != 0
	a.ExpiresAt, a.TokenTTL = fromNull(r.expires), r.ttl.Int64
	if err := readList(r.scopes, &a.Scopes); err != nil {
		return a, err
	}
	return a, readList(r.vaults, &a.VaultIDs)
}

// agentRow takes all columns of an agent.
type agentRow struct {
	stateRow
	g                                                           agent.Agent
	keyHash, maxValue, daily, cert, issuer, client, shroudC     sql.NullString
	to, chains, held, fields, heldLimits, seenLimits, execution string
	created                                                     int64
	keyAt, last                                                 sql.NullInt64
}

func (r *agentRow) dest() []any {
	g := &r.g
	return append(r.stateRow.dest(), &g.Name, &g.Description, &g.AuthMethod, &r.keyHash, &g.KeyPrefix, &r.to, &r.maxValue,
		&r.daily, &r.chains, &r.cert, &r.issuer, &r.client, &g.SSHPublicKey, &g.ECDHPublicKey, &r.shroudC, &r.created,
		&g.KeyBy, &r.keyAt, &r.held, &r.fields, &r.heldLimits, &r.seenLimits, &r.execution, &r.last)
}

func (r *agentRow) agent() (agent.Agent, error) {
	g := r.g
	var err error
	if g.State, err = r.state(); err != nil {
		return g, err
	}
	g.KeyHash = r.keyHash.String
	g.Guardrails.MaxValueETH, g.Guardrails.DailyLimitETH = r.maxValue.String, r.daily.String
	g.CertFingerprint, g.OIDCIssuer, g.OIDCClientID = r.cert.String, r.issuer.String, r.client.String
	if r.shroudC.Valid {
		g.ShroudConfig = []byte(r.shroudC.String)
	}
	g.CreatedAt, g.LastActiveAt, g.KeyAt = fromMicros(r.created), fromNull(r.last), fromNull(r.keyAt)
	if err = readList(r.held, &g.Held); err != nil {
		return g, err
	}
	if g.Guardrails.Fields, err = readFields(r.fields); err != nil {
		return g, err
	}
	if err = readLimits(r.heldLimits, &g.HeldLimits); err != nil {
		return g, err
	}
	if err = readExecution(r.execution, &g.Execution); err != nil {
		return g, err
	}
	if r.seenLimits != "" {
		g.SeenLimits = new(intents.Guardrails)
		if err = readLimits(r.seenLimits, g.SeenLimits); err != nil {
			return g, err
		}
	}
	if err = readList(r.to, &g.Guardrails.ToAllowlist); err != nil {
		return g, err
	}
	return g, readList(r.chains, &g.Guardrails.AllowedChains)
}

// agentValues are the values of agentColumns without last_active_at.
func agentValues(g *agent.Agent) []any {
	rails := &g.Guardrails
	return []any{
		g.ID, g.Org, g.Creator, number(g.Active), nullMicros(g.ExpiresAt), g.TokenGen,
		sql.NullInt64{Int64: g.TokenTTL, Valid: g.TokenTTL != 0}, listText(g.Scopes), listText(g.VaultIDs),
		number(g.Intents), number(g.Shroud), number(g.NoReveal), g.Name, g.Description, g.AuthMethod, nullString(g.KeyHash), g.KeyPrefix,
		listText(rails.ToAllowlist), nullString(rails.MaxValueETH), nullString(rails.DailyLimitETH), listText(rails.AllowedChains),
		nullString(g.CertFingerprint), nullString(g.OIDCIssuer), nullString(g.OIDCClientID), g.SSHPublicKey,
		g.ECDHPublicKey, nullString(string(g.ShroudConfig)), micros(g.CreatedAt),
		string(g.KeyBy), nullMicros(g.KeyAt), listText(g.Held), fieldsText(&rails.Fields), limitsText(&g.HeldLimits), seenText(g.SeenLimits), executionText(&g.Execution),
	}
}

// fieldsText is how the fields of guardrails are stored.
func fieldsText(f *intents.Fields) string {
	text, err := json.Marshal(f)
	if err != nil {
		panic("store: fields do not marshal") // they always do
	}
	return string(text)
}

func readFields(text string) (f intents.Fields, err error) {
	if text != "{}" {
		err = sqldb.Parsed(json.Unmarshal([]byte(text), &f))
	}
	return f, err
}

func readLimits(text string, into *intents.Guardrails) error {
	if text == "" {
		return nil
	}
	return sqldb.Parsed(json.Unmarshal([]byte(text), into))
}

func limitsText(g *intents.Guardrails) string {
	text, err := json.Marshal(g)
	if err != nil {
		panic("store: limits do not marshal") // they always do
	}
	return string(text)
}

func seenText(g *intents.Guardrails) string {
	if g == nil {
		return ""
	}
	return limitsText(g)
}
