package cli

import (
	"cmp"
	"context"
	"slices"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// freezeCommand asks for no confirmation: who stops agents is in a hurry, and it can be
// taken back.
func (c *cli) freezeCommand() *cobra.Command {
	var agent string
	var status bool
	cmd := &cobra.Command{
		Use:   "freeze",
		Short: "Stop all agents of your organisation, or one, at once",
		Long: `Stop all agents of your organisation, or one, at once: nothing is read, used or signed for
them, and what they shared stays closed, until ` + "`oneclaw unfreeze`." + ` Nothing is deleted. Approvals that they
were given or wait for, and requests for secrets that wait, end for good: they ask again.
An agent's transactions that were sent before stay on their chain.`,
		Example: `  oneclaw freeze
  oneclaw freeze --agent payer
  oneclaw freeze --status`,
		Args: args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			if status {
				if agent != "" {
					return console.Usage("--status shows all freezes: leave --agent out.")
				}
				return c.freezeStatus(ctx, cl)
			}
			if agent == "" {
				f, err := cl.FreezeOrg(ctx)
				if err != nil {
					return err
				}
				return c.did(f, "All agents of your organisation are frozen.")
			}
			id, err := agentID(ctx, cl, agent)
			if err != nil {
				return err
			}
			f, err := cl.FreezeAgent(ctx, id)
			if err != nil {
				return err
			}
			return c.did(f, "The agent %s is frozen.", agent)
		}),
	}
	cmd.Flags().StringVar(&agent, "agent", "", "this agent alone, by name or id")
	cmd.Flags().BoolVar(&status, "status", false, "show who is frozen, and change nothing")
	return c.wideFlag(cmd)
}

func (c *cli) unfreezeCommand() *cobra.Command {
	var agent string
	cmd := &cobra.Command{
		Use:   "unfreeze",
		Short: "End a freeze of all agents, or of one; it asks for your password",
		Long: `End a freeze of all agents, or of one. It asks for your password: a stored login can be
used by any program that runs as you. Agents that were frozen by themselves stay so when
the freeze of all ends.`,
		Args: args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			if agent == "" {
				if err := frozenNow(ctx, cl, "", "No freeze of all agents is on."); err != nil {
					return err
				}
				if err := cl.UnfreezeOrg(ctx); err != nil {
					return err
				}
				return c.did(map[string]any{"unfrozen": true}, "The freeze of all agents has ended.")
			}
			id, err := agentID(ctx, cl, agent)
			if err != nil {
				return err
			}
			if err := frozenNow(ctx, cl, id, "The agent "+agent+" is not frozen by itself."); err != nil {
				return err
			}
			if err := cl.UnfreezeAgent(ctx, id); err != nil {
				return err
			}
			return c.did(map[string]any{"id": id, "unfrozen": true}, "The freeze of the agent %s has ended.", agent)
		}),
	}
	cmd.Flags().StringVar(&agent, "agent", "", "this agent alone, by name or id")
	return c.mayAsk(cmd)
}

// frozenNow refuses what is not frozen, before a password is asked for in vain. No agent is
// all of them.
func frozenNow(ctx context.Context, cl *client.Client, agent, not string) error {
	s, err := cl.FreezeState(ctx)
	if err != nil {
		return nil //nolint:nilerr // the server decides, and says why it refuses
	}
	if agent == "" && s.Frozen || slices.ContainsFunc(s.Freezes, func(f client.Freeze) bool { return f.AgentID == agent }) {
		return nil
	}
	return fault.New(fault.NotFound, "not_frozen", not+" See "+console.Quote("oneclaw freeze --status")+".")
}

func (c *cli) freezeStatus(ctx context.Context, cl *client.Client) error {
	s, err := cl.FreezeState(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return c.PrintJSON(s)
	}
	agents := calledIn(ctx, c, cl, s.Freezes, func(f client.Freeze) (kind, id string) { return "agent", f.AgentID })
	people := calledIn(ctx, c, cl, s.Freezes, func(f client.Freeze) (kind, id string) { return "user", f.FrozenBy })
	return list(c, "freezes", s.Freezes, nil, []string{"AGENT", "BY", "SINCE"}, "Nothing is frozen.", func(f client.Freeze) []string {
		who := "all agents"
		if f.AgentID != "" {
			who = cmp.Or(agents.names[f.AgentID], c.Short(f.AgentID))
		}
		return []string{who, cmp.Or(people.names[f.FrozenBy], c.Short(f.FrozenBy)), c.When(f.FrozenAt)}
	})
}
