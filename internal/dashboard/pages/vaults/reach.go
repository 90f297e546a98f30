package vaults

import (
	"cmp"
	"context"
	"net/http"

	"golang.org/x/sync/errgroup"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/dashboard/frame"
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
func whoCan(v *frame.Visit) error {
	d := struct {
		vaultHead
		Reach reach
	}{Reach: reach{Path: v.Query("path"), IP: v.Query("ip")}}
	var err error
	if d.vaultHead, err = headOf(v, "reach"); err != nil {
		return err
	}
	status := http.StatusOK
	if d.Reach.Path != "" {
		got, err := reachOf(v.R.Context(), v, d.ID, d.Reach.Path, d.Reach.IP)
		switch {
		case frame.Retry(err):
			status, d.Reach.Problem = v.Describe(err)
		case err != nil:
			return err
		default:
			d.Reach = got
		}
	}
	return v.Show(status, "who-can", d.Name, d)
}

// reachOf asks who reaches a path, from an address where one is given.
func reachOf(ctx context.Context, v *frame.Visit, vault, path, ip string) (reach, error) {
	var who *client.WhoCan
	var all []client.Policy
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) { who, err = v.API.WhoCan(ctx, vault, path, ip); return err })
	g.Go(func() (err error) { all, err = v.API.Policies(ctx, vault); return frame.Seen(err) })
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
		row := reachRow{Bearer: *b, Who: cmp.Or(b.Name, frame.Short(b.PrincipalID))}
		for _, one := range []client.Verdict{b.Read, b.Use, b.Write, b.Delete} {
			row.Some = row.Some || one.Allowed
			row.Why = append(row.Why, why(v, one, patterns))
		}
		d.Rows = append(d.Rows, row)
	}
	return d, nil
}

// why is what decides about a use, in words.
func why(v *frame.Visit, d client.Verdict, patterns map[string]string) string {
	switch {
	case d.PolicyID != "" && d.Allowed:
		return v.T("policy %s", cmp.Or(patterns[d.PolicyID], frame.Short(d.PolicyID)))
	case d.PolicyID != "":
		return v.T("policy %s asks for approval", cmp.Or(patterns[d.PolicyID], frame.Short(d.PolicyID)))
	}
	return v.T(cmp.Or(reasons()[d.Reason], d.Reason))
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
