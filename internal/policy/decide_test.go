package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
)

var noon = policy.Moment{
	Now: time.Date(2026, time.March, 10, 12, 0, 0, 0, time.UTC),
	IP:  netip.MustParseAddr("10.0.0.7"),
}

// who and where: the cast of the table. Each call returns a fresh value.

func user(id string, role policy.Role, scopes ...string) policy.Principal {
	return policy.Principal{Kind: policy.KindUser, ID: id, Org: "acme", Role: role, Scopes: scopes}
}

func agent(scopes ...string) policy.Principal {
	return policy.Principal{Kind: policy.KindAgent, ID: "bot", Org: "acme", Creator: "carol", Scopes: scopes}
}

func signedIn(p policy.Principal, ago time.Duration) policy.Principal {
	p.Person = noon.Now.Add(ago)
	return p
}

func withKey(p policy.Principal) policy.Principal { p.Key = "k1"; return p }

func onDevice(p policy.Principal) policy.Principal { p.Device = true; return p }

func platformAdmin(p policy.Principal) policy.Principal { p.PlatformAdmin = true; return p }

func bound(p policy.Principal, vaults ...string) policy.Principal { p.Vaults = vaults; return p }

func frozen(p policy.Principal) policy.Principal { p.Frozen = true; return p }

func routed() policy.Principal   { p := agent(); p.Router = true; return p }
func unseeing() policy.Principal { p := agent(); p.NoReveal = true; return p }

func signer() policy.Principal { p := agent(); p.IntentsAPI = true; return p }

// carolsVault was made by the user carol; botsVault by her agent bot.
func carolsVault() *policy.Vault {
	return &policy.Vault{ID: "v1", Org: "acme", CreatedBy: "carol", CreatedByKind: policy.KindUser}
}

func botsVault() *policy.Vault {
	return &policy.Vault{ID: "v1", Org: "acme", CreatedBy: "bot", CreatedByKind: policy.KindAgent, CreatorHuman: "carol"}
}

func foreignVault() *policy.Vault {
	return &policy.Vault{ID: "v1", Org: "evil", CreatedBy: "bot", CreatedByKind: policy.KindAgent, CreatorHuman: "carol"}
}

// serversVault is the server's own, whoever it says made it.
func closedVault() *policy.Vault { v := serversVault(); v.Closed = true; return v }

func serversVault() *policy.Vault { v := carolsVault(); v.Reserved = true; return v }

func carolsBot() *policy.Agent { return &policy.Agent{ID: "bot", Org: "acme", Creator: "carol"} }

type change func(*policy.Spec)

func grant(pattern, words string, changes ...change) policy.Spec {
	s := policy.Spec{
		ID: "p1", Vault: "v1", Pattern: pattern, PrincipalKind: policy.KindAgent, PrincipalID: "bot",
		Permissions: strings.Split(words, ","),
	}
	for _, c := range changes {
		c(&s)
	}
	return s
}

func to(kind policy.PrincipalKind, id string) change {
	return func(s *policy.Spec) { s.PrincipalKind, s.PrincipalID = kind, id }
}
func named(id string) change   { return func(s *policy.Spec) { s.ID = id } }
func inVault(id string) change { return func(s *policy.Spec) { s.Vault = id } }
func when(json string) change  { return func(s *policy.Spec) { s.Conditions = []byte(json) } }
func until(t time.Time) change { return func(s *policy.Spec) { s.ExpiresAt = t } }

const asks = `{"require_approval":true}`

func specs(s ...policy.Spec) []policy.Spec { return s }

func set(t testing.TB, rows ...policy.Spec) *policy.Set {
	t.Helper()
	var compiled []policy.Policy
	for _, s := range rows {
		p, err := policy.CompilePolicy(s)
		if err != nil {
			t.Fatal(err)
		}
		compiled = append(compiled, p)
	}
	return policy.NewSet(compiled)
}

func path(t testing.TB, s string) secretpath.Path {
	t.Helper()
	if s == "" {
		return secretpath.Path{}
	}
	p, err := secretpath.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const (
	farIP    = `{"ip_allowlist":["192.0.2.0/24"]}`
	atNight  = `{"time_window":{"after":"22:00","before":"06:00"}}`
	nightFar = `{"ip_allowlist":["192.0.2.0/24"],"time_window":{"after":"22:00","before":"06:00"}}`
)

// decisions is the table. allow is whether reason is one that allows; partial is
// Decision.Partial. The vault is carol's unless said; the path is prod/db.
var decisions = map[string]struct {
	who      policy.Principal
	do       policy.Action
	rows     []policy.Spec
	vault    *policy.Vault // nil: carol's
	noVault  bool
	approved policy.Version
	path     string // "": prod/db
	noPath   bool
	agent    *policy.Agent
	org      string // "": acme
	typ      string
	reason   policy.Reason
	allow    bool
	partial  bool
}{
	// Public and anonymous.
	"anyone logs in":                     {who: policy.Principal{}, do: policy.Login, reason: "public", allow: true},
	"an anonymous caller reads nothing":  {who: policy.Principal{Kind: policy.KindAnonymous}, do: policy.ReadSecret, reason: "unauthenticated"},
	"a caller without an id is nobody":   {who: policy.Principal{Kind: policy.KindUser, Org: "acme", Role: "owner"}, do: policy.ReadVault, reason: "unauthenticated"},
	"an unknown action is denied":        {who: user("olga", "owner"), do: "secret.peek", reason: "unknown_action"},
	"a failed login is not an operation": {who: user("olga", "owner"), do: policy.AuthFailure, reason: "unknown_action"},

	// Organisation.
	"a vault of another organisation is out of reach":           {who: agent(), do: policy.ReadSecret, vault: foreignVault(), rows: specs(grant("**", "read")), reason: "other_org"},
	"an owner does not manage another organisation's vault":     {who: user("carol", "owner"), do: policy.DeleteVault, vault: foreignVault(), reason: "other_org"},
	"an agent of another organisation is out of reach":          {who: user("carol", "owner"), do: policy.RotateAgentKey, agent: &policy.Agent{ID: "bot", Org: "evil", Creator: "carol"}, reason: "other_org"},
	"a resource of another organisation is out of reach":        {who: user("olga", "owner"), do: policy.ReadAudit, org: "evil", reason: "other_org"},
	"an agent asking for users' actions elsewhere learns least": {who: agent(), do: policy.RotateCMEK, vault: foreignVault(), reason: "other_org"},
	"a caller without an organisation reaches nothing":          {who: policy.Principal{Kind: policy.KindUser, ID: "x"}, do: policy.ListVaults, reason: "other_org"},

	// Kinds.
	"an agent makes no API keys":               {who: agent(), do: policy.CreateAPIKey, reason: "kind_required"},
	"an agent registers no agents":             {who: agent(), do: policy.RegisterAgent, reason: "kind_required"},
	"an agent does not update itself":          {who: agent(), do: policy.UpdateAgent, agent: carolsBot(), reason: "kind_required"},
	"a frozen agent reads nothing it made":     {who: frozen(agent()), do: policy.ReadSecret, vault: botsVault(), path: "a", reason: "frozen"},
	"a frozen agent submits nothing":           {who: frozen(agent()), do: policy.SubmitTransaction, agent: carolsBot(), reason: "frozen"},
	"a frozen agent sees itself":               {who: frozen(agent()), do: policy.ReadAgentSelf, allow: true, reason: "signed_in"},
	"a frozen agent gives its token up":        {who: frozen(agent()), do: policy.Logout, allow: true, reason: "signed_in"},
	"a user is not an agent":                   {who: user("carol", "owner"), do: policy.ReadAgentSelf, reason: "kind_required"},
	"an agent does not touch a vault's CMEK":   {who: agent(), do: policy.EnableCMEK, vault: botsVault(), reason: "kind_required"},
	"an agent reads itself":                    {who: agent(), do: policy.ReadAgentSelf, reason: "signed_in", allow: true},
	"every caller may give up its token":       {who: agent(), do: policy.Logout, reason: "signed_in", allow: true},
	"a read-only key may give up its token":    {who: user("mia", "member", "vault:read"), do: policy.Logout, reason: "signed_in", allow: true},
	"a path action without a path is denied":   {who: user("carol", "owner"), do: policy.ReadSecret, noPath: true, reason: "missing_resource"},
	"a vault action without a vault is denied": {who: user("carol", "owner"), do: policy.ReadVault, noVault: true, reason: "missing_resource"},
	"an agent action without one is denied":    {who: user("carol", "owner"), do: policy.UpdateAgent, reason: "missing_resource"},

	// Vault binding.
	"a bound agent is denied outside in spite of a policy": {who: bound(agent(), "v2"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_vault_binding"},
	"a bound agent is denied outside even as creator":      {who: bound(agent(), "v2"), do: policy.ReadSecret, vault: botsVault(), reason: "outside_vault_binding"},
	"a bound agent makes no vault":                         {who: bound(agent(), "v1"), do: policy.CreateVault, noVault: true, reason: "outside_vault_binding"},
	"binding alone reads no secret":                        {who: bound(agent(), "v2", "v1"), do: policy.ReadSecret, reason: "no_policy"},
	"binding alone lists no secrets":                       {who: bound(agent(), "v1"), do: policy.ListSecrets, reason: "no_policy"},
	"binding shows the vault":                              {who: bound(agent(), "v1"), do: policy.ReadVault, reason: "bound", allow: true},
	"a bound agent with a policy reads":                    {who: bound(agent(), "v1"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},

	// Scopes.
	"a path scope caps a wider policy":                     {who: agent("dev/**"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_scope"},
	"a path scope that covers the path lets it through":    {who: agent("dev/**", "prod/*"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},
	"a path scope grants nothing by itself":                {who: agent("prod/**"), do: policy.ReadSecret, reason: "no_policy"},
	"a path scope caps a creator":                          {who: agent("dev/**"), do: policy.ReadSecret, vault: botsVault(), reason: "outside_scope"},
	"words do not restrict an agent's paths":               {who: agent("vault:read", "tx:sign"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},
	"words do not stop an agent's writes":                  {who: agent("vault:read"), do: policy.WriteSecret, rows: specs(grant("**", "write")), reason: "policy:p1", allow: true},
	"words beside a path scope do not lift it":             {who: agent("vault.read", "dev/**"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_scope"},
	"the star word does not lift a path scope":             {who: agent("*", "dev/**"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_scope"},
	"two stars among the scopes lift the cap":              {who: agent("dev/**", "**"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},
	"a scope that means nothing caps to nothing":           {who: agent("prod//**"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_scope"},
	"a scope with stars where none may be caps to nothing": {who: agent("pro**", "**d/db"), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "outside_scope"},
	"a capped agent lists the part it may see":             {who: agent("prod/**"), do: policy.ListSecrets, vault: botsVault(), reason: "creator", allow: true, partial: true},
	"a capped agent sets no policies":                      {who: agent("prod/**"), do: policy.CreatePolicy, vault: botsVault(), reason: "outside_scope"},
	"a capped agent deletes no vault":                      {who: agent("prod/**"), do: policy.DeleteVault, vault: botsVault(), reason: "outside_scope"},
	"a capped agent makes a vault":                         {who: agent("prod/**"), do: policy.CreateVault, noVault: true, reason: "signed_in", allow: true},
	"a capped agent renews its key":                        {who: agent("prod/**"), do: policy.RotateAgentKey, agent: carolsBot(), reason: "self", allow: true},
	"a capped API key makes no API key":                    {who: user("mia", "owner", "prod/**"), do: policy.CreateAPIKey, reason: "outside_scope"},
	"a capped API key takes over no agent":                 {who: user("carol", "owner", "prod/**", "vault:write"), do: policy.RotateAgentKey, agent: carolsBot(), reason: "outside_scope"},
	"a capped API key writes inside its cap":               {who: user("carol", "member", "prod/**"), do: policy.WriteSecret, reason: "creator", allow: true},
	"a read-only API key does not write":                   {who: user("carol", "owner", "vault:read"), do: policy.WriteSecret, reason: "outside_scope"},
	"a read-only API key makes no API key":                 {who: user("carol", "owner", "vault:read"), do: policy.CreateAPIKey, reason: "outside_scope"},
	"a read-only API key approves no device":               {who: user("carol", "owner", "vault.read"), do: policy.ApproveDevice, reason: "outside_scope"},
	"a read-only API key reads":                            {who: user("carol", "owner", "vault:read"), do: policy.ReadSecret, reason: "creator", allow: true},
	"an API key with a write word writes":                  {who: user("carol", "owner", "vault:read", "secrets:write"), do: policy.WriteSecret, reason: "creator", allow: true},
	"an API key with a dotted write word writes":           {who: user("carol", "owner", "vault.write"), do: policy.WriteSecret, reason: "creator", allow: true},
	"an API key with a starred word writes":                {who: user("carol", "owner", "vault:*"), do: policy.WriteSecret, reason: "creator", allow: true},
	"an API key with the star word writes":                 {who: user("carol", "owner", "*"), do: policy.WriteSecret, reason: "creator", allow: true},
	"a word for the audit log reads no secrets":            {who: user("carol", "owner", "audit:read"), do: policy.ReadSecret, reason: "outside_scope"},
	"a word for the audit log reads it":                    {who: user("olga", "owner", "audit:read"), do: policy.ReadAudit, noVault: true, reason: "signed_in", allow: true},
	"a word for writing the audit log invites nobody":      {who: user("olga", "owner", "audit:write"), do: policy.InviteMember, noVault: true, reason: "outside_scope"},
	"a word for members invites":                           {who: user("olga", "owner", "members:write"), do: policy.InviteMember, noVault: true, reason: "role", allow: true},
	"a word that nobody knows reads nothing":               {who: user("carol", "owner", "tx:sign"), do: policy.ReadSecret, reason: "outside_scope"},
	"a longer word is another word":                        {who: user("carol", "owner", "vault:read:all"), do: policy.ReadSecret, reason: "outside_scope"},
	"a word for writing does not read":                     {who: user("carol", "owner", "secret:write"), do: policy.ReadSecret, reason: "outside_scope"},
	"a word for secrets shows the vault":                   {who: user("carol", "owner", "secret:write"), do: policy.ReadVault, reason: "creator", allow: true},
	"a word for secrets deletes no vault":                  {who: user("carol", "owner", "secret:*"), do: policy.DeleteVault, reason: "outside_scope"},
	"a word for shares alone shares no secret":             {who: user("carol", "owner", "share:write"), do: policy.CreateShare, reason: "outside_scope"},
	"words for shares and for reading share":               {who: user("carol", "owner", "share:write", "secret:read"), do: policy.CreateShare, reason: "creator", allow: true},
	"every key may ask whose it is":                        {who: user("carol", "owner", "tx:sign"), do: policy.ReadUser, noVault: true, reason: "signed_in", allow: true},
	"an API key whose word only begins with write":         {who: user("carol", "owner", "vault:write_none"), do: policy.WriteSecret, reason: "outside_scope"},

	// Policies.
	"a policy lets an agent read":                      {who: agent(), do: policy.ReadSecret, rows: specs(grant("prod/**", "read")), reason: "policy:p1", allow: true},
	"the first policy that allows gives its name":      {who: agent(), do: policy.ReadSecret, rows: specs(grant("dev/**", "read", named("a")), grant("prod/*", "write", named("b")), grant("**", "read", named("c")), grant("prod/db", "read", named("d"))), reason: "policy:c", allow: true},
	"a policy comes before being the creator":          {who: user("carol", "member"), do: policy.ReadSecret, rows: specs(grant("**", "read", to("user", "carol"))), reason: "policy:p1", allow: true},
	"no policy, no read":                               {who: agent(), do: policy.ReadSecret, reason: "no_policy"},
	"a policy for another path does not help":          {who: agent(), do: policy.ReadSecret, rows: specs(grant("dev/**", "read")), reason: "no_policy"},
	"a policy for another case does not help":          {who: agent(), do: policy.ReadSecret, rows: specs(grant("Prod/**", "read")), reason: "no_policy"},
	"a policy for another agent does not help":         {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", to("agent", "other"))), reason: "no_policy"},
	"a policy for a user of the same id does not help": {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", to("user", "bot"))), reason: "no_policy"},
	"a policy of another vault does not help":          {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", inVault("v2"))), reason: "no_policy"},
	"an agent has nothing from its human's vault":      {who: agent(), do: policy.ReadSecret, reason: "no_policy"},
	"read does not write":                              {who: agent(), do: policy.WriteSecret, rows: specs(grant("**", "read")), reason: "no_policy"},
	"write does not read":                              {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "write")), reason: "no_policy"},
	"write deletes":                                    {who: agent(), do: policy.DeleteSecret, rows: specs(grant("**", "write")), reason: "policy:p1", allow: true},
	"delete deletes":                                   {who: agent(), do: policy.DeleteSecret, rows: specs(grant("**", "delete")), reason: "policy:p1", allow: true},
	"delete does not write":                            {who: agent(), do: policy.WriteSecret, rows: specs(grant("**", "delete")), reason: "no_policy"},
	"read does not delete":                             {who: agent(), do: policy.DeleteSecret, rows: specs(grant("**", "read")), reason: "no_policy"},
	"delete describes":                                 {who: agent(), do: policy.DescribeSecret, rows: specs(grant("**", "delete")), reason: "policy:p1", allow: true},
	"a policy lets an agent list its part":             {who: agent(), do: policy.ListSecrets, noPath: true, rows: specs(grant("dev/**", "read")), reason: "policy:p1", allow: true, partial: true},
	"a policy shows the vault":                         {who: agent(), do: policy.ReadVault, noPath: true, rows: specs(grant("dev/**", "read")), reason: "policy:p1", allow: true},
	"no policy, no vault":                              {who: agent(), do: policy.ReadVault, reason: "no_policy"},

	// Conditions and expiry.
	"an expired policy says so":                       {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", until(noon.Now))), reason: "policy_expired"},
	"a policy counts until the instant it expires":    {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", until(noon.Now.Add(1)))), reason: "policy:p1", allow: true},
	"an address outside the list says so":             {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(farIP))), reason: "ip_not_allowed"},
	"a time outside the window says so":               {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(atNight))), reason: "outside_time_window"},
	"of two conditions the address is named first":    {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(nightFar))), reason: "ip_not_allowed"},
	"of several near misses the nearest is named":     {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(atNight)), grant("**", "read", when(farIP)), grant("**", "read", until(noon.Now))), reason: "outside_time_window"},
	"a policy that would not have helped is no miss":  {who: agent(), do: policy.ReadSecret, rows: specs(grant("dev/**", "read", until(noon.Now)), grant("**", "write", when(farIP))), reason: "no_policy"},
	"a live policy wins over near misses":             {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(farIP)), grant("**", "read", named("ok"))), reason: "policy:ok", allow: true},
	"a policy out of its hours does not show a vault": {who: agent(), do: policy.ReadVault, rows: specs(grant("**", "read", when(atNight))), reason: "outside_time_window"},
	"an expired policy lists nothing":                 {who: agent(), do: policy.ListSecrets, rows: specs(grant("**", "read", until(noon.Now.Add(-1)))), reason: "policy_expired"},

	// Creators.
	"the creator reads":                             {who: user("carol", "member"), do: policy.ReadSecret, reason: "creator", allow: true},
	"the creator writes":                            {who: user("carol", "member"), do: policy.WriteSecret, reason: "creator", allow: true},
	"the creator purges":                            {who: user("carol", "member"), do: policy.PurgeSecret, reason: "creator", allow: true},
	"the creator deletes the vault":                 {who: user("carol", "member"), do: policy.DeleteVault, reason: "creator", allow: true},
	"an agent that made the vault reads":            {who: agent(), do: policy.ReadSecret, vault: botsVault(), reason: "creator", allow: true},
	"an agent that made the vault sets policies":    {who: agent(), do: policy.CreatePolicy, vault: botsVault(), reason: "creator", allow: true},
	"an agent sets no policies elsewhere":           {who: agent(), do: policy.CreatePolicy, rows: specs(grant("**", "read,write")), reason: "role_required"},
	"the human whose agent made the vault reads":    {who: user("carol", "member"), do: policy.ReadSecret, vault: botsVault(), reason: "creator", allow: true},
	"a user of the id of the agent that made it":    {who: user("bot", "member"), do: policy.ReadSecret, vault: botsVault(), reason: "no_policy"},
	"a vault without a creator has no creator":      {who: user("carol", "member"), do: policy.ReadSecret, vault: &policy.Vault{ID: "v1", Org: "acme"}, reason: "no_policy"},
	"the creator sees every policy":                 {who: user("carol", "member"), do: policy.ListPolicies, reason: "creator", allow: true},
	"a grantee sees the policies that name it":      {who: agent(), do: policy.ListPolicies, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true, partial: true},
	"a creator with a policy lists the whole vault": {who: user("carol", "member"), do: policy.ListSecrets, rows: specs(grant("dev/*", "read", to("user", "carol"))), reason: "policy:p1", allow: true},

	// Roles.
	"an owner reads no value by role":                   {who: user("olga", "owner"), do: policy.ReadSecret, reason: "no_policy"},
	"an admin reads no value by role":                   {who: user("adam", "admin"), do: policy.ReadSecret, reason: "no_policy"},
	"an owner writes no value by role":                  {who: user("olga", "owner"), do: policy.WriteSecret, reason: "no_policy"},
	"an owner deletes no secret by role":                {who: user("olga", "owner"), do: policy.DeleteSecret, reason: "no_policy"},
	"an owner lists every secret":                       {who: user("olga", "owner"), do: policy.ListSecrets, reason: "role", allow: true},
	"an admin describes a secret":                       {who: user("adam", "admin"), do: policy.DescribeSecret, reason: "role", allow: true},
	"an admin lists versions":                           {who: user("adam", "admin"), do: policy.ListVersions, reason: "role", allow: true},
	"an admin restores":                                 {who: user("adam", "admin"), do: policy.RestoreSecret, reason: "role", allow: true},
	"an owner purges":                                   {who: user("olga", "owner"), do: policy.PurgeSecret, reason: "role", allow: true},
	"an owner renames a vault":                          {who: user("olga", "owner"), do: policy.UpdateVault, reason: "role", allow: true},
	"a member renames no other's vault":                 {who: user("mia", "member"), do: policy.UpdateVault, reason: "role_required"},
	"the creator renames the vault":                     {who: user("carol", "member"), do: policy.UpdateVault, reason: "creator", allow: true},
	"an agent renames not even its own vault":           {who: agent(), do: policy.UpdateVault, vault: botsVault(), reason: "kind_required"},
	"an owner deletes a vault":                          {who: user("olga", "owner"), do: policy.DeleteVault, reason: "role", allow: true},
	"an admin sets policies":                            {who: user("adam", "admin"), do: policy.UpdatePolicy, reason: "role", allow: true},
	"a member deletes no other's vault":                 {who: user("mia", "member"), do: policy.DeleteVault, reason: "role_required"},
	"a member restores nothing with a policy":           {who: user("mia", "member"), do: policy.RestoreSecret, rows: specs(grant("**", "read,write", to("user", "mia"))), reason: "role_required"},
	"an agent has no role":                              {who: policy.Principal{Kind: policy.KindAgent, ID: "bot", Org: "acme", Role: "owner"}, do: policy.DeleteVault, reason: "role_required"},
	"an unknown role is a member's":                     {who: user("mia", "Owner"), do: policy.DeleteVault, reason: "role_required"},
	"an owner sees the whole audit log":                 {who: user("olga", "owner"), do: policy.ReadAudit, reason: "signed_in", allow: true},
	"an admin verifies the audit log":                   {who: user("adam", "admin", "audit:read"), do: policy.VerifyAudit, reason: "role", allow: true},
	"a member does not verify the audit log":            {who: user("mia", "member"), do: policy.VerifyAudit, reason: "role_required"},
	"an agent does not verify the audit log":            {who: agent(), do: policy.VerifyAudit, reason: "kind_required"},
	"a capped API key does not take the audit log away": {who: user("olga", "owner", "prod/**"), do: policy.VerifyAudit, reason: "outside_scope"},
	"a member sees its own audit events":                {who: user("mia", "member"), do: policy.ReadAudit, reason: "signed_in", allow: true, partial: true},
	"an agent sees its own audit events":                {who: agent(), do: policy.ReadAudit, reason: "signed_in", allow: true, partial: true},
	"a router key calls a model":                        {who: routed(), do: policy.CallModel, reason: "signed_in", allow: true},
	"a router key uses a provider's key":                {who: routed(), do: policy.UseSecret, path: "providers/openai/api-key", rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},
	"a router key uses no other secret":                 {who: routed(), do: policy.UseSecret, path: "providers/openai/x/api-key", rows: specs(grant("**", "read")), reason: "router_key"},
	"a router key reads no provider's key":              {who: routed(), do: policy.ReadSecret, path: "providers/openai/api-key", rows: specs(grant("**", "read")), reason: "router_key"},
	"a router key signs nothing":                        {who: routed(), do: policy.ListTransactions, agent: &policy.Agent{ID: "bot", Org: "acme"}, reason: "router_key"},
	"an agent gives itself no router key":               {who: agent(), do: policy.CreateRouterKey, agent: &policy.Agent{ID: "bot", Org: "acme"}, reason: "kind_required"},
	"an owner sees all requests to models":              {who: user("olga", "owner"), do: policy.ReadActivity, reason: "signed_in", allow: true},
	"a capped key sees those of its human's agents":     {who: user("olga", "owner", "prod/**"), do: policy.ReadActivity, reason: "signed_in", allow: true, partial: true},
	"a member sees requests of its own agents":          {who: user("mia", "member"), do: policy.ReadActivity, reason: "signed_in", allow: true, partial: true},
	"an agent sees its own requests":                    {who: agent(), do: policy.ReadActivity, reason: "signed_in", allow: true, partial: true},
	"a word for Shroud shows requests":                  {who: user("olga", "owner", "shroud:read"), do: policy.ReadActivity, reason: "signed_in", allow: true},
	"a word for the audit log shows none":               {who: user("olga", "owner", "audit:read"), do: policy.ReadActivity, reason: "outside_scope"},
	"a user sees its own API keys":                      {who: user("olga", "owner"), do: policy.ListAPIKeys, reason: "signed_in", allow: true, partial: true},
	"an old version is not for a plain reader":          {who: agent(), do: policy.ReadSecretVersion, rows: specs(grant("**", "read")), reason: "role_required"},
	"an old version is not for a role alone":            {who: user("olga", "owner"), do: policy.ReadSecretVersion, reason: "no_policy"},
	"an owner with a policy reads old versions":         {who: user("olga", "owner"), do: policy.ReadSecretVersion, rows: specs(grant("**", "read", to("user", "olga"))), reason: "policy:p1", allow: true},
	"the creator reads old versions":                    {who: user("carol", "member"), do: policy.ReadSecretVersion, reason: "creator", allow: true},

	"a platform admin sets tiers":               {who: policy.Principal{Kind: policy.KindUser, ID: "pam", Org: "acme", Role: policy.RoleMember, PlatformAdmin: true}, do: policy.UpdateLimits, reason: "platform_admin", allow: true},
	"an owner is no platform admin":             {who: user("olga", "owner"), do: policy.UpdateLimits, reason: "role_required"},
	"a platform admin reads no secret by it":    {who: policy.Principal{Kind: policy.KindUser, ID: "pam", Org: "acme", Role: policy.RoleMember, PlatformAdmin: true}, do: policy.ReadSecret, reason: "no_policy"},
	"a platform admin manages no members by it": {who: policy.Principal{Kind: policy.KindUser, ID: "pam", Org: "acme", Role: policy.RoleMember, PlatformAdmin: true}, do: policy.RemoveMember, reason: "role_required"},
	"who may not read a secret shares none":     {who: user("olga", "owner"), do: policy.CreateShare, reason: "no_policy"},
	"a reader shares what it reads":             {who: agent(), do: policy.CreateShare, rows: specs(grant("prod/**", "read")), reason: "policy:p1", allow: true},
	"an Intents agent shares no private key":    {who: signer(), do: policy.CreateShare, rows: specs(grant("**", "read")), typ: "private_key", reason: "intents_key_type"},
	"a member invites nobody":                   {who: user("mia", "member"), do: policy.InviteMember, reason: "role_required"},
	"an admin invites":                          {who: user("adam", "admin"), do: policy.InviteMember, reason: "role", allow: true},

	// Approvals.
	"a policy that asks for an approval grants no read": {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(asks))), reason: "approval_required"},
	"nor a write":                                {who: agent(), do: policy.WriteSecret, rows: specs(grant("**", "write", when(asks))), reason: "approval_required"},
	"nor a deletion":                             {who: agent(), do: policy.DeleteSecret, rows: specs(grant("**", "delete", when(asks))), reason: "approval_required"},
	"nor a share":                                {who: agent(), do: policy.CreateShare, rows: specs(grant("**", "read", when(asks))), reason: "approval_required"},
	"once approved it grants":                    {who: agent(), do: policy.ReadSecret, approved: p1, rows: specs(grant("**", "read", when(asks))), reason: "policy:p1", allow: true},
	"an approval is no policy":                   {who: agent(), do: policy.ReadSecret, approved: p1, reason: "no_policy"},
	"an approval does not outlive its policy":    {who: agent(), do: policy.ReadSecret, approved: p1, rows: specs(grant("**", "read", when(asks), until(noon.Now))), reason: "policy_expired"},
	"an approval of another policy":              {who: agent(), do: policy.ReadSecret, approved: policy.Version{ID: "p2"}, rows: specs(grant("**", "read", when(asks))), reason: "approval_required"},
	"an approval of what the policy was":         {who: agent(), do: policy.ReadSecret, approved: p1, rows: specs(grant("**", "read", when(asks), func(s *policy.Spec) { s.Revision = 1 })), reason: "approval_required"},
	"a creator that a policy names asks":         {who: agent(), do: policy.ReadSecret, vault: botsVault(), rows: specs(grant("prod/*", "read", when(asks))), reason: "approval_required"},
	"a creator asks when it is over too":         {who: agent(), do: policy.ReadSecret, vault: botsVault(), rows: specs(grant("prod/*", "read", when(asks), until(noon.Now))), reason: "policy_expired"},
	"a creator asks for what it names alone":     {who: agent(), do: policy.WriteSecret, vault: botsVault(), rows: specs(grant("prod/*", "read", when(asks))), reason: "creator", allow: true},
	"a creator asks where it reaches alone":      {who: agent(), do: policy.ReadSecret, vault: botsVault(), rows: specs(grant("dev/*", "read", when(asks))), reason: "creator", allow: true},
	"a creator that a policy names shares not":   {who: agent(), do: policy.CreateShare, vault: botsVault(), rows: specs(grant("**", "read", when(asks))), reason: "approval_required"},
	"an approval does not lift the intents rule": {who: signer(), do: policy.ReadSecret, approved: p1, rows: specs(grant("**", "read", when(asks))), typ: "ssh_key", reason: "intents_key_type"},
	"a policy that does not ask comes first":     {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read", when(asks)), grant("prod/*", "read", named("p2"))), reason: "policy:p2", allow: true},
	"a creator that no policy names needs none":  {who: user("carol", "member"), do: policy.ReadSecret, rows: specs(grant("**", "read", when(asks))), reason: "creator", allow: true},
	"what needs an approval is listed without":   {who: agent(), do: policy.DescribeSecret, rows: specs(grant("**", "read", when(asks))), reason: "policy:p1", allow: true},

	// What takes a person.
	"a person who signed in a minute ago decides":     {who: signedIn(user("carol", "member"), -time.Minute), do: policy.GrantApproval, reason: "signed_in", allow: true},
	"one who signed in ten minutes ago does not":      {who: signedIn(user("carol", "member"), -policy.PersonFor), do: policy.GrantApproval, reason: "person_required"},
	"nor one who will sign in":                        {who: signedIn(user("carol", "member"), time.Minute), do: policy.GrantApproval, reason: "person_required"},
	"a clock that is a little ahead does no harm":     {who: signedIn(user("carol", "member"), time.Second), do: policy.DenyApproval, reason: "signed_in", allow: true},
	"nobody is there without a login":                 {who: user("carol", "owner"), do: policy.DeleteUser, reason: "person_required"},
	"an API key is no person, whatever it says":       {who: withKey(signedIn(user("carol", "owner"), 0)), do: policy.EnableMFA, reason: "person_required"},
	"a passkey is not added without a person":         {who: user("carol", "owner"), do: policy.AddPasskey, reason: "person_required"},
	"a device is no person, whatever it says":         {who: onDevice(signedIn(user("carol", "owner"), 0)), do: policy.DisableMFA, reason: "person_required"},
	"a person without the role hears of the role":     {who: user("mia", "owner"), do: policy.DeleteAnyUser, reason: "role_required"},
	"the platform's admin deletes users in person":    {who: platformAdmin(signedIn(user("root", "owner"), 0)), do: policy.DeleteAnyUser, reason: "platform_admin", allow: true},
	"and not with what was kept from a login of days": {who: platformAdmin(user("root", "owner")), do: policy.DeleteAnyUser, reason: "person_required"},

	// The server's own vault.
	"an owner reads it":                         {who: user("olga", "owner"), do: policy.ReadSecret, vault: serversVault(), reason: "role", allow: true},
	"an admin sees it":                          {who: user("adam", "admin"), do: policy.ReadVault, vault: serversVault(), reason: "role", allow: true},
	"an owner writes nothing there":             {who: user("olga", "owner"), do: policy.WriteSecret, vault: serversVault(), reason: "reserved_vault"},
	"an owner restores nothing there":           {who: user("olga", "owner"), do: policy.RestoreSecret, vault: serversVault(), reason: "reserved_vault"},
	"an owner purges nothing there":             {who: user("olga", "owner"), do: policy.PurgeSecret, vault: serversVault(), reason: "reserved_vault"},
	"an owner grants nothing there":             {who: user("olga", "owner"), do: policy.CreatePolicy, vault: serversVault(), reason: "reserved_vault"},
	"an owner shares nothing there":             {who: user("olga", "owner"), do: policy.CreateShare, vault: serversVault(), reason: "reserved_vault"},
	"an owner does not rename it":               {who: user("olga", "owner"), do: policy.UpdateVault, vault: serversVault(), reason: "reserved_vault"},
	"an owner does not delete it":               {who: user("olga", "owner"), do: policy.DeleteVault, vault: serversVault(), reason: "reserved_vault"},
	"an owner renews its key":                   {who: user("olga", "owner"), do: policy.RekeyVault, vault: serversVault(), reason: "role", allow: true},
	"who made it reads nothing there":           {who: user("carol", "member"), do: policy.ReadSecret, vault: serversVault(), reason: "reserved_vault"},
	"who made it does not see it":               {who: user("carol", "member"), do: policy.ReadVault, vault: serversVault(), reason: "reserved_vault"},
	"a policy of old counts for nothing there":  {who: agent(), do: policy.ReadSecret, vault: serversVault(), rows: specs(grant("**", "read")), reason: "reserved_vault"},
	"an agent reads its own key":                {who: agent(), do: policy.ReadSecret, vault: serversVault(), path: "agents/bot/ssh/private_key", reason: "self", allow: true},
	"an agent reads no other's key":             {who: agent(), do: policy.ReadSecret, vault: serversVault(), path: "agents/bot2/ssh/private_key", reason: "reserved_vault"},
	"an agent's name is no beginning":           {who: agent(), do: policy.ReadSecret, vault: serversVault(), path: "agents/bot", reason: "reserved_vault"},
	"an agent writes not even its own key":      {who: agent(), do: policy.WriteSecret, vault: serversVault(), path: "agents/bot/ssh/private_key", reason: "reserved_vault"},
	"an agent reads no old key of its own":      {who: agent(), do: policy.ReadSecretVersion, vault: serversVault(), path: "agents/bot/ssh/private_key", reason: "role_required"},
	"an Intents agent reads not its own":        {who: signer(), do: policy.ReadSecret, vault: serversVault(), path: "agents/bot/ssh/private_key", typ: "private_key", reason: "intents_key_type"},
	"a bound agent does not see it":             {who: bound(agent(), "v1"), do: policy.ReadVault, vault: serversVault(), reason: "reserved_vault"},
	"an agent bound elsewhere reads not there":  {who: bound(agent(), "v2"), do: policy.ReadSecret, vault: serversVault(), path: "agents/bot/ssh/private_key", reason: "outside_vault_binding"},
	"another organisation's owner finds it not": {who: user("olga", "owner"), do: policy.ReadSecret, vault: &policy.Vault{ID: "v1", Org: "evil", Reserved: true}, reason: "other_org"},

	// The vault of credentials of bindings opens for nobody.
	"an owner reads no credential of a binding":  {who: user("olga", "owner"), do: policy.ReadSecret, vault: closedVault(), path: "agents/bot/bindings/b", reason: "reserved_vault"},
	"an owner uses no credential of a binding":   {who: user("olga", "owner"), do: policy.UseSecret, vault: closedVault(), path: "agents/bot/bindings/b", reason: "reserved_vault"},
	"an owner lists the credentials of bindings": {who: user("olga", "owner"), do: policy.ListSecrets, vault: closedVault(), reason: "role", allow: true},
	"an agent reads no credential of its own":    {who: agent(), do: policy.ReadSecret, vault: closedVault(), path: "agents/bot/bindings/b", reason: "reserved_vault"},
	"an agent uses none but by executing":        {who: agent(), do: policy.UseSecret, vault: closedVault(), path: "agents/bot/bindings/b", reason: "reserved_vault"},

	// Bindings of agents.
	"an agent executes":                         {who: agent(), do: policy.Execute, agent: carolsBot(), reason: "self", allow: true},
	"an agent executes in no other's name":      {who: agent(), do: policy.Execute, agent: &policy.Agent{ID: "other", Org: "acme", Creator: "carol"}, reason: "role_required"},
	"nobody executes for an agent":              {who: user("olga", "owner"), do: policy.Execute, agent: carolsBot(), reason: "kind_required"},
	"an agent sees its bindings":                {who: agent(), do: policy.ListAgentBindings, agent: carolsBot(), reason: "self", allow: true},
	"an agent sets no binding":                  {who: agent(), do: policy.CreateAgentBinding, agent: carolsBot(), reason: "kind_required"},
	"a human binds its agent":                   {who: user("carol", "member"), do: policy.CreateAgentBinding, agent: carolsBot(), reason: "creator", allow: true},
	"a member binds no other human's agent":     {who: user("mia", "member"), do: policy.CreateAgentBinding, agent: carolsBot(), reason: "role_required"},
	"a member sees no other agent's executions": {who: user("mia", "member"), do: policy.ListExecutions, agent: carolsBot(), reason: "role_required"},

	// Agents as resources.
	"an agent rotates its own key":               {who: agent(), do: policy.RotateAgentKey, agent: carolsBot(), reason: "self", allow: true},
	"an agent rotates no other's key":            {who: agent(), do: policy.RotateAgentKey, agent: &policy.Agent{ID: "other", Org: "acme", Creator: "carol"}, reason: "role_required"},
	"a human rotates the key of its agent":       {who: user("carol", "member"), do: policy.RotateAgentKey, agent: carolsBot(), reason: "creator", allow: true},
	"a member rotates no other human's agent":    {who: user("mia", "member"), do: policy.RotateAgentKey, agent: carolsBot(), reason: "role_required"},
	"a member takes no other agent's token":      {who: user("mia", "member"), do: policy.IssueAgentToken, agent: carolsBot(), reason: "role_required"},
	"an admin deactivates any agent":             {who: user("adam", "admin"), do: policy.DeactivateAgent, agent: carolsBot(), reason: "role", allow: true},
	"a member reads any agent's card":            {who: user("mia", "member"), do: policy.ReadAgent, agent: carolsBot(), reason: "signed_in", allow: true},
	"an agent reads its own card":                {who: agent(), do: policy.ReadAgent, agent: carolsBot(), reason: "self", allow: true},
	"an agent reads no other's card":             {who: agent(), do: policy.ReadAgent, agent: &policy.Agent{ID: "other", Org: "acme"}, reason: "role_required"},
	"an agent is not a user of its creator's id": {who: policy.Principal{Kind: policy.KindAgent, ID: "carol", Org: "acme"}, do: policy.RotateAgentKey, agent: carolsBot(), reason: "role_required"},

	// Intents.
	"an Intents agent reads no private key":            {who: signer(), do: policy.ReadSecret, rows: specs(grant("**", "read")), typ: "private_key", reason: "intents_key_type"},
	"an Intents agent reads no SSH key":                {who: signer(), do: policy.ReadSecret, vault: botsVault(), typ: "ssh_key", reason: "intents_key_type"},
	"an Intents agent reads no old private key":        {who: signer(), do: policy.ReadSecretVersion, vault: botsVault(), typ: "private_key", reason: "intents_key_type"},
	"an agent that uses is shown none":                 {who: unseeing(), do: policy.ReadSecret, rows: specs(grant("**", "read")), reason: "no_reveal"},
	"an agent that uses is shown none of its own":      {who: unseeing(), do: policy.ReadSecret, vault: botsVault(), reason: "no_reveal"},
	"an agent that uses shares none":                   {who: unseeing(), do: policy.CreateShare, rows: specs(grant("**", "read")), reason: "no_reveal"},
	"an agent that uses, without a policy":             {who: unseeing(), do: policy.ReadSecret, reason: "no_reveal"},
	"an agent that uses":                               {who: unseeing(), do: policy.UseSecret, rows: specs(grant("**", "use")), reason: "policy:p1", allow: true},
	"who may use may not read":                         {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "use")), reason: "no_policy"},
	"who may read may use":                             {who: agent(), do: policy.UseSecret, rows: specs(grant("**", "read")), reason: "policy:p1", allow: true},
	"who may use knows of it":                          {who: agent(), do: policy.DescribeSecret, rows: specs(grant("**", "use")), reason: "policy:p1", allow: true},
	"an agent binds nothing":                           {who: agent(), do: policy.SetBindings, vault: botsVault(), reason: "kind_required"},
	"an Intents agent reads other types":               {who: signer(), do: policy.ReadSecret, rows: specs(grant("**", "read")), typ: "api_key", reason: "policy:p1", allow: true},
	"an Intents agent describes a private key":         {who: signer(), do: policy.DescribeSecret, rows: specs(grant("**", "read")), typ: "private_key", reason: "policy:p1", allow: true},
	"an Intents agent without a policy learns no type": {who: signer(), do: policy.ReadSecret, typ: "private_key", reason: "no_policy"},
	"another agent reads a private key":                {who: agent(), do: policy.ReadSecret, rows: specs(grant("**", "read")), typ: "private_key", reason: "policy:p1", allow: true},
}

// p1 is the policy of specs as it is first.
var p1 = policy.Version{ID: "p1"}

func TestDecide(t *testing.T) {
	covered := map[policy.Reason]bool{}
	for name, c := range decisions {
		if strings.HasPrefix(string(c.reason), "policy:") {
			covered["policy:"] = true
		}
		covered[c.reason] = true
		t.Run(name, func(t *testing.T) {
			r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "prod/db"), Policies: set(t, c.rows...), SecretType: c.typ, Agent: c.agent, Approved: c.approved}
			if c.vault != nil {
				r.Vault = c.vault
			}
			if c.noVault {
				r.Vault = nil
			}
			if c.path != "" {
				r.Path = path(t, c.path)
			}
			if c.noPath {
				r.Path = secretpath.Path{}
			}
			if c.org != "" {
				r.Org = c.org
			}
			d := policy.Decide(c.who, c.do, r, noon)
			if d.Allow != c.allow || d.Reason != c.reason || d.Partial != c.partial {
				t.Errorf("got %+v, want allow %v, reason %s, partial %v", d, c.allow, c.reason, c.partial)
			}
			if d.Reason == policy.ReasonApprovalRequired && d.PolicyID != "p1" {
				t.Errorf("the policy that asks is %q", d.PolicyID)
			}
			if id, ok := strings.CutPrefix(string(c.reason), "policy:"); d.Allow && ok != (d.PolicyID != "") || ok && id != d.PolicyID {
				t.Errorf("policy id %q for reason %s", d.PolicyID, c.reason)
			}
			if (d.Err() == nil) != c.allow {
				t.Errorf("error %v", d.Err())
			}
			if n := testing.AllocsPerRun(10, func() { policy.Decide(c.who, c.do, r, noon) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
	for _, r := range constants[policy.Reason](t, "reason.go") {
		if !covered[r] {
			t.Errorf("no row of the table has the reason %s", r)
		}
	}
}

func TestANilSetIsEmpty(t *testing.T) {
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "a")}
	if d := policy.Decide(agent(), policy.ReadSecret, r, noon); d.Reason != policy.ReasonNoPolicy {
		t.Errorf("got %+v", d)
	}
	if r.Policies.CanSee(agent(), r.Vault, "a", noon) {
		t.Error("it shows a path")
	}
}

func TestAPolicyMadeByHandGrantsNothing(t *testing.T) {
	s := policy.NewSet([]policy.Policy{{ID: "x", Vault: "v1", PrincipalKind: policy.KindAgent, PrincipalID: "bot", Permissions: policy.Read}})
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "a"), Policies: s}
	for _, a := range policy.Actions() {
		if rule, _ := policy.RuleFor(a); rule.Over != policy.OverPath && rule.Over != policy.OverVault {
			continue
		}
		if d := policy.Decide(agent(), a, r, noon); d.Allow {
			t.Errorf("%s: got %+v", a, d)
		}
	}
	if s.CanSee(agent(), r.Vault, "a", noon) {
		t.Error("it shows a path")
	}
}

func TestAConstraintOnlyRefuses(t *testing.T) {
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "a"), Policies: set(t, grant("a", "read"))}
	for name, test := range map[string]struct {
		who  policy.Principal
		by   policy.Constraint
		want error
	}{
		"nothing is demanded":       {agent(), nil, nil},
		"what is demanded is met":   {agent(), bounds{who: "other"}, nil},
		"it is not met":             {agent(), bounds{who: agent().ID}, errBeyond},
		"it is asked after a grant": {func() policy.Principal { p := agent(); p.Scopes = []string{"b"}; return p }(), bounds{who: agent().ID}, policy.Decision{Reason: policy.ReasonOutsideScope}.Err()},
	} {
		r.Constraint = test.by
		d := policy.Decide(test.who, policy.UseSecret, r, noon)
		if got := d.Err(); fault.CodeOf(got) != fault.CodeOf(test.want) || d.Allow != (test.want == nil) || !d.Allow && string(d.Reason) != fault.ReasonOf(test.want) {
			t.Errorf("%s: got %+v, %v", name, d, got)
		}
	}
}

func TestErrSaysWhatKindOfRefusal(t *testing.T) {
	for _, reason := range constants[policy.Reason](t, "reason.go") {
		err := policy.Decision{Reason: reason}.Err()
		want := fault.Denied
		switch reason {
		case policy.ReasonOtherOrg:
			want = fault.NotFound
		case policy.ReasonUnauthenticated:
			want = fault.Unauthenticated
		case policy.ReasonUnknownAction, policy.ReasonMissingResource:
			want = fault.Internal
		}
		if fault.KindOf(err) != want {
			t.Errorf("%s: got %v", reason, err)
		}
	}
	if err := (policy.Decision{Reason: policy.ReasonOutsideScope}).Err(); !strings.Contains(err.Error(), "scopes do not cover") {
		t.Errorf("clients do not know this text: %v", err)
	}
	if err := (policy.Decision{Allow: true}).Err(); err != nil {
		t.Errorf("got %v", err)
	}
}

// Who may not is told who may, in words that hold for each row of the table.
func TestARefusalSaysWhoMay(t *testing.T) {
	for action, want := range map[policy.Action]string{
		policy.FreezeOrg: "Only an owner or admin of the organisation", policy.UnfreezeOrg: "Only an owner or admin of the organisation",
		policy.FreezeAgent: "Only the person who made the agent, or an owner or admin", policy.UnfreezeAgent: "Only the person who made the agent, or an owner or admin",
		policy.CreateHook: "Only an owner or admin of the organisation", policy.ListHooks: "Only an owner or admin of the organisation",
		policy.ReadFreeze: "Only a person may do this", policy.ReadAgentSelf: "Only an agent", policy.ManageChains: "Only a platform admin",
		policy.ListTransactions: "Only the agent itself", policy.EnableCMEK: "Only the person who made the vault", policy.RestoreSecret: "Only who made the vault",
	} {
		for _, reason := range []policy.Reason{policy.ReasonKindRequired, policy.ReasonRoleRequired} {
			if err := (policy.Decision{Reason: reason}).ErrOf(action); fault.KindOf(err) != fault.Denied || !strings.Contains(err.Error(), want) || fault.ReasonOf(err) != string(reason) {
				t.Errorf("%s, %s: got %v", action, reason, err)
			}
		}
	}
	for action, rule := range policy.Rules() {
		text := policy.Decision{Reason: policy.ReasonKindRequired}.ErrOf(action).Error()
		if rule.Who == policy.Users && strings.Contains(text, "Only an agent") || rule.Admin != strings.Contains(text, "owner or admin") && !rule.Platform && rule.Who != policy.Agents && !rule.Creator {
			t.Errorf("%s: %q", action, text)
		}
	}
}

func TestCheckScopes(t *testing.T) {
	for _, s := range []string{"vault:read", "vault.read", "tx:sign", "secrets:write", "secrets:*", "*", "**", "prod/**",
		"prod", "db-*", "a_b:c_d", "x402:pay", "tx:sign:base"} {
		if err := policy.CheckScopes([]string{s}); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
	for _, s := range []string{"", " ", "a b", "a//b", "/a", "a/", "vault:", ":read", "vault::read", "vault:prod/**",
		"a**", "../a", "caf\u00e9:read", "a\x00", strings.Repeat("a", 513)} {
		if err := policy.CheckScopes([]string{"vault:read", s}); fault.CodeOf(err) != "invalid_scope" || !fault.Is(err, fault.Invalid) {
			t.Errorf("%q: %v", s, err)
		}
	}
	if err := policy.CheckScopes(nil); err != nil {
		t.Error(err)
	}
}

func TestViewShowsThePathsOfLivePolicies(t *testing.T) {
	s := set(t,
		grant("prod/api/**", "read", named("a")),
		grant("prod/app-*", "delete", named("b")),
		grant("dev/**", "read", named("c"), until(noon.Now)),
		grant("other/**", "read", named("d"), to("agent", "other")),
		grant("elsewhere/**", "read", named("e"), inVault("v2")))
	paths := []string{"prod/api", "prod/api/x", "prod/app-1", "prod/app", "dev/a", "other/a", "elsewhere/a"}
	see := func(p policy.Principal, v *policy.Vault) (seen []string, view policy.View) {
		view = s.View(p, v, noon)
		for _, path := range paths {
			if view.Sees(path) {
				seen = append(seen, path)
			}
		}
		return seen, view
	}

	seen, view := see(agent(), carolsVault())
	if !slices.Equal(seen, paths[:3]) || view.Whole() || view.Prefix() != "prod/ap" {
		t.Errorf("an agent: %v, whole %v, prefix %q", seen, view.Whole(), view.Prefix())
	}
	if seen, view = see(agent("**/x"), carolsVault()); !slices.Equal(seen, paths[1:2]) || view.Whole() {
		t.Errorf("a capped agent: %v", seen)
	}
	if seen, view = see(agent("prod/**"), botsVault()); !slices.Equal(seen, paths[:4]) || view.Whole() {
		t.Errorf("a capped creator: %v", seen)
	}
	if seen, view = see(user("olga", "owner"), carolsVault()); !slices.Equal(seen, paths) || !view.Whole() || view.Prefix() != "" {
		t.Errorf("an owner: %v", seen)
	}
	if seen, _ = see(user("mia", "member"), carolsVault()); seen != nil {
		t.Errorf("a member: %v", seen)
	}
	if seen, _ = see(bound(agent(), "v2"), carolsVault()); seen != nil {
		t.Errorf("an agent bound elsewhere: %v", seen)
	}
	if seen, _ = see(agent(), foreignVault()); seen != nil {
		t.Errorf("an agent in another organisation: %v", seen)
	}
	if (&policy.View{}).Sees("a") || view.Sees("") {
		t.Error("an empty view or an empty path")
	}
}

func TestGoroutinesShareASet(t *testing.T) {
	r := policy.Resource{Org: "acme", Vault: carolsVault(), Path: path(t, "prod/db"),
		Policies: set(t, grant("prod/**", "read", when(`{"time_window":{"after":"08:00","before":"18:00","timezone":"Europe/Berlin"}}`)))}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				if d := policy.Decide(agent(), policy.ReadSecret, r, noon); !d.Allow {
					t.Errorf("got %+v", d)
					return
				}
				if !r.Policies.CanSee(agent(), r.Vault, "prod/x", noon) {
					t.Error("not seen")
					return
				}
			}
		})
	}
	wg.Wait()
}
