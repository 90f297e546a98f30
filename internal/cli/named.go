package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// theVault is the id of the vault to work in: of --vault, of ONECLAW_VAULT_ID, of
// `vault use`, the only one that there is, or the only one that the caller made: a vault
// that an agent makes must not stop the commands of its human.
func (c *cli) theVault(ctx context.Context, cl *client.Client) (string, error) {
	for _, ref := range []string{c.vault, c.Getenv("ONECLAW_VAULT_ID")} {
		if ref != "" {
			return vaultID(ctx, cl, ref)
		}
	}
	if id, _ := c.UsedVault(); id != "" {
		return id, nil
	}
	all, err := cl.Vaults(ctx)
	if err != nil {
		return "", err
	}
	ours := all[:0:0]
	for _, v := range all {
		if !strings.HasPrefix(v.Name, "__") { // the server's own, such as __agent-keys
			ours = append(ours, v)
		}
	}
	switch len(ours) {
	case 1:
		return ours[0].ID, nil
	case 0:
		return "", fault.New(fault.NotFound, "no_vault", "There is no vault yet. Make one with `oneclaw vault create NAME`.")
	}
	if own := c.ownVaults(ctx, cl, ours); len(own) == 1 {
		return own[0].ID, nil
	}
	return "", console.Usage(fmt.Sprintf("There are %d vaults: %s. Name one with --vault or ONECLAW_VAULT_ID, or choose one for all commands with `oneclaw vault use NAME`.", len(ours), names(ours)))
}

// ownVaults are those that the caller made, if it is a person.
func (c *cli) ownVaults(ctx context.Context, cl *client.Client, all []client.Vault) (own []client.Vault) {
	if _, credential, err := c.Reach(); err != nil || ofAgent(credential) {
		return nil
	}
	me, err := cl.Me(ctx)
	if err != nil {
		return nil
	}
	for _, v := range all {
		if v.CreatedByType == "user" && v.CreatedBy == me.ID {
			own = append(own, v)
		}
	}
	return own
}

// names lists the first vaults, as many as a line may hold.
func names(all []client.Vault) string {
	const most = 10
	var out []string
	for _, v := range all[:min(len(all), most)] {
		name := v.Name
		if v.CreatedByType == "agent" {
			name += " (made by an agent)"
		}
		out = append(out, name)
	}
	if len(all) > most {
		out = append(out, "...")
	}
	return strings.Join(out, ", ")
}

// vaultID finds a vault.
func vaultID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindVault, ref, func() ([]client.Vault, error) { return cl.Vaults(ctx) }, func(v client.Vault) candidate {
		return candidate{id: v.ID, names: []string{v.Name}, note: v.Name}
	})
}

// vaultIDs is vaultID for each.
func vaultIDs(ctx context.Context, cl *client.Client, refs []string) ([]string, error) {
	var ids []string
	for _, r := range refs {
		id, err := vaultID(ctx, cl, r)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// agentID finds an agent. An active one is meant before one that was deactivated.
func agentID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindAgent, ref, func() ([]client.Agent, error) { return cl.Agents(ctx) }, func(a client.Agent) candidate {
		note := a.Name + ", made " + a.CreatedAt.UTC().Format("2006-01-02 15:04")
		if !a.IsActive {
			note += ", not active"
		}
		return candidate{id: a.ID, names: []string{a.Name}, note: note, ended: !a.IsActive}
	})
}

// memberID finds a member by mail address, name or id.
func memberID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindMember, ref, func() ([]client.Member, error) { return cl.Members(ctx) }, func(m client.Member) candidate {
		return candidate{id: m.ID, names: []string{m.Email, m.DisplayName}, note: m.Email}
	})
}

// actorID finds an agent or a member who may have done something. An agent that was
// deactivated counts as much as an active one.
func actorID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindActor, ref, func() (all []candidate, err error) {
		agents, err := cl.Agents(ctx)
		if err != nil && !client.IsStatus(err, 403) { // who may not list agents may still name members
			return nil, err
		}
		for _, a := range agents {
			all = append(all, candidate{id: a.ID, names: []string{a.Name}, note: a.Name})
		}
		members, err := cl.Members(ctx)
		if err != nil && !client.IsStatus(err, 403) {
			return nil, err
		}
		for _, m := range members {
			all = append(all, candidate{id: m.ID, names: []string{m.Email, m.DisplayName}, note: m.Email})
		}
		return all, nil
	}, func(c candidate) candidate { return c })
}

// policyID finds a policy by its id, or by its pattern where no other has it.
func policyID(ctx context.Context, cl *client.Client, vault, ref string) (string, error) {
	return found(kindPolicy, ref, func() ([]client.Policy, error) { return cl.Policies(ctx, vault) }, func(p client.Policy) candidate {
		return candidate{id: p.ID, names: []string{p.SecretPathPattern}, note: p.SecretPathPattern + " for " + p.PrincipalType + " " + p.PrincipalID[:min(len(p.PrincipalID), console.ShortID)]}
	})
}

// orgID finds one of the caller's organisations.
func orgID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindOrg, ref, func() ([]client.Org, error) { return cl.Orgs(ctx) }, func(o client.Org) candidate {
		return candidate{id: o.ID, names: []string{o.Name}, note: o.Name + ", " + o.Role}
	})
}

// anyOrgID finds an organisation of the server by its id, or by the mail address of a
// user in it.
func anyOrgID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindOrgOfAll, ref, func() ([]client.Account, error) {
		const page = 500
		seen := map[string]int{}
		var all []client.Account
		for offset := 0; ; offset += page {
			some, total, err := cl.Accounts(ctx, page, offset)
			if err != nil {
				return nil, err
			}
			for _, u := range some {
				if at, known := seen[u.OrgID]; !known {
					seen[u.OrgID] = len(all)
					all = append(all, u)
				} else if (candidate{names: []string{u.Email}}).called(ref) {
					all[at] = u
				}
			}
			if len(some) == 0 || int64(offset+len(some)) >= total {
				return all, nil
			}
		}
	}, func(u client.Account) candidate {
		return candidate{id: u.OrgID, names: []string{u.Email}, note: "of " + u.Email}
	})
}

// invitationID finds an invitation by the address that was invited, or by its id.
func invitationID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindInvitation, ref, func() ([]client.Invitation, error) { return cl.Invitations(ctx) }, func(i client.Invitation) candidate {
		return candidate{id: i.ID, names: []string{i.Email}, note: i.Email, ended: i.IsExpired}
	})
}

// ipRuleID finds a rule by its network, its label or its id.
func ipRuleID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindIPRule, ref, func() ([]client.IPRule, error) { return cl.IPRules(ctx) }, func(r client.IPRule) candidate {
		return candidate{id: r.ID, names: []string{r.CIDR, r.Label}, note: r.RuleType + " " + r.CIDR + " for " + r.AppliesTo}
	})
}

// sessionID finds a login or device of the caller.
func sessionID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindSession, ref, func() ([]client.Session, error) { return cl.Sessions(ctx, true) }, func(s client.Session) candidate {
		return candidate{id: s.ID, note: s.Kind + ", " + s.Client, ended: s.EndedAt != nil}
	})
}

// apiKeyID finds one of the caller's keys by name, by the beginning of the key, or by id.
func apiKeyID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindAPIKey, ref, func() ([]client.APIKey, error) { return cl.APIKeys(ctx) }, func(k client.APIKey) candidate {
		return candidate{id: k.ID, names: []string{k.Name, k.KeyPrefix}, note: k.Name + ", " + k.KeyPrefix + "...", ended: !k.IsActive}
	})
}

// enrollmentID finds an agent that asks to be taken in.
func enrollmentID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindEnrollment, ref, func() ([]client.Enrollment, error) { return cl.Enrollments(ctx) }, func(e client.Enrollment) candidate {
		return candidate{id: e.ID, names: []string{e.Name}, note: e.Name + " from " + e.IPAddress + ", " + e.CreatedAt.UTC().Format("2006-01-02 15:04")}
	})
}

// approvalID finds a request by its id, or by the path of a secret that one request waits for.
func approvalID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindApproval, ref, func() ([]client.Approval, error) { return cl.Approvals(ctx, "") }, func(a client.Approval) candidate {
		return candidate{id: a.ID, names: []string{a.SecretPath}, note: a.Operation + " of " + a.SecretPath + " by " + a.RequesterType + " " +
			a.RequesterID[:min(len(a.RequesterID), console.ShortID)] + ", " + a.Status, ended: a.Status != "pending"}
	})
}

// ownShareID finds a share that the caller made, by its address, either of its ids or the path of
// its secret.
func ownShareID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return aShareID(kindShare, ref, func() ([]client.ShareItem, error) { return cl.OutboundShares(ctx) })
}

// inboundShareID finds a share that is for the caller.
func inboundShareID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return aShareID(kindInbound, ref, func() ([]client.ShareItem, error) { return cl.InboundShares(ctx) })
}

func aShareID(k kind, ref string, list func() ([]client.ShareItem, error)) (string, error) {
	if strings.Contains(ref, "://") {
		ref = ref[strings.LastIndexByte(ref, '/')+1:]
	}
	return found(k, ref, list, func(s client.ShareItem) candidate {
		return candidate{id: cmp.Or(s.ShareID, s.ID), also: s.ID, names: []string{s.SecretPath, s.RecipientEmail}, note: s.SecretPath + " for " + plain(s.RecipientType) + ", " + plain(s.Status),
			ended: s.IsExpired || slices.Contains([]string{"declined", "expired", "used_up"}, s.Status)}
	})
}

// chainID finds a chain by name, number or id.
func chainID(ctx context.Context, cl *client.Client, ref string) (string, error) {
	return found(kindChain, ref, func() ([]client.Chain, error) { return cl.AllChains(ctx) }, func(ch client.Chain) candidate {
		return candidate{id: ch.ID, names: []string{ch.Name, strconv.FormatInt(ch.ChainID, 10)}, note: ch.Name}
	})
}
