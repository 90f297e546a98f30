package cli

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) shroudActivity() *cobra.Command {
	var f client.ModelRequestFilter
	var agent string
	cmd := &cobra.Command{
		Use:   "activity",
		Short: "List requests to language models, newest first: time, agent, model, what was done, tokens, cost, what was found",
		Example: `  oneclaw shroud activity --agent builder
  oneclaw shroud activity --action blocked`,
		Args: args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			if f.Limit < 1 || f.Limit > 1000 {
				return console.Usage("--limit takes 1 to 1000.")
			}
			if f.Offset < 0 {
				return console.Usage("--offset can not be negative.")
			}
			if agent != "" {
				var err error
				if f.AgentID, err = agentID(ctx, cl, agent); err != nil {
					return err
				}
			}
			page, err := cl.ShroudActivity(ctx, f)
			if err != nil {
				return err
			}
			if c.JSON {
				page.Events = orEmpty(page.Events)
				return c.PrintJSON(page)
			}
			rows := make([][]string, 0, len(page.Events))
			who := calledIn(ctx, c, cl, page.Events, func(r client.ModelRequest) (kind, id string) { return "agent", r.AgentID })
			for i := range page.Events {
				rows = append(rows, c.requestRow(&page.Events[i], who))
			}
			header := []string{"TIME", "AGENT", "MODEL", "ACTION", "TOKENS", "COST", "FOUND", "ID"}
			if err := c.PrintRows(header, rows, "No requests."); err != nil || !c.IsTTY(c.Stderr) || int64(f.Offset+len(rows)) >= page.Total {
				return err
			}
			c.Warn("There are " + strconv.FormatInt(page.Total, 10) + ": go on with --offset " + strconv.Itoa(f.Offset+len(rows)) + ".")
			return nil
		}),
	}
	fl := cmd.Flags()
	fl.StringVar(&agent, "agent", "", "only of this agent, by name or id")
	fl.StringVar(&f.Action, "action", "", "only allowed, logged, warned, redacted, blocked, failed or lost")
	fl.IntVar(&f.Limit, "limit", 50, "how many at most, up to 1000")
	fl.IntVar(&f.Offset, "offset", 0, "how many of the newest to leave out")
	return c.wideFlag(cmd)
}

func (c *cli) requestRow(r *client.ModelRequest, who called) []string {
	cost := "unknown"
	if r.Metadata.CostUSD != nil {
		cost = "$" + *r.Metadata.CostUSD
	}
	if r.Metadata.CostBasis == "bytes" || r.Metadata.CostBasis == "reservation" {
		cost += " at most"
	}
	return []string{
		c.When(r.Timestamp), strings.TrimPrefix(who.of("agent", r.AgentID), "agent:"), r.Provider + "/" + r.Model, r.Action, strconv.FormatInt(r.RequestTokens, 10) + " + " + strconv.FormatInt(r.ResponseTokens, 10),
		cost, cmp.Or(c.foundIn(r.Metadata.Findings), "nothing"), c.Short(r.ID),
	}
}

// foundIn is what was found, for people in words that a narrow column can break between.
func (c *cli) foundIn(all []client.ModelFinding) string {
	var out []string
	for _, f := range all {
		if c.IsTTY(c.Stdout) {
			f.Detector = strings.ReplaceAll(f.Detector, "_", " ")
		}
		out = append(out, strconv.FormatInt(f.Count, 10)+" "+f.Detector+" ("+f.Action+")")
	}
	return strings.Join(out, ", ")
}

func (c *cli) shroudSummary() *cobra.Command {
	var period string
	cmd := &cobra.Command{
		Use:   "summary",
		Short: "Sum up what was found in requests to language models: detector, how often, what that led to",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			s, err := cl.ShroudSummary(ctx, period)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(s)
			}
			rows := make([][]string, 0, len(s.Detectors))
			number := func(n int64) string { return strconv.FormatInt(n, 10) }
			for i := range s.Detectors {
				d := &s.Detectors[i]
				rows = append(rows, []string{d.Detector, number(d.Detections), number(d.Actions["blocked"]), number(d.Redacted()), number(d.Actions["warned"]), number(d.Actions["logged"])})
			}
			if err := c.PrintRows([]string{"DETECTOR", "FOUND", "BLOCKED", "REDACTED", "WARNED", "LOGGED"}, rows, "Nothing was found."); err != nil || !c.IsTTY(c.Stderr) {
				return err
			}
			c.Warn(plural(s.Requests, "request") + " of " + plural(s.Agents, "agent") + ", " + number(s.Blocked) + " of them blocked; " + number(s.Before) + " in the period before.")
			return nil
		}),
	}
	cmd.Flags().StringVar(&period, "period", "24h", "1h, 24h, 7d or 30d, up to now")
	return cmd
}
