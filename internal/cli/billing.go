package cli

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) billingStatus() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show your tier, your credit, and how much of your limits is used",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			s, err := cl.Subscription(ctx)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(s)
			}
			u := &s.Usage
			return c.PrintFields(field{"Tier", s.Tier}, field{"Until", c.Maybe(s.PeriodEnd, "")}, field{"Credit", dollars(s.CreditBalanceCents)},
				field{"Overage", s.OverageMethod}, field{"Requests", share(u.Requests)}, field{"Vaults", share(u.Vaults)},
				field{"Secrets", share(u.Secrets)}, field{"Agents", share(u.Agents)}, field{"Members", share(u.TeamMembers)}, field{"Shares", share(u.Shares)})
		}),
	}
}

// share is how much of something is used.
func share(u client.Used) string {
	if u.Limit == nil {
		return strconv.FormatInt(u.Used, 10)
	}
	return fmt.Sprintf("%d of %d", u.Used, *u.Limit)
}

// dollars writes cents.
func dollars(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	return fmt.Sprintf("%s%d.%02d USD", sign, cents/100, cents%100)
}

func (c *cli) billingUsage() *cobra.Command {
	return &cobra.Command{
		Use:   "usage",
		Short: "Show the requests of this month",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			u, err := cl.Usage(ctx)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(u)
			}
			m := &u.CurrentMonth
			return c.PrintFields(field{"Tier", u.BillingTier}, field{"Requests", share(client.Used{Used: m.TotalRequests, Limit: u.FreeTierLimit})},
				field{"Paid", strconv.FormatInt(m.PaidRequests, 10)}, field{"Cost", m.TotalCostUSD + " USD"})
		}),
	}
}

func (c *cli) billingHistory() *cobra.Command {
	var limit int
	cmd := &cobra.Command{
		Use:   "history",
		Short: "List the last requests: when, who, what, the answer's status, price",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return console.Usage("--limit takes a number above zero.")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.UsageHistory(cmd.Context(), limit)
			return list(c, "events", all, err, []string{"WHEN", "WHO", "WHAT", "STATUS", "USD"}, "No requests.", func(e client.UsageEvent) []string {
				return []string{c.When(e.CreatedAt), e.PrincipalType + ":" + c.Short(e.PrincipalID), e.Method + " " + e.Endpoint,
					strconv.Itoa(e.StatusCode), e.PriceUSD}
			})
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 0, "at most so many, up to 200 (default 50)")
	return c.wideFlag(cmd)
}

func (c *cli) billingCredits() *cobra.Command {
	return &cobra.Command{
		Use:   "credits",
		Short: "Show your credit, and how much of it expires soon",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			b, err := cl.CreditBalance(ctx)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(b)
			}
			soon := &b.ExpiringWithin90Days
			return c.PrintFields(field{"Credit", dollars(b.BalanceCents)}, field{"Ends within 30 days", dollars(b.ExpiringWithin30DaysCents)},
				field{"Ends within 90 days", dollars(soon.AmountCents)}, field{"First end", c.Maybe(soon.EarliestExpiry, "")})
		}),
	}
}

func (c *cli) billingLedger() *cobra.Command {
	var page, limit int
	cmd := &cobra.Command{
		Use:   "ledger",
		Short: "List what was credited and spent, newest first",
		Args:  args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if page < 1 || limit < 0 {
				return console.Usage("--page and --limit take numbers above zero.")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.CreditTransactions(cmd.Context(), page, limit)
			return list(c, "transactions", all, err, []string{"WHEN", "KIND", "AMOUNT", "CREDIT", "WHAT"}, "No credits so far.", func(e client.CreditTransaction) []string {
				return []string{c.When(e.CreatedAt), e.Type, dollars(e.AmountCents), dollars(e.BalanceAfterCents), e.Description}
			})
		},
	}
	cmd.Flags().IntVar(&page, "page", 1, "pages count from 1")
	cmd.Flags().IntVar(&limit, "limit", 0, "rows of a page, up to 200 (default 50)")
	return c.wideFlag(cmd)
}

func (c *cli) billingOverage() *cobra.Command {
	return &cobra.Command{
		Use:   "overage credits|x402",
		Short: "Choose what pays for requests beyond the month's limit",
		Args:  args("METHOD"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if methods := []string{"credits", "x402"}; !slices.Contains(methods, a[0]) {
				return console.Usage("The method is " + oneOf(methods) + ".")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			if err := cl.SetOverageMethod(cmd.Context(), a[0]); err != nil {
				return err
			}
			return c.did(map[string]string{"overage_method": a[0]}, "Requests beyond the limit are paid for by %s now.", a[0])
		},
	}
}
