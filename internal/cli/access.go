package cli

import (
	"cmp"
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
)

func (c *cli) agentCan() *cobra.Command {
	var q client.AccessQuery
	cmd := &cobra.Command{
		Use:   "can NAME [PATH]",
		Short: "Say what an agent may read, write or delete, and why",
		Long: `Say what an agent may read, write or delete now, and why: every secret that you may see
and the agent may use, or one path, whether there is a secret or not. "asks" is a use that a
human must approve. --vault and ONECLAW_VAULT_ID narrow it to a vault. An agent that asks
with its own key needs no NAME.`,
		Example: `  oneclaw agent can builder
  oneclaw agent can builder prod/db --from 10.0.0.7`,
		Args: func(cmd *cobra.Command, a []string) error {
			switch _, credential, err := c.Reach(); {
			case len(a) == 2:
				return args("NAME", "PATH")(cmd, a)
			case len(a) == 0 && err == nil && ofAgent(credential):
				return nil // it asks for itself
			}
			return args("NAME")(cmd, a)
		},
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			if err := checkFrom(q.IP); err != nil {
				return err
			}
			named := ""
			if len(a) > 0 {
				named = a[0]
			}
			id, err := c.theAgent(ctx, cl, named)
			if err != nil {
				return err
			}
			for _, ref := range []string{c.vault, c.Getenv("ONECLAW_VAULT_ID")} {
				if ref != "" && q.VaultID == "" {
					if q.VaultID, err = vaultID(ctx, cl, ref); err != nil {
						return err
					}
				}
			}
			if len(a) == 2 {
				q.Path = a[1]
			}
			all, err := cl.AgentAccess(ctx, id, q)
			if err != nil {
				return err
			}
			return c.printAccess(all)
		}),
	}
	fromFlag(cmd, &q.IP)
	return c.wideFlag(cmd)
}

func (c *cli) printAccess(all *client.AgentAccess) error {
	if c.JSON {
		return c.PrintJSON(all)
	}
	if !all.IsActive {
		c.Warn("This agent is not active: it may do nothing. What follows would hold if it were.")
	}
	var secrets, policies [][]string
	names := map[string]string{}
	for _, v := range all.Vaults {
		names[v.VaultID] = v.VaultName
		for _, s := range v.Secrets {
			secrets = append(secrets, []string{v.VaultName, s.Path, reads(s.Read, s.Use), can(s.Write), can(s.Delete), c.why(s.Read, s.Use, s.Write, s.Delete)})
		}
		for _, p := range v.Policies {
			policies = append(policies, []string{v.VaultName, p.SecretPathPattern, strings.Join(p.Permissions, ","), c.conditions(p.Conditions), c.Maybe(p.ExpiresAt, "never"), c.Short(p.ID)})
		}
		if v.Truncated {
			c.Warn("There is more in the vault " + v.VaultName + ": name it with --vault, or give a path.")
		}
	}
	for _, s := range all.Shares {
		secrets = append(secrets, []string{cmp.Or(names[s.VaultID], c.Short(s.VaultID)), s.Path, yes(s.Readable), "no", "no", c.lent(s)})
	}
	if err := c.PrintRows([]string{"VAULT", "PATH", "READ", "WRITE", "DELETE", "WHY"}, secrets, "There is no secret that it may use and you may see."); err != nil || len(policies) == 0 {
		return err
	}
	if c.IsTTY(c.Stdout) {
		if err := console.Write(c.Stdout, []byte("\nPolicies that say so:\n")); err != nil {
			return err
		}
	}
	return c.PrintRows([]string{"VAULT", "PATTERN", "PERMISSIONS", "CONDITIONS", "EXPIRES", "POLICY"}, policies, "")
}

func (c *cli) whoCan() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "who-can PATH",
		Short: "Say who may read, use, write or delete a secret, and why",
		Long: `Say who may read, use, write or delete what is at a path now, and why: everybody whom a
policy for it names, who made the vault, and whom it is shared with. "asks" is a use that a human must approve, "uses" one of a secret that is not shown.`,
		Args: args("PATH"),
		RunE: c.inVault(func(ctx context.Context, cl *client.Client, vault string, a []string) error {
			if err := checkFrom(from); err != nil {
				return err
			}
			all, err := cl.WhoCan(ctx, vault, a[0], from)
			if err != nil {
				return err
			}
			if c.JSON {
				all.Principals, all.Shares = orEmpty(all.Principals), orEmpty(all.Shares)
				return c.PrintJSON(all)
			}
			var rows [][]string
			for _, b := range all.Principals {
				who := b.PrincipalType
				if b.Name != "" {
					who += ":" + b.Name
				}
				rows = append(rows, []string{who, reads(b.Read, b.Use), can(b.Write), can(b.Delete), c.why(b.Read, b.Use, b.Write, b.Delete), c.Short(b.PrincipalID)})
			}
			for _, s := range all.Shares {
				rows = append(rows, []string{recipient(s), yes(s.Readable), "no", "no", c.lent(s), c.Short(s.ShareID)})
			}
			// A mail address that is broken can't be copied: what a narrow terminal has no room for goes below.
			two := make([][]string, 0, len(rows))
			for _, r := range rows {
				two = append(two, []string{r[0], r[1], r[2], r[3], r[5], r[4]})
			}
			one := console.Table{Header: []string{"WHO", "READ", "WRITE", "DELETE", "WHY", "ID"}, Rows: rows, None: "Nobody: no policy covers this path, and no share."}
			if err := c.PrintTwoLines(one, console.Table{Header: []string{"WHO", "READ", "WRITE", "DELETE", "ID", "WHY"}, Rows: two}); err != nil {
				return err
			}
			for _, s := range all.Shares {
				if c.Short(s.ShareID) != s.ShareID { // a share that somebody else made is found by its whole id alone
					c.Warn("To end what is shared with " + recipient(s) + ": " + console.Quote("oneclaw share revoke "+s.ShareID) + ".")
				}
			}
			return nil
		}),
	}
	fromFlag(cmd, &from)
	return c.wideFlag(cmd)
}

func fromFlag(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "ask for uses from this address; without it, policies for certain addresses are not met")
}

func checkFrom(from string) error {
	if _, err := netip.ParseAddr(from); from != "" && err != nil {
		return console.Usage("--from takes an address, such as 10.0.0.7.")
	}
	return nil
}

// recipient is whom a share is for.
func recipient(s client.Lent) string {
	switch {
	case s.RecipientType == "anyone_with_link":
		return "anyone with the link"
	case s.Name != "":
		return s.RecipientType + ":" + s.Name
	case s.RecipientEmail != "":
		return "mail:" + s.RecipientEmail
	}
	return s.RecipientType
}

// lent says what a share rests on: "shared until 2030-01-31 12:00, not accepted yet".
func (c *cli) lent(s client.Lent) string {
	text := "shared until " + c.When(s.ExpiresAt)
	if s.ReadsLeft != nil {
		text += ", reads left: " + strconv.FormatInt(*s.ReadsLeft, 10)
	}
	switch {
	case s.Readable:
	case s.Status == "pending":
		text += ", not accepted yet"
	default:
		text += ", but it can't be read now"
	}
	return text
}

func yes(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}

// can is a verdict in a word.
func can(v client.Verdict) string {
	switch {
	case v.Allowed:
		return "yes"
	case v.Reason == "approval_required":
		return "asks"
	}
	return "no"
}

// reads says whether somebody may read a secret, or use it without seeing it.
func reads(read, use client.Verdict) string {
	if !read.Allowed && use.Allowed {
		return "uses"
	}
	return can(read)
}

// why says what the verdicts rest on: "read: policy 1234abcd; write, delete: no policy".
func (c *cli) why(read, use, write, remove client.Verdict) string {
	var texts []string
	uses := map[string][]string{}
	for _, u := range []struct {
		use string
		v   client.Verdict
	}{{"read", read}, {"use", use}, {"write", write}, {"delete", remove}} {
		text := c.reason(u.v)
		if u.use == "use" && text == c.reason(read) {
			continue // what may be read may be used
		}
		if uses[text] == nil {
			texts = append(texts, text)
		}
		uses[text] = append(uses[text], u.use)
	}
	if len(texts) == 1 {
		return texts[0]
	}
	for i, text := range texts {
		texts[i] = strings.Join(uses[text], ", ") + ": " + text
	}
	return strings.Join(texts, "; ")
}

func (c *cli) reason(v client.Verdict) string {
	text := reasons[v.Reason]
	switch {
	case v.PolicyID != "" && v.Allowed:
		text = "policy " + c.Short(v.PolicyID)
	case v.PolicyID != "":
		text = "policy " + c.Short(v.PolicyID) + " asks for approval"
	case text == "":
		text = plain(v.Reason)
	}
	return text
}

// becauseOf is a reason as the log has it; a person reads it in words.
func (c *cli) becauseOf(reason string) string {
	if text := reasons[reason]; text != "" && c.IsTTY(c.Stdout) {
		return text
	}
	return c.forPeople(reason)
}

// reasons are those of the policy, as people read them.
var reasons = map[string]string{
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
}
