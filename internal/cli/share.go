package cli

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

// shareFlags are the flags of `share create`.
type shareFlags struct {
	user, agent, email, expires, phraseFile string
	link, creator, phrase                   bool
	most                                    int64
	addresses                               []string
}

// usualShare is how long a share lives that was not told.
const usualShare = 24 * time.Hour

func (c *cli) shareCreate() *cobra.Command {
	var f shareFlags
	cmd := &cobra.Command{
		Use:   "create PATH (--user EMAIL|ID | --agent NAME|ID | --email ADDRESS | --link | --creator)",
		Short: "Share a secret; the recipient reads its newest version",
		Example: `  oneclaw share create db/password --link --max-reads 1 --expires 1h
  oneclaw share create db/password --agent deployer --expires 7d`,
		Args: args("PATH"),
	}
	expiry := c.expiryFlag(cmd, &f.expires)
	cmd.RunE = func(cmd *cobra.Command, a []string) error {
		typ, err := f.recipientType()
		if err != nil {
			return err
		}
		if err := f.check(c); err != nil {
			return err
		}
		ends, err := expiry()
		if err != nil {
			return err
		}
		cl, vault, err := c.atVault(cmd.Context()) // arguments are checked before a password is asked for
		if err != nil {
			return err
		}
		m, err := find(cmd.Context(), cl, vault, a[0])
		if err != nil {
			return err
		}
		s := client.ShareCreate{RecipientType: typ, Email: f.email, MaxAccessCount: f.most, IPAllowlist: f.addresses}
		if ends != nil {
			s.ExpiresAt = *ends
		}
		if f.agent != "" {
			if s.RecipientID, err = agentID(cmd.Context(), cl, f.agent); err != nil {
				return err
			}
		}
		if f.user != "" {
			if s.RecipientID, err = memberID(cmd.Context(), cl, f.user); err != nil {
				return err
			}
		}
		cl, done, err := c.Outlasting(cmd.Context(), cmp.Or(ends, new(time.Time)))
		if err != nil {
			return err
		}
		defer done()
		if f.phrase && f.phraseFile == "" && c.Interactive() {
			s.Passphrase, err = c.askTwice(cmd.Context(), "Passphrase", "The passphrase is empty; nothing was shared.")
		} else {
			s.Passphrase, err = c.passphrase(cmd.Context(), f.phrase, f.phraseFile)
		}
		if err != nil {
			return err
		}
		made, err := cl.CreateShare(cmd.Context(), m.ID, s)
		if err != nil {
			return err
		}
		first := ""
		if ends == nil { // nobody is asked for a password for the usual day
			first = "say until when with --expires, and "
		}
		c.EndsEarly("share", cmp.Or(ends, new(c.Now().Add(usualShare))), &made.ExpiresAt, first)
		for _, w := range made.Warnings {
			c.Warn(w)
		}
		to, link := field{"For", made.RecipientType}, field{"URL", made.ShareURL}
		if c.IsTTY(c.Stdout) {
			to, link = shownTo(made)
			to[1] = strings.TrimSpace(to[1] + " " + f.agent + f.user) // as the person named them
		}
		return c.show(made, field{"ID", c.shownMade(cmd.Context(), cl, made)}, link, to,
			field{"Expires", c.When(made.ExpiresAt)}, field{"Accesses", atMost(made.MaxAccessCount)})
	}
	g := cmd.Flags()
	g.StringVar(&f.user, "user", "", "a member of the organisation, by mail address, name or id")
	g.StringVar(&f.agent, "agent", "", "an agent, by name or id")
	g.StringVar(&f.email, "email", "", "whoever has this mail address")
	g.BoolVar(&f.link, "link", false, "whoever has the link")
	g.BoolVar(&f.creator, "creator", false, "the human who made this agent")
	g.Int64Var(&f.most, "max-reads", 0, "how often it may be read; 0 is no limit (over MCP 5 where it is not told)")
	g.StringSliceVar(&f.addresses, "ip", nil, "only from these address ranges (CIDR)")
	phraseFlags(cmd, &f.phrase, &f.phraseFile)
	return c.mayAsk(cmd)
}

// shownShare is the id that a person is shown of a share, as the log and who-can have it. That of a
// link opens it: programs get it, and a person has it in the link.
func (c *cli) shownShare(id, shareID string) string {
	if c.IsTTY(c.Stdout) {
		return cmp.Or(shareID, id)
	}
	return id
}

// shownMade is shownShare of a share that was just made, whose answer has one id.
func (c *cli) shownMade(ctx context.Context, cl *client.Client, made *client.Share) string {
	if made.RecipientType != "anyone_with_link" || !c.IsTTY(c.Stdout) || c.JSON {
		return made.ID
	}
	all, err := cl.OutboundShares(ctx)
	if err != nil {
		return made.ID
	}
	for _, s := range all {
		if s.ID == made.ID {
			return c.shownShare(s.ID, s.ShareID)
		}
	}
	return made.ID
}

// shownTo tells a person whom the share is for, and how it is opened. A link leads to the
// page, since the API's spends an access on each program that looks at it. The link that
// opens a mailed share is in the mail alone.
func shownTo(s *client.Share) (to, link field) {
	if s.RecipientEmail != "" {
		how := "in the mail to " + s.RecipientEmail
		if len(s.Warnings) > 0 {
			how = "none was sent"
		}
		return field{"For", s.RecipientEmail}, field{"Link", how}
	}
	page := strings.TrimSuffix(s.ShareURL, "/v1/share/"+s.ID) + "/share/" + s.ID
	return field{"For", plain(s.RecipientType)}, field{"URL", page}
}

func phraseFlags(cmd *cobra.Command, ask *bool, file *string) {
	cmd.Flags().BoolVar(ask, "passphrase", false, "with a passphrase, from a prompt or stdin")
	cmd.Flags().StringVar(file, "passphrase-file", "", "with the passphrase in this file")
}

// passphrase reads the share's passphrase, if there is to be one.
func (c *cli) passphrase(ctx context.Context, ask bool, file string) (client.Value, error) {
	if !ask && file == "" {
		return client.Value{}, nil
	}
	v, err := c.ReadValue(ctx, file, "Passphrase", false)
	if err != nil {
		return v, err
	}
	return client.NewValue(console.DropEcho(v.Reveal())), nil
}

func (f *shareFlags) recipientType() (string, error) {
	var types []string
	for _, t := range []struct {
		given bool
		typ   string
	}{{f.user != "", "user"}, {f.agent != "", "agent"}, {f.email != "", "external_email"}, {f.link, "anyone_with_link"}, {f.creator, "creator"}} {
		if t.given {
			types = append(types, t.typ)
		}
	}
	if len(types) != 1 {
		return "", console.Usage("Give one of --user, --agent, --email, --link and --creator.")
	}
	return types[0], nil
}

// check refuses what no share has.
func (f *shareFlags) check(c *cli) error {
	if f.most < 0 || f.most > math.MaxInt32 {
		return console.Usage(said["invalid_max_access_count"])
	}
	if f.email != "" {
		if err := checkEmail("--email", f.email); err != nil {
			return err
		}
	}
	if _, credential, err := c.Reach(); f.creator && err == nil && !ofAgent(credential) {
		return console.Usage("--creator is for agents, who share with the human who made them. Name a member with --user.")
	}
	return checkAddresses(f.addresses)
}

func atMost(n int64) string {
	if n == 0 {
		return "unlimited"
	}
	return fmt.Sprintf("%d at most", n)
}

func (c *cli) shareList() *cobra.Command {
	var inbound bool
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List what you have shared, or with --inbound what was shared with you",
		Args:    args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			of := cl.OutboundShares
			if inbound {
				of = cl.InboundShares
			}
			all, err := of(ctx)
			who := calledIn(ctx, c, cl, all, func(s client.ShareItem) (kind, id string) { return s.RecipientType, s.RecipientID })
			row := func(s client.ShareItem) (id, to, status, reads string) {
				to = c.forPeople(s.RecipientType)
				if s.RecipientEmail != "" {
					to = s.RecipientEmail
				} else if s.RecipientID != "" {
					to = who.of(s.RecipientType, s.RecipientID)
				}
				reads = fmt.Sprint(s.AccessCount)
				if s.MaxAccessCount > 0 {
					reads += fmt.Sprintf(" of %d", s.MaxAccessCount)
				}
				return c.Short(c.shownShare(s.ID, s.ShareID)), to, c.forPeople(s.Status), reads
			}
			return listTwoLines(c, "shares", all, err, "No shares.", []string{"ID", "PATH", "FOR", "STATUS", "READS", "EXPIRES"}, func(s client.ShareItem) []string {
				id, to, status, reads := row(s)
				return []string{id, s.SecretPath, to, status, reads, c.When(s.ExpiresAt)}
			}, []string{"ID", "FOR", "STATUS", "READS", "EXPIRES", "PATH"}, func(s client.ShareItem) []string {
				id, to, status, reads := row(s)
				return []string{id, to, status, reads, c.When(s.ExpiresAt), s.SecretPath}
			})
		}),
	}
	cmd.Flags().BoolVar(&inbound, "inbound", false, "what was shared with you")
	return c.wideFlag(cmd)
}

func (c *cli) shareGet() *cobra.Command {
	var ask, quiet bool
	var file string
	cmd := &cobra.Command{
		Use:   "get ID|PATH|URL",
		Short: "Print a value that was shared with you; each time counts as a read",
		Long: `Print a value that was shared with you; each time counts as a read. A link is opened
at its own server, signed in or not. The login that is stored, or a credential from the
environment, goes only to the server that the other commands use.`,
		Args: args("ID|PATH|URL"),
		RunE: func(cmd *cobra.Command, a []string) error {
			ctx := cmd.Context()
			to, err := parseShare(a[0])
			if err != nil {
				return err
			}
			cl, err := c.ClientAt(to.server)
			if fault.CodeOf(err) == "no_server" {
				return fault.New(fault.Invalid, "no_server", "No server is known. Give the whole link of the share, as the mail has it, or the server with --api-url.")
			}
			if err != nil {
				return err
			}
			if to.server == "" && !ids.Exact(to.id) {
				if to.id, err = readable(ctx, cl, to.id); err != nil {
					return orByLink(err, "")
				}
			}
			phrase, err := c.passphrase(ctx, ask, file)
			if err != nil {
				return err
			}
			s, err := cl.ReadMailedShare(ctx, to.id, phrase, to.proof)
			if to.server == "" && client.IsStatus(err, http.StatusNotFound) {
				if link := ownLink(ctx, cl, to.id); link != "" {
					s, err = cl.ReadMailedShare(ctx, link, phrase, "")
				}
			}
			if err != nil {
				return orByLink(err, to.server)
			}
			defer s.Value.Wipe()
			switch {
			case c.JSON:
				return c.PrintJSON(struct {
					client.SharedSecret
					Value string `json:"value"`
				}{*s, string(s.Value.Reveal())})
			case quiet || !c.IsTTY(c.Stdout):
				return console.Write(c.Stdout, s.Value.Reveal())
			}
			return console.Write(c.Stdout, []byte(console.CleanLines(string(s.Value.Reveal()))+"\n"))
		},
	}
	cmd.Flags().BoolVarP(&quiet, "quiet", "q", false, "print the value exactly, also on a terminal")
	phraseFlags(cmd, &ask, &file)
	return cmd
}

// readable is the id that reads the share which ref means: one for the caller, or one that it made
// itself and was shown the log's id of.
func readable(ctx context.Context, cl *client.Client, ref string) (string, error) {
	id, err := inboundShareID(ctx, cl, ref)
	if !fault.Is(err, fault.NotFound) || !beginsID(ref) {
		return id, err
	}
	own, errOwn := ownShareID(ctx, cl, ref)
	if errOwn != nil {
		return "", err
	}
	return cmp.Or(ownLink(ctx, cl, own), own), nil
}

// ownLink is what opens the share that the caller made and the log calls id; "" where there is none.
func ownLink(ctx context.Context, cl *client.Client, id string) string {
	all, err := cl.OutboundShares(ctx)
	if err != nil { // nobody is signed in
		return ""
	}
	for _, s := range all {
		if s.ShareID == id && s.ID != id {
			return s.ID
		}
	}
	return ""
}

// orByLink says to who is not signed in how a share is opened.
func orByLink(err error, server string) error {
	if !client.IsStatus(err, http.StatusUnauthorized) {
		return err
	}
	login := "oneclaw login"
	if server != "" {
		login += " --api-url " + server
	}
	return fault.New(fault.Unauthenticated, "unauthenticated", "This share is for somebody by name, and nobody is signed in. Open the link from the mail about it, or run "+
		console.Quote(login)+" as its recipient.")
}

// sharedAt is where a share is read.
type sharedAt struct{ server, id, proof string }

// parseShare takes a share's id, the path of its secret, or its link: SERVER/v1/share/ID, or SERVER/share/ID as pages
// and mails have it, with the mail's proof.
func parseShare(ref string) (sharedAt, error) {
	if !strings.Contains(ref, "://") {
		return sharedAt{id: ref}, nil
	}
	u, err := url.Parse(ref)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil {
		return sharedAt{}, console.Usage("A share is named by its id, by the path of its secret, or by its whole link: https://SERVER/share/ID.")
	}
	path := strings.TrimRight(u.Path, "/")
	at := strings.LastIndex(path, "/share/")
	if at < 0 {
		return sharedAt{}, console.Usage("That is no link of a share: it has no /share/ID.")
	}
	server := u.Scheme + "://" + u.Host + strings.TrimSuffix(path[:at], "/v1")
	return sharedAt{server: strings.TrimRight(server, "/"), id: path[at+len("/share/"):], proof: u.Query().Get("proof")}, nil
}

func (c *cli) shareAnswer(verb, short, past string, do func(*client.Client, context.Context, string) error) *cobra.Command {
	return &cobra.Command{
		Use:   verb + " ID|PATH",
		Short: short,
		Args:  args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := inboundShareID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if err := do(cl, ctx, id); err != nil {
				return err
			}
			return c.did(map[string]any{"id": id, "answer": verb}, "%s the share %s.", past, id)
		}),
	}
}

func (c *cli) shareRevoke() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "revoke ID|PATH|URL",
		Short: "End a share of yours at once",
		Args:  args("ID"),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, a []string) error {
			id, err := ownShareID(ctx, cl, a[0])
			if err != nil {
				return err
			}
			if err := c.Confirm(ctx, yes, "End the share "+id+"?"); err != nil {
				return err
			}
			if err := cl.RevokeShare(ctx, id); err != nil {
				return err
			}
			return c.did(map[string]any{"id": id, "revoked": true}, "Ended the share %s.", id)
		}),
	}
	yesFlag(cmd, &yes)
	return cmd
}
