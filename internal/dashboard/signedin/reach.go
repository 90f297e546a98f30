package signedin

import (
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
)

// reach is who may do what with a path, and why.
type reach struct {
	Path, IP string
	Asked    bool
	Rows     []reachRow
	Shares   []client.Lent
	Problem  string
}

// reachRow is one who may do something, or why it may not.
type reachRow struct {
	client.Bearer
	Who  string
	Why  []string // in the order of Uses
	Some bool     // it may do something
}

// whoCan answers who reaches a path, whether there is a secret or not.
func whoCan(v *visit) error {
	d := struct {
		vaultHead
		Reach reach
	}{Reach: reach{Path: v.query("path"), IP: v.query("ip")}}
	var err error
	if d.vaultHead, err = v.head("reach"); err != nil {
		return err
	}
	status := http.StatusOK
	if d.Reach.Path != "" {
		got, err := v.reach(v.r.Context(), d.ID, d.Reach.Path, d.Reach.IP)
		switch {
		case retry(err):
			status, d.Reach.Problem = describe(v, err)
		case err != nil:
			return err
		default:
			d.Reach = got
		}
	}
	return v.show(status, "who-can", d.Name, d)
}

// reach asks who reaches a path, from an address where one is given.
func (v *visit) reach(ctx context.Context, vault, path, ip string) (reach, error) {
	var who *client.WhoCan
	var all []client.Policy
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { who, err = v.api.WhoCan(ctx, vault, path, ip); return err })
	g.Go(func() (err error) { all, err = v.api.Policies(ctx, vault); return seen(err) })
	if err := g.Wait(); err != nil {
		return reach{}, err
	}
	patterns := map[string]string{}
	for i := range all {
		patterns[all[i].ID] = all[i].SecretPathPattern
	}
	d := reach{Path: path, IP: ip, Asked: true, Shares: who.Shares}
	for i := range who.Principals {
		b := &who.Principals[i]
		row := reachRow{Bearer: *b, Who: nameOr(b.Name, short(b.PrincipalID))}
		for _, one := range []client.Verdict{b.Read, b.Use, b.Write, b.Delete} {
			row.Some = row.Some || one.Allowed
			row.Why = append(row.Why, v.why(one, patterns))
		}
		d.Rows = append(d.Rows, row)
	}
	return d, nil
}

// why is what decides about a use, in words.
func (v *visit) why(d client.Verdict, patterns map[string]string) string {
	switch {
	case d.PolicyID != "" && d.Allowed:
		return v.t("policy %s", nameOr(patterns[d.PolicyID], short(d.PolicyID)))
	case d.PolicyID != "":
		return v.t("policy %s asks for approval", nameOr(patterns[d.PolicyID], short(d.PolicyID)))
	}
	return v.t(nameOr(reasons()[d.Reason], d.Reason))
}

// reasons are those of a decision, as people read them.
func reasons() map[string]string {
	return map[string]string{
		"creator":               "made the vault",
		"no_policy":             "no policy",
		"policy_expired":        "the policy is over",
		"ip_not_allowed":        "not from this address",
		"outside_time_window":   "not at this time of day",
		"outside_scope":         "its scopes leave this out",
		"outside_vault_binding": "it is bound to other vaults",
		"intents_key_type":      "it signs without seeing keys",
		"no_reveal":             "it uses secrets without seeing them",
		"agent_inactive":        "it is not active",
		"frozen":                "it is frozen",
	}
}
