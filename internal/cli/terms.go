package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// termFlags are the flags for the conditions of a policy.
type termFlags struct {
	after, before, zone                  string
	addresses                            []string
	approval                             bool
	uses                                 int
	valid                                int64
	anyAddress, anyTime, withoutApproval bool // of `policy update`
}

func (t *termFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&t.addresses, "ip", nil, "only from these address ranges (CIDR)")
	f.StringVar(&t.after, "after", "", "only after this time of day (HH:MM)")
	f.StringVar(&t.before, "before", "", "only before this time of day (HH:MM)")
	f.StringVar(&t.zone, "timezone", "UTC", "time zone of --after and --before")
	f.BoolVar(&t.approval, "require-approval", false, "ask a human to approve each use")
	f.IntVar(&t.uses, "approval-uses", 0, "how often an approval can be used (default 1)")
	f.Int64Var(&t.valid, "approval-seconds", 0, "how long an approval can be used (default 900)")
}

// over is the conditions that a policy has, with what the flags say in place of them.
// nil is none.
func (t *termFlags) over(given *pflag.FlagSet, k *client.Conditions) (*client.Conditions, error) {
	switch {
	case (t.after == "") != (t.before == ""):
		return nil, console.Usage("Give --after and --before together.")
	case !t.approval && (t.uses != 0 || t.valid != 0):
		return nil, console.Usage("--approval-uses and --approval-seconds go with --require-approval.")
	case t.uses < 0 || t.valid < 0:
		return nil, console.Usage("--approval-uses and --approval-seconds can not be negative.")
	case t.anyAddress && given.Changed("ip"), t.anyTime && t.after != "", t.withoutApproval && t.approval:
		return nil, console.Usage("One flag adds what another takes away: give one of the two.")
	}
	var out client.Conditions
	if k != nil {
		out = *k
	}
	if t.anyAddress || given.Changed("ip") {
		out.IPAllowlist = t.addresses
	}
	if t.anyTime {
		out.TimeWindow = nil
	}
	if t.after != "" {
		out.TimeWindow = &client.TimeWindow{After: t.after, Before: t.before, Timezone: t.zone}
	}
	if t.withoutApproval {
		out.RequireApproval = nil
	}
	if t.approval {
		out.RequireApproval = &client.ApprovalTerms{ValidSeconds: t.valid, MaxUses: t.uses}
	}
	if len(out.IPAllowlist) == 0 && out.TimeWindow == nil && out.RequireApproval == nil {
		return nil, nil
	}
	return &out, nil
}

func (c *cli) policyUpdate() *cobra.Command {
	var u client.PolicyUpdate
	var t termFlags
	var expires string
	cmd := &cobra.Command{
		Use:   "update ID|PATTERN",
		Short: "Change what a grant allows; what is not given stays",
		Long: `Change the permissions, the conditions or the end of a grant; what is not given stays.
Its pattern and whom it is for never change: make another grant for that. To widen a
grant takes your password.`,
		Example: `  oneclaw policy update 'prod/**' --permissions read --expires 7d
  oneclaw policy update 018f2c5e --require-approval`,
		Args: args("ID|PATTERN"),
	}
	expiry := c.expiryFlag(cmd, &expires)
	cmd.RunE = withChange(c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
		if err := checkPermissions(u.Permissions); err != nil {
			return err
		}
		if u.Never = expires == "never"; u.Never {
			expires = ""
		}
		var err error
		if u.ExpiresAt, err = expiry(); err != nil {
			return err
		}
		id, err := policyID(ctx, cl, vault, a[0])
		if err != nil {
			return err
		}
		before, err := policyNow(ctx, cl, vault, id)
		if err != nil {
			return err
		}
		after, err := t.over(cmd.Flags(), before)
		if err != nil {
			return err
		}
		if after != nil || before != nil {
			u.Conditions = after
			if after == nil {
				u.Conditions = &client.Conditions{}
			}
		}
		p, err := cl.UpdatePolicy(ctx, vault, id, u)
		if err != nil {
			return err
		}
		return c.printPolicy(ctx, cl, p)
	}))
	cmd.Flags().StringSliceVar(&u.Permissions, "permissions", nil, "read, use, write, delete: these and no others")
	t.flags(cmd)
	cmd.Flags().BoolVar(&t.anyAddress, "any-address", false, "from every address again")
	cmd.Flags().BoolVar(&t.anyTime, "any-time", false, "at every time of day again")
	cmd.Flags().BoolVar(&t.withoutApproval, "no-approval", false, "without a human's approval again")
	cmd.Flags().Lookup("expires").Usage = "when it ends: a time (RFC 3339), a duration such as 36h or 90d, or never"
	return c.mayAsk(cmd)
}

// conditions says in words, to a person, what a policy asks for; programs get it as JSON,
// and so does --wide.
func (c *cli) conditions(text json.RawMessage) string {
	var k client.Conditions
	if !c.IsTTY(c.Stdout) || c.Wide || compact(text) == "" {
		return compact(text)
	}
	in := json.NewDecoder(bytes.NewReader(text))
	in.DisallowUnknownFields() // what this program can't say in words is not left out
	if in.Decode(&k) != nil {
		return compact(text)
	}
	said := k.IPAllowlist
	if w := k.TimeWindow; w != nil {
		zone := w.Timezone
		if zone == "" {
			zone = "UTC"
		}
		said = append(said, w.After+"-"+w.Before+" "+zone)
	}
	if a := k.RequireApproval; a != nil {
		how := ""
		if a.MaxUses > 0 {
			how += ", " + plural(int64(a.MaxUses), "use")
		}
		if a.ValidSeconds > 0 {
			how += " within " + inWords(time.Duration(a.ValidSeconds)*time.Second)
		}
		if how = strings.TrimLeft(how, ", "); how != "" {
			how = " (" + how + ")"
		}
		said = append(said, "approval"+how)
	}
	return strings.Join(said, ", ")
}

// policyNow is the conditions of a policy as it stands; nil where it has none.
func policyNow(ctx context.Context, cl *client.Client, vault, id string) (*client.Conditions, error) {
	all, err := cl.Policies(ctx, vault)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		if p.ID != id || compact(p.Conditions) == "" {
			continue
		}
		k := new(client.Conditions)
		if err := json.Unmarshal(p.Conditions, k); err != nil {
			return nil, fault.Wrap(err, fault.Internal, "bad_reply", "The server says of this policy what is no condition.")
		}
		return k, nil
	}
	return nil, nil
}
