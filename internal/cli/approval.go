package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
)

func (c *cli) approvalList() *cobra.Command {
	var status string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the requests that you made or may decide, newest first",
		Args:    args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if statuses := []string{"", "pending", "approved", "denied", "expired", "withdrawn", "ended"}; !slices.Contains(statuses, status) {
				return console.Usage("--status takes " + oneOf(statuses[1:]) + ".")
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			all, err := cl.Approvals(cmd.Context(), status)
			var named map[string]string
			if len(all) > 0 && !c.JSON {
				named = namesOf(cmd.Context(), cl)
			}
			return list(c, "approvals", all, err, []string{"ID", "STATUS", "OPERATION", "PATH", "VAULT", "REQUESTER", "EXPIRES"}, "No requests.", func(a client.Approval) []string {
				return []string{a.ID, a.Status, a.Operation, a.SecretPath, cmp.Or(named[a.VaultID], c.Short(a.VaultID)),
					a.RequesterType + ":" + cmp.Or(named[a.RequesterID], c.Short(a.RequesterID)), c.Maybe(&a.ExpiresAt, "")}
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "pending, approved, denied, expired, withdrawn or ended")
	return c.wideFlag(cmd)
}

func (c *cli) approvalShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID",
		Short: "Show who asks for what, and whether it was decided",
		Args:  args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			r, err := cl.Approval(ctx, a[0])
			if err != nil {
				return err
			}
			var named map[string]string
			if !c.JSON {
				named = namesOf(ctx, cl)
			}
			return c.printApproval(r, named)
		}),
	}
}

// namesOf are the names of the vaults, agents and members that the caller may see, by id. What
// it may not see stays an id.
func namesOf(ctx context.Context, cl *client.Client) map[string]string {
	named := map[string]string{}
	if all, err := cl.Vaults(ctx); err == nil {
		for _, v := range all {
			named[v.ID] = v.Name
		}
	}
	if all, err := cl.Agents(ctx); err == nil {
		for _, a := range all {
			named[a.ID] = a.Name
		}
	}
	if all, err := cl.Members(ctx); err == nil {
		for _, m := range all {
			named[m.ID] = m.Email
		}
	}
	return named
}

// withName is an id with its name before it, if it has one.
func withName(named map[string]string, id string) string {
	if name := named[id]; name != "" {
		return name + " (" + id + ")"
	}
	return id
}

func (c *cli) approvalRequest() *cobra.Command {
	var ask client.ApprovalAsk
	cmd := &cobra.Command{
		Use:   "request PATH",
		Short: "Ask for a use to be approved, before trying it",
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if ops := []string{"read", "write", "delete"}; !slices.Contains(ops, ask.Operation) {
				return console.Usage("--operation takes " + oneOf(ops) + ".")
			}
			cl, vault, err := c.atVault(cmd.Context())
			if err != nil {
				return err
			}
			ask.VaultID, ask.SecretPath = vault, a[0]
			r, err := cl.RequestApproval(cmd.Context(), ask)
			if err != nil {
				return err
			}
			return c.printApproval(r, nil)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ask.Operation, "operation", "read", "read, write or delete")
	f.StringVar(&ask.Reason, "reason", "", "why, for who decides")
	return cmd
}

// approvalDecide asks for the password each time: an agent that runs commands
// as its human must not approve what it asked for.
func (c *cli) approvalDecide(approve bool) *cobra.Command {
	var who session.PersonFlags
	var reason string
	verb, short := "deny", "Refuse a request"
	if approve {
		verb, short = "approve", "Let a request's use happen"
	}
	cmd := &cobra.Command{
		Use:   verb + " ID",
		Short: short,
		Long: short + `. Your password is asked for each time, and the code of the second factor if
you have one: a decision takes a person, and a stored login can be used by any
program that runs as you.`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.AsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				decide := cl.Deny
				if approve {
					decide = cl.Approve
				}
				r, err := decide(cmd.Context(), a[0], reason)
				if err != nil {
					return err
				}
				return c.printApproval(r, nil)
			})
		},
	}
	who.Add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "a line for who asked")
	return cmd
}

// approvalWithdraw tries the login at hand first: who asked needs no more. For
// what somebody else was given it takes a person.
func (c *cli) approvalWithdraw() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:   "withdraw ID",
		Short: "Take a request back, or what is left of an approval",
		Long: `Take a request back, or what is left of an approval. It ends at once. Your
password is asked for when neither you nor an agent of yours asked for it.`,
		Args: args("ID"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				r, err := cl.Withdraw(cmd.Context(), a[0])
				if err != nil {
					return err
				}
				return c.printApproval(r, nil)
			})
		},
	}
	who.Add(cmd)
	return cmd
}

func (c *cli) printApproval(r *client.Approval, named map[string]string) error {
	return c.show(r, field{"ID", r.ID}, field{"Status", r.Status}, field{"Operation", r.Operation}, field{"Path", r.SecretPath},
		field{"Vault", withName(named, r.VaultID)}, field{"Requester", r.RequesterType + ":" + withName(named, r.RequesterID)}, field{"Reason", r.Reason},
		field{"Uses", strconv.Itoa(r.UsesLeft) + " of " + strconv.Itoa(r.MaxUses) + " left"}, field{"Expires", c.Maybe(&r.ExpiresAt, "")},
		field{"Decision", r.DecisionReason})
}
