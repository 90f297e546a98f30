package httpapi

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// verdictBody says whether one use is allowed, and what decides it.
type verdictBody struct {
	Allowed  bool    `json:"allowed"`
	Reason   string  `json:"reason" doc:"policy:ID, creator, or why not: no_policy, approval_required, ip_not_allowed, outside_time_window, policy_expired, outside_scope, outside_vault_binding, intents_key_type, no_reveal, agent_inactive."`
	PolicyID *string `json:"policy_id" nullable:"true" format:"uuid" doc:"The policy that allows it, or that asks for an approval."`
}

func verdictOf(v vault.Verdict) verdictBody {
	return verdictBody{v.Allowed, string(v.Reason), present(v.PolicyID)}
}

type bearerBody struct {
	PrincipalType string      `json:"principal_type" enum:"user,agent"`
	PrincipalID   string      `json:"principal_id" format:"uuid"`
	Name          *string     `json:"name" nullable:"true" doc:"An agent's name, or a member's mail address; null for callers that may not list agents or members."`
	Read          verdictBody `json:"read"`
	Use           verdictBody `json:"use" doc:"Without seeing it; what it may read it may use."`
	Write         verdictBody `json:"write"`
	Delete        verdictBody `json:"delete"`
}

// lentBody is a share that may be read now, or could be. Its id is the log's, which opens no
// link and revokes it.
type lentBody struct {
	ShareID        string    `json:"share_id" format:"uuid" doc:"As the log names it. It opens no link; owners and admins revoke the share by it."`
	VaultID        string    `json:"vault_id" format:"uuid"`
	Path           string    `json:"path"`
	RecipientType  string    `json:"recipient_type" enum:"user,agent,external_email,anyone_with_link,creator" doc:"anyone_with_link: whoever has the link."`
	RecipientID    *string   `json:"recipient_id" nullable:"true" format:"uuid"`
	RecipientEmail *string   `json:"recipient_email" nullable:"true"`
	Name           *string   `json:"name" nullable:"true" doc:"The recipient's, as that of principals."`
	MakerType      string    `json:"maker_type" enum:"user,agent" doc:"Who made it, on whose right it is read."`
	MakerID        string    `json:"maker_id" format:"uuid"`
	Status         string    `json:"status" enum:"active,pending,accepted"`
	Readable       bool      `json:"readable" doc:"False while the recipient has not accepted it, its maker may not read the secret, or the recipient's own caps leave it out."`
	ExpiresAt      time.Time `json:"expires_at"`
	ReadsLeft      *int64    `json:"reads_left" nullable:"true" doc:"Null: as many as one likes."`
}

func lentOf(all []sharing.Lent, shown bool, names map[policy.PrincipalKind]map[string]string, now time.Time) *[]lentBody {
	if !shown {
		return nil
	}
	out := []lentBody{}
	for i := range all {
		l := &all[i]
		b := lentBody{
			ShareID: l.ID, VaultID: l.Vault, Path: l.Path, RecipientType: string(l.Type), RecipientID: present(l.RecipientID),
			RecipientEmail: present(l.Email), MakerType: string(l.MakerKind), MakerID: l.MakerID, Status: l.Status(now), Readable: l.Readable, ExpiresAt: l.ExpiresAt,
		}
		kind := policy.KindUser
		if l.Type == sharing.ToAgent {
			kind = policy.KindAgent
		}
		b.Name = present(names[kind][l.RecipientID])
		if l.MaxAccess > 0 {
			left := l.MaxAccess - l.AccessCount
			b.ReadsLeft = &left
		}
		out = append(out, b)
	}
	return &out
}

type whoCanBody struct {
	VaultID    string       `json:"vault_id" format:"uuid"`
	Path       string       `json:"path"`
	Principals []bearerBody `json:"principals"`
	Shares     *[]lentBody  `json:"shares" nullable:"true" doc:"Who may read it besides, until when: shares that are not over, 1,000 at most. Null to a key that may not list shares."`
}

type pathAccess struct {
	Path   string      `json:"path"`
	Read   verdictBody `json:"read"`
	Use    verdictBody `json:"use" doc:"Without seeing it; what it may read it may use."`
	Write  verdictBody `json:"write"`
	Delete verdictBody `json:"delete"`
}

type vaultAccess struct {
	VaultID   string       `json:"vault_id" format:"uuid"`
	VaultName string       `json:"vault_name"`
	Policies  []policyBody `json:"policies" doc:"Those that name the agent: to itself and to who manages the vault."`
	Secrets   []pathAccess `json:"secrets" doc:"What it may use, or could with an approval, from another address or at another time."`
	Truncated bool         `json:"truncated" doc:"There is more: ask by vault_id or path."`
}

type accessBody struct {
	AgentID  string        `json:"agent_id" format:"uuid"`
	Name     string        `json:"name"`
	IsActive bool          `json:"is_active" doc:"False when it is stopped or over: it may do nothing."`
	Vaults   []vaultAccess `json:"vaults"`
	Shares   *[]lentBody   `json:"shares" nullable:"true" doc:"What was shared with it, in vaults and of paths that you may see. Null to a key that may not list shares."`
}

type fromAddress struct {
	IP string `query:"ip" maxLength:"45" doc:"Ask for this address. Without it, policies with an ip_allowlist are not met."`
}

func (f *fromAddress) addr() (netip.Addr, error) {
	if f.IP == "" {
		return netip.Addr{}, nil
	}
	ip, err := netip.ParseAddr(f.IP)
	if err != nil || ip.Zone() != "" {
		return ip, fault.New(fault.Invalid, "invalid_address", "ip must be an IPv4 or IPv6 address.")
	}
	return ip.Unmap(), nil
}

type whoCan struct {
	secretPath
	fromAddress
}

type agentAccess struct {
	agentPath
	fromAddress
	VaultID string `query:"vault_id" maxLength:"64" doc:"Only in this vault."`
	Path    string `query:"path" maxLength:"512" doc:"Only this path, whether a secret is there or not. Absent: all secrets that you may see."`
}

func (in *agentAccess) question() (q vault.Question, err error) {
	if q.IP, err = in.addr(); err != nil {
		return q, err
	}
	if in.Path != "" {
		if q.Path, err = secretpath.Parse(in.Path); err != nil {
			return q, err
		}
	}
	if q.Vault = in.VaultID; q.Vault != "" && !ids.Exact(q.Vault) {
		err = fault.New(fault.NotFound, "vault_not_found", "There is no vault with this id.")
	}
	return q, err
}

// registerAccess adds the questions who may do what, and why. They are answered by the
// policy that decides about the uses.
func (a *API) registerAccess() {
	handle(a, op{
		method: http.MethodGet, path: "/v1/vaults/{vault_id}/who-can/{path}", id: "who-can", tag: "Policies",
		summary: "Who may read, write or delete a secret, and why", action: policy.WhoCan,
	}, a.whoCan)
	handle(a, op{
		method: http.MethodGet, path: "/v1/agents/{agent_id}/access", id: "agent-access", tag: "Agents",
		summary: "What an agent may read, write or delete, and why", action: policy.ReadAccess,
	}, a.agentAccess)
}

func (a *API) whoCan(ctx context.Context, c *call.Call, in *whoCan) (*body[whoCanBody], error) {
	p, err := in.parse()
	if err != nil {
		return nil, err
	}
	ip, err := in.addr()
	if err != nil {
		return nil, err
	}
	all, err := a.vault.WhoCan(ctx, c, in.VaultID, p, ip, func(ctx context.Context, kind policy.PrincipalKind, id string) (policy.Principal, error) {
		return a.identity.PrincipalNow(ctx, kind, id, c.Who.Org, c.Now)
	})
	if err != nil {
		return nil, err
	}
	names, err := a.names(ctx, c)
	if err != nil {
		return nil, err
	}
	lent, shown, err := a.sharing.LentOf(ctx, c, in.VaultID, p)
	if err != nil {
		return nil, err
	}
	out := whoCanBody{VaultID: in.VaultID, Path: p.String(), Shares: lentOf(lent, shown, names, c.Now)}
	for i := range all {
		b := &all[i]
		out.Principals = append(out.Principals, bearerBody{
			string(b.Kind), b.ID, present(names[b.Kind][b.ID]), verdictOf(b.Read), verdictOf(b.Use), verdictOf(b.Write), verdictOf(b.Delete),
		})
	}
	return answer(out, nil)
}

// names are those in the caller's organisation, for users alone: of agents and of members to
// a credential that may list them.
func (a *API) names(ctx context.Context, c *call.Call) (map[policy.PrincipalKind]map[string]string, error) {
	out := map[policy.PrincipalKind]map[string]string{}
	if c.Who.Kind != policy.KindUser {
		return out, nil
	}
	for _, of := range []struct {
		kind   policy.PrincipalKind
		listed policy.Action
		names  func(context.Context, string) (map[string]string, error)
	}{{policy.KindAgent, policy.ListAgents, a.agents.Names}, {policy.KindUser, policy.ListMembers, a.orgs.Names}} {
		if !policy.Decide(c.Who, of.listed, c.Own(), c.At()).Allow {
			continue
		}
		names, err := of.names(ctx, c.Who.Org)
		if err != nil {
			return nil, err
		}
		out[of.kind] = names
	}
	return out, nil
}

func (a *API) agentAccess(ctx context.Context, c *call.Call, in *agentAccess) (*body[accessBody], error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	g, who, active, err := a.agents.Reach(ctx, c, in.AgentID)
	if err != nil {
		return nil, err
	}
	all, err := a.vault.AccessOf(ctx, c, vault.Asked{Principal: who, Active: active}, q)
	if err != nil {
		return nil, err
	}
	lent, shown, err := a.sharing.LentTo(ctx, c, g.ID)
	if err != nil {
		return nil, err
	}
	lent = slices.DeleteFunc(lent, func(l sharing.Lent) bool {
		return q.Vault != "" && l.Vault != q.Vault || !q.Path.IsZero() && l.Path != q.Path.String()
	})
	out := accessBody{AgentID: g.ID, Name: g.Name, IsActive: active, Shares: lentOf(lent, shown, map[policy.PrincipalKind]map[string]string{policy.KindAgent: {g.ID: g.Name}}, c.Now)}
	for i := range all {
		r := &all[i]
		v := vaultAccess{VaultID: r.Vault.ID, VaultName: r.Vault.Name, Truncated: r.More}
		for j := range r.Grants {
			v.Policies = append(v.Policies, policyOf(&r.Grants[j]))
		}
		for _, s := range r.Secrets {
			v.Secrets = append(v.Secrets, pathAccess{s.Path, verdictOf(s.Read), verdictOf(s.Use), verdictOf(s.Write), verdictOf(s.Delete)})
		}
		out.Vaults = append(out.Vaults, v)
	}
	return answer(out, nil)
}
