package cli

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) adminTier() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use:   "tier ORGANISATION free|pro|business|enterprise",
		Short: "Put an organisation on a tier for a time; name it by its id or by a user's mail address",
		Args:  args("ORG", "TIER"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if tiers := []string{"free", "pro", "business", "enterprise"}; !slices.Contains(tiers, a[1]) {
				return console.Usage("A tier is " + oneOf(tiers) + ".")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			org, err := anyOrgID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			t, err := cl.SetTier(cmd.Context(), org, a[1], days)
			if err != nil {
				return err
			}
			return c.show(t, field{"Organisation", t.OrgID}, field{"Tier", t.Tier}, field{"Until", c.When(t.PeriodEnd)})
		},
	}
	cmd.Flags().IntVar(&days, "days", 0, "for how long, up to 3650 (default 365)")
	return cmd
}

func (c *cli) adminLimits() *cobra.Command {
	var requests, sponsored string
	cmd := &cobra.Command{
		Use:   "limits ORGANISATION",
		Short: "Show or set an organisation's free requests a month, and whether it is sponsored",
		Long: `Show an organisation's own limits or, with a flag, set them. Of a sponsored
organisation requests beyond the limit cost nothing.`,
		Args: args("ORG"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			org, err := anyOrgID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			l, err := cl.OrgLimits(ctx, org)
			if err != nil {
				return err
			}
			if requests != "" || sponsored != "" {
				override, is := l.FreeTierOverride, (*bool)(nil)
				if requests != "" {
					if override, err = parseRequests(requests); err != nil {
						return err
					}
				}
				if sponsored != "" {
					b, err := strconv.ParseBool(sponsored)
					if err != nil {
						return console.Usage("--sponsored takes true or false.")
					}
					is = &b
				}
				if l, err = cl.SetOrgLimits(ctx, org, override, is); err != nil {
					return err
				}
			}
			if c.JSON {
				return c.PrintJSON(l)
			}
			free := "as the tier says"
			if l.FreeTierOverride != nil {
				free = strconv.FormatInt(*l.FreeTierOverride, 10)
			}
			return c.PrintFields(field{"Organisation", l.OrgID}, field{"Requests", free}, field{"Sponsored", console.YesNo(l.IsSponsored)})
		}),
	}
	cmd.Flags().StringVar(&requests, "requests", "", "free requests a month, or tier: as the tier says")
	cmd.Flags().StringVar(&sponsored, "sponsored", "", "true or false")
	return cmd
}

// parseRequests reads a number of requests; nil is the tier's own.
func parseRequests(s string) (*int64, error) {
	if s == "tier" {
		return nil, nil
	}
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil || n < 0 {
		return nil, console.Usage("--requests takes a whole number, or tier.")
	}
	return &n, nil
}

func (c *cli) adminCredits() *cobra.Command {
	var g client.CreditGrant
	cmd := &cobra.Command{
		Use:     "credits ORGANISATION DOLLARS",
		Short:   "Give an organisation credit; name it by its id or by a user's mail address",
		Example: `  oneclaw admin credits ada@example.com 25.50 --days 90`,
		Args:    args("ORG", "DOLLARS"),
		RunE: func(cmd *cobra.Command, a []string) error {
			cents, err := parseCents(a[1])
			if err != nil {
				return err
			}
			g.AmountCents = cents
			cl, err := c.Client()
			if err != nil {
				return err
			}
			org, err := anyOrgID(cmd.Context(), cl, a[0])
			if err != nil {
				return err
			}
			e, err := cl.GrantCredits(cmd.Context(), org, g)
			if err != nil {
				return err
			}
			return c.show(e, field{"ID", e.ID}, field{"Amount", dollars(e.AmountCents)}, field{"Credit", dollars(e.BalanceAfterCents)})
		},
	}
	cmd.Flags().IntVar(&g.Days, "days", 0, "after how many days it ends, up to 3650 (default 365)")
	cmd.Flags().StringVar(&g.Description, "description", "", "what the ledger says of it")
	return cmd
}

// parseCents reads dollars with at most two places.
func parseCents(s string) (int64, error) {
	whole, part, dot := strings.Cut(s, ".")
	n, err := strconv.ParseUint(whole+part+strings.Repeat("0", max(0, 2-len(part))), 10, 40)
	if err != nil || whole == "" || len(part) > 2 || dot && part == "" || n == 0 {
		return 0, console.Usage("The amount is in dollars, with at most two places: 25 or 25.50.")
	}
	return int64(n), nil
}

func (c *cli) adminUsers() *cobra.Command {
	var limit, offset int
	cmd := &cobra.Command{
		Use:   "users",
		Short: "List the users of all organisations: id, mail address, name, organisation, role",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 || offset < 0 {
				return console.Usage("--limit and --offset take whole numbers.")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, total, err := cl.Accounts(cmd.Context(), limit, offset)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(map[string]any{"users": orEmpty(all), "total": total})
			}
			var rows [][]string
			for _, u := range all {
				role := u.Role
				if u.IsPlatformAdmin {
					role += ", platform admin"
				}
				rows = append(rows, []string{c.Short(u.ID), u.Email, u.DisplayName, c.Short(u.OrgID), role})
			}
			if err := c.PrintRows([]string{"ID", "EMAIL", "NAME", "ORGANISATION", "ROLE"}, rows, "No users."); err != nil {
				return err
			}
			if shown := int64(offset + len(all)); shown < total && len(all) > 0 {
				c.Done("There are %d users: see --offset %d.", total, shown)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many, up to 500 (default 100)")
	cmd.Flags().IntVar(&offset, "offset", 0, "leave out so many of the first")
	return c.wideFlag(cmd)
}
