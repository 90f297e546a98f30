package cli

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/session"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) approvalList() *cobra.Command {
	var status string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List the requests that you made or may decide on, newest first",
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
			who := calledIn(cmd.Context(), c, cl, all, ofApproval).withVaults(cmd.Context(), cl)
			return listTwoLines(c, "approvals", all, err, "No requests.", []string{"ID", "STATUS", "OPERATION", "PATH", "VAULT", "REQUESTER", "EXPIRES"}, func(a client.Approval) []string {
				return []string{c.Short(a.ID), c.standing(&a), a.Operation, c.about(a), who.vault(a.VaultID), who.of(a.RequesterType, a.RequesterID), c.Maybe(&a.ExpiresAt, "")}
			}, []string{"ID", "STATUS", "OPERATION", "REQUESTER", "EXPIRES", "PATH"}, func(a client.Approval) []string {
				at := c.about(a)
				if !ofTransaction(&a) { // whose vault is the server's own, or no matter
					at += " in " + who.vault(a.VaultID)
				}
				return []string{c.Short(a.ID), c.standing(&a), a.Operation, who.of(a.RequesterType, a.RequesterID), c.When(a.ExpiresAt), at}
			})
		},
	}
	cmd.Flags().StringVar(&status, "status", "", "pending, approved, denied, expired, withdrawn or ended")
	return c.wideFlag(cmd)
}

func (c *cli) approvalShow() *cobra.Command {
	return &cobra.Command{
		Use:   "show ID|PATH",
		Short: "Show who asks for what, and whether it was decided",
		Args:  args("ID|PATH"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := approvalID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			r, err := cl.Approval(ctx, id)
			if err != nil {
				return err
			}
			return c.printApproval(ctx, cl, r)
		}),
	}
}

func (c *cli) approvalRequest() *cobra.Command {
	var ask client.ApprovalAsk
	cmd := &cobra.Command{
		Use:   "request PATH",
		Short: "Ask for approval before using a secret",
		Args:  args("PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if ops := []string{"read", "use", "write", "delete"}; !slices.Contains(ops, ask.Operation) {
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
			if ask.Reason != "" && r.Reason != ask.Reason {
				c.Warn("The request " + r.ID + " waits already, with the reason that it was made with. Yours was not added: withdraw the request and make another to give a new one.")
			}
			return c.printApproval(cmd.Context(), cl, r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&ask.Operation, "operation", "read", "read, use, write or delete")
	f.StringVar(&ask.Reason, "reason", "", "why, for who decides")
	return cmd
}

// approvalDecide asks for the password each time: an agent that runs commands
// as its human must not approve what it asked for.
func (c *cli) approvalDecide(approve bool) *cobra.Command {
	var who session.PersonFlags
	var reason, id string
	var yes bool
	verb, short := "deny", "Refuse a request"
	if approve {
		verb, short = "approve", "Approve a request"
	}
	cmd := &cobra.Command{
		Use:   verb + " ID|PATH",
		Short: short,
		Long: short + `. What it is about is shown first. Your password is asked for each time, and the code of the second factor if
you have one: a decision takes a person, and a stored login can be used by any
program that runs as you.`,
		Args: args("ID|PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			if err := checkReason(reason); err != nil {
				return err
			}
			return c.LookThenAsPerson(cmd.Context(), &who, func(cl *client.Client) (err error) {
				id, err = c.toDecide(cmd.Context(), cl, verb, a[0], yes)
				return err
			}, func(cl *client.Client) error {
				decide := cl.Deny
				if approve {
					decide = cl.Approve
				}
				r, err := decide(cmd.Context(), id, reason)
				if err != nil {
					return err
				}
				return c.printApproval(cmd.Context(), cl, r)
			})
		},
	}
	who.Add(cmd)
	cmd.Flags().StringVar(&reason, "reason", "", "a line for who asked")
	yesFlag(cmd, &yes)
	return cmd
}

// approvalWithdraw tries the login at hand first: who asked needs no more. For
// what somebody else was given it takes a person.
func (c *cli) approvalWithdraw() *cobra.Command {
	var who session.PersonFlags
	cmd := &cobra.Command{
		Use:   "withdraw ID|PATH",
		Short: "Withdraw a request, or what is left of an approval",
		Long: `Withdraw a request, or what is left of an approval. It ends at once. Your
password is asked for when neither you nor an agent of yours asked for it.`,
		Args: args("ID|PATH"),
		RunE: func(cmd *cobra.Command, a []string) error {
			return c.OrAsPerson(cmd.Context(), &who, func(cl *client.Client) error {
				id, err := approvalID(cmd.Context(), cl, a[0])
				if err != nil {
					return err
				}
				r, err := cl.Withdraw(cmd.Context(), id)
				if err != nil {
					return err
				}
				return c.printApproval(cmd.Context(), cl, r)
			})
		},
	}
	who.Add(cmd)
	return cmd
}

// toDecide finds the request that a decision is about, and asks about it by what it is of.
// One that is named by its id needs no question where nobody can be asked; at the path of a
// secret another may wait by now than the person saw.
func (c *cli) toDecide(ctx context.Context, cl *client.Client, verb, ref string, yes bool) (string, error) {
	id, err := approvalID(ctx, cl, ref)
	if err != nil {
		return "", err
	}
	r, err := cl.Approval(ctx, id)
	if err != nil {
		return "", err
	}
	if err := notOwn(ctx, cl, r); err != nil {
		return "", err
	}
	if !c.Interactive() && strings.HasPrefix(id, strings.ToLower(ref)) {
		return id, nil
	}
	who := calledIn(ctx, c, cl, []client.Approval{*r}, ofApproval).withVaults(ctx, cl)
	what := "the " + r.Operation + " of " + r.SecretPath + " in the vault " + who.vault(r.VaultID)
	if ofTransaction(r) {
		what = "the transaction"
	}
	what += " by " + who.of(r.RequesterType, r.RequesterID)
	if r.Reason != "" {
		what += " (" + console.Sentence(r.Reason) + ")"
	}
	return id, c.Confirm(ctx, yes, console.Capital(verb)+" "+what+"?")
}

// notOwn refuses a decision of what the caller asked for, before its password is asked for in
// vain, and says what leads on.
func notOwn(ctx context.Context, cl *client.Client, r *client.Approval) error {
	if r.RequesterType != "user" {
		return nil
	}
	me, err := cl.Me(ctx)
	if err != nil || me.ID != r.RequesterID {
		return nil //nolint:nilerr // the server decides, and says why it refuses
	}
	other := "Another owner or admin can"
	if r.Operation == "sign" {
		other += ", or have the agent ask with its own key (ONECLAW_AGENT_API_KEY): that you may approve"
	}
	return fault.New(fault.Denied, "own_approval", "You asked for this yourself, and can't decide about it. "+other+
		". Take it back with "+console.Quote("oneclaw approval withdraw "+r.ID[:min(len(r.ID), console.ShortID)])+".")
}

// ofTransaction reports whether a request is about a transaction: its path names one by a
// hash, and its reason says what is paid to whom.
func ofTransaction(r *client.Approval) bool {
	return r.Operation == "sign" && strings.Contains(r.SecretPath, "/transactions/")
}

// shortTransaction is the path of a request, without the ids that say nothing to a person.
func (c *cli) shortTransaction(r *client.Approval) string {
	if !ofTransaction(r) || !c.IsTTY(c.Stdout) {
		return r.SecretPath
	}
	_, hash, _ := strings.Cut(r.SecretPath, "/transactions/")
	if _, exact, two := strings.Cut(hash, "-"); two { // before it is what many have in common
		hash = exact
	}
	return "transactions/" + c.Short(hash)
}

// about is what a request is for in a table: the path of a secret, or what a transaction does.
func (c *cli) about(r client.Approval) string {
	if !ofTransaction(&r) || c.Wide || !c.IsTTY(c.Stdout) {
		return r.SecretPath
	}
	what, _, _ := strings.Cut(r.Reason, " Asked because: ")
	return cmp.Or(what, "a transaction")
}

func ofApproval(a client.Approval) (kind, id string) { return a.RequesterType, a.RequesterID }

func (c *cli) printApproval(ctx context.Context, cl *client.Client, r *client.Approval) error {
	who := calledIn(ctx, c, cl, []client.Approval{*r}, ofApproval).withVaults(ctx, cl)
	return c.show(r, field{"ID", r.ID}, field{"Status", r.Status}, field{"Operation", r.Operation}, field{"Path", c.shortTransaction(r)},
		field{"Vault", who.fullVault(r.VaultID)}, field{"Requester", who.full(r.RequesterType, r.RequesterID)}, field{"Reason", r.Reason},
		field{"Uses", uses(r)}, field{"Expires", c.Maybe(&r.ExpiresAt, "")},
		field{"Decision", r.DecisionReason})
}

// standing is the status of a request in a table: people are shown an approval that is used
// up as such.
func (c *cli) standing(r *client.Approval) string {
	if r.Status == "approved" && r.UsesLeft == 0 && c.IsTTY(c.Stdout) {
		return "used"
	}
	return r.Status
}

// uses says how often an approval can be used; nothing of a request that came to none.
func uses(r *client.Approval) string {
	switch r.Status {
	case "pending":
		return strconv.Itoa(r.MaxUses) + " once approved"
	case "approved":
		return strconv.Itoa(r.UsesLeft) + " of " + strconv.Itoa(r.MaxUses) + " left"
	}
	return ""
}
