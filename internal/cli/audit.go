package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
)

var outcomes = [...]string{"success", "denied", "failed", "error"}

func (c *cli) auditList() *cobra.Command {
	var f client.AuditFilter
	var since, until, who, resource string
	cmd := &cobra.Command{
		Use:     "list",
		Aliases: []string{"ls"},
		Short:   "List events, newest first: time, action, outcome, actor, what was touched, address, id",
		Example: `  oneclaw audit list --resource prod/db --action read     # who read it?
  oneclaw audit list --actor builder --since 7d
  oneclaw audit list --outcome denied                     # what was refused?`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.Cursor != "" && f.Offset != 0 {
				return console.Usage("Give either --cursor or --offset.")
			}
			if f.Limit < 1 || f.Limit > 1000 {
				return console.Usage("--limit takes 1 to 1000.")
			}
			if f.Outcome != "" && !slices.Contains(outcomes[:], f.Outcome) {
				return console.Usage("--outcome takes success, denied, failed or error.")
			}
			if f.Offset < 0 {
				return console.Usage("--offset can not be negative.")
			}
			var err error
			if f.From, err = c.moment("--since", since); err != nil {
				return err
			}
			if f.To, err = c.moment("--until", until); err != nil {
				return err
			}
			cl, err := c.Client()
			if err != nil {
				return err
			}
			if who != "" {
				if f.ActorID, err = actorID(cmd.Context(), cl, who); err != nil {
					return err
				}
			}
			if strings.Contains(resource, "://") { // the link of a share
				at, err := parseShare(resource)
				if err != nil {
					return err
				}
				resource = at.id
			}
			if f.Path = resource; ids.Valid(resource) {
				f.Path, f.ResourceID = "", resource
			}
			if c.vault != "" {
				if f.VaultID, err = vaultID(cmd.Context(), cl, c.vault); err != nil {
					return err
				}
			}
			page, err := cl.AuditEvents(cmd.Context(), f)
			if err == nil && len(page.Events) == 0 && f.Path != "" {
				page, err = eventsOn(cmd.Context(), cl, f, page)
			}
			if e, ok := errors.AsType[*client.Error](err); ok && e.Code == "unknown_action" {
				return console.Usage(e.Detail)
			}
			if err != nil {
				return err
			}
			if c.JSON {
				page.Events = orEmpty(page.Events)
				return c.PrintJSON(page)
			}
			if err := c.printEvents(cmd.Context(), cl, page.Events); err != nil || page.NextCursor == "" || !c.IsTTY(c.Stderr) {
				return err
			}
			c.Warn("There are more: go on with --cursor " + page.NextCursor + " and the same filters.")
			return nil
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.Action, "action", "", "only this action, such as secret.read; read means all reads of values, through shares too")
	fl.StringVar(&f.Outcome, "outcome", "", "only what ended so: success, denied, failed or error")
	fl.StringVar(&who, "actor", "", "only by this agent (name) or member (mail address), or by the one with this id")
	fl.StringVar(&resource, "resource", "", "only on this secret path (or policies of this pattern), on this vault (name), or on what has this id, such as an agent, a share, an approval, a transaction or an execution")
	fl.StringVar(&since, "since", "", "only after this time (RFC 3339), or this long ago (2h, 7d)")
	fl.StringVar(&until, "until", "", "only before this time (RFC 3339), or this long ago")
	fl.IntVar(&f.Limit, "limit", 100, "how many at most, up to 1000")
	fl.IntVar(&f.Offset, "offset", 0, "how many of the newest to leave out; what comes in meanwhile shifts the pages, --cursor does not")
	fl.StringVar(&f.Cursor, "cursor", "", "go on after the page before, with the cursor that it ended with (next_cursor in --json)")
	return c.wideFlag(cmd)
}

// eventsOn reads f.Path as the name of a vault, as the hash of a transaction, or as the beginning
// of an id that a table shows, after no event was found on a path of that name. What can only be
// part of an id is refused, since the server knows whole ids.
func eventsOn(ctx context.Context, cl *client.Client, f client.AuditFilter, none *client.AuditPage) (*client.AuditPage, error) {
	if f.Cursor != "" || f.Offset != 0 {
		first := f
		first.Limit, first.Cursor, first.Offset = 1, "", 0
		if of, err := cl.AuditEvents(ctx, first); err != nil || len(of.Events) > 0 {
			return none, err
		}
	}
	id, err := vaultID(ctx, cl, f.Path)
	hash := isHash(f.Path)
	for _, find := range []func(context.Context, *client.Client, string) (string, error){agentID, ownShareID, approvalID, anyTxID, anyExecutionID} {
		if fault.Is(err, fault.NotFound) && (beginsID(f.Path) || hash) {
			id, err = find(ctx, cl, f.Path)
		}
		if client.IsStatus(err, http.StatusForbidden) { // who may not list these may have meant another
			err = kindActor.none
		}
	}
	if fault.Is(err, fault.NotFound) && beginsID(f.Path) {
		return nil, console.Usage("--resource takes a path, the name of a vault, or a whole id. --json shows ids whole.")
	}
	if fault.Is(err, fault.NotFound) {
		return none, nil
	}
	if err != nil {
		return nil, err
	}
	f.Path, f.ResourceID = "", id
	return cl.AuditEvents(ctx, f)
}

// printEvents leaves an event's own id to --wide and to programs, since in part it
// is of no use, and on a narrow terminal the address as well.
func (c *cli) printEvents(ctx context.Context, cl *client.Client, events []client.AuditEvent) error {
	const roomy = 110
	header := []string{"TIME (UTC)", "ACTION", "OUTCOME", "ACTOR", "WHAT", "ADDRESS", "ID"}
	two := []string{"TIME (UTC)", "ACTION", "OUTCOME", "ACTOR", "WHAT"}
	if c.IsTTY(c.Stdout) && !c.Wide {
		header = header[:6]
		if w := c.Width(c.Stdout); w > 0 && w < roomy {
			header = header[:5]
		}
	}
	named := calledIn(ctx, c, cl, events, func(e client.AuditEvent) (kind, id string) {
		if ofBinding.Match(e.Details) {
			return "agent", ""
		}
		return e.ResourceType, e.ResourceID
	})
	if c.IsTTY(c.Stdout) && slices.ContainsFunc(events, func(e client.AuditEvent) bool {
		return e.ResourceType == "vault" || bytes.Contains(e.Details, []byte(`"vault_id"`))
	}) {
		named = named.withVaults(ctx, cl)
	}
	rows, short := make([][]string, 0, len(events)), make([][]string, 0, len(events))
	twice := namesakes(events)
	for _, e := range events {
		row, why := c.eventRow(e, named, twice[e.ActorName])
		if short = append(short, append(slices.Clone(row[:4]), strings.TrimSpace(row[4]+" "+why))); why != "" {
			row[2] += " " + why
		}
		rows = append(rows, row[:len(header)])
	}
	return c.PrintTwoLines(console.Table{Header: header, Rows: rows, None: "No events."}, console.Table{Header: two, Rows: short})
}

// namesakes are the names that several actors of some events have.
func namesakes(events []client.AuditEvent) map[string]bool {
	id, twice := map[string]string{}, map[string]bool{}
	for _, e := range events {
		if of, seen := id[e.ActorName]; seen && of != e.ActorID {
			twice[e.ActorName] = true
		}
		id[e.ActorName] = e.ActorID
	}
	return twice
}

// ofBinding finds the path of a credential that is sealed for an agent's binding.
var ofBinding = regexp.MustCompile(`"agents/[0-9a-f-]{36}/bindings/`)

// eventRow is an event in a table, and in brackets why it was refused. An actor's name says who it
// was, unless it is ambiguous.
func (c *cli) eventRow(e client.AuditEvent, named called, ambiguous bool) (row []string, why string) {
	var d struct {
		Outcome, Reason, Path string
		Provider, Model       string
		Vault                 string `json:"vault_id"`
	}
	// Details that are not an object of texts show as nothing.
	_ = json.Unmarshal(e.Details, &d)
	what := d.Path
	switch {
	case e.Action == "model.call" && d.Model != "": // more to people than where the provider's key is
		what = d.Provider + "/" + d.Model
	case c.IsTTY(c.Stdout) && ofBinding.MatchString(`"`+what):
		what = "a binding of " + named.of("agent", strings.Split(what, "/")[1])
	case what != "" && d.Vault != "" && c.IsTTY(c.Stdout):
		what += " in " + named.vault(d.Vault)
	case what != "" || e.ResourceType == "":
	case e.ResourceID == "" && c.IsTTY(c.Stdout):
		what = c.forPeople(e.ResourceType)
	case e.ResourceType == "vault":
		what = c.forPeople(e.ResourceType) + ":" + named.vault(e.ResourceID)
	case e.ResourceType == "agent" || e.ResourceType == "user":
		what = named.of(e.ResourceType, e.ResourceID)
	default:
		what = c.forPeople(e.ResourceType) + ":" + c.Short(e.ResourceID)
	}
	if d.Outcome != "success" && d.Reason != "" {
		why = "(" + c.becauseOf(d.Reason) + ")"
	}
	actor := e.ActorType
	switch {
	case e.ActorName != "" && c.IsTTY(c.Stdout):
		if actor = e.ActorName; ambiguous || c.Wide {
			actor += " (" + c.Short(e.ActorID) + ")"
		}
	case e.ActorID != "":
		actor += ":" + c.Short(e.ActorID)
	case e.ResourceType == "share" && e.ResourceID != "": // whoever had the link: nothing else tells them apart
		actor += " by share:" + c.Short(e.ResourceID)
	}
	return []string{c.Exactly(e.CreatedAt), e.Action, d.Outcome, actor, what, e.IPAddress, e.ID}, why
}

// moment reads a time, or a duration before now.
func (c *cli) moment(flag, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	d, err := parseDuration(s)
	if err != nil || d < 0 {
		return time.Time{}, console.Usage(flag + " takes a time such as 2030-01-31T12:00:00Z, or how long ago, such as 2h or 7d.")
	}
	return c.Now().Add(-d), nil
}

func (c *cli) auditExport() *cobra.Command {
	return &cobra.Command{
		Use:   "export",
		Short: "Print the whole log as JSON lines, for `audit verify --file`",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			r, err := cl.AuditExport(ctx)
			if err != nil {
				return err
			}
			defer r.Close()
			if _, err := io.Copy(c.Stdout, r); err != nil {
				return fault.Wrap(err, fault.Internal, "export_broken", "The export ended early; what was written is not whole.")
			}
			return nil
		}),
	}
}

func (c *cli) auditKeys() *cobra.Command {
	return &cobra.Command{
		Use:   "keys",
		Short: "Print the public keys that an export is checked with, as ID=KEY",
		Args:  args(),
		RunE: c.signedIn(func(ctx context.Context, cl *client.Client, _ []string) error {
			keys, err := cl.AuditKeys(ctx)
			if err != nil {
				return err
			}
			if c.JSON {
				return c.PrintJSON(keys)
			}
			for _, id := range slices.Sorted(maps.Keys(keys)) {
				if _, err := fmt.Fprintln(c.Stdout, console.Clean(id+"="+keys[id])); err != nil {
					return err
				}
			}
			return nil
		}),
	}
}

func (c *cli) auditVerify() *cobra.Command {
	var file string
	var keys []string
	var full bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check that no event was altered, removed, added or moved",
		Long: `Check that no event of the audit log was altered, removed, added or moved. The server
checks its own log, from where it found it whole last since it started; with --full from
the first event on. With --file an export is checked here, without any server, with
nothing but the public keys of the log: all of them, if its key was ever rotated. The
newest events are signed within a minute: "signed up to" names the last that was. The
exit code is 1 when the log is not whole.`,
		Example: `  oneclaw audit verify
  oneclaw audit keys > log.pub          # once, and kept apart from the server
  oneclaw audit export > export.jsonl
  oneclaw audit verify --file export.jsonl --public-key @log.pub`,
		Args: args(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := c.verify(cmd.Context(), file, keys, full)
			if err != nil {
				return err
			}
			if err := c.printReport(report); err != nil {
				return err
			}
			if report.OK {
				return nil
			}
			return fault.New(fault.Internal, "audit_log_broken", broken(report))
		},
	}
	cmd.Flags().BoolVar(&full, "full", false, "check all events again, also those that the server found whole before")
	cmd.Flags().StringVar(&file, "file", "", "check this export offline (- for stdin)")
	cmd.Flags().StringArrayVar(&keys, "public-key", nil, "with --file: public keys of the log as oneclaw audit keys prints them, or @FILE that holds them; may be given several times")
	return cmd
}

func (c *cli) verify(ctx context.Context, file string, keys []string, full bool) (*client.AuditReport, error) {
	if file == "" {
		if len(keys) > 0 {
			return nil, console.Usage("--public-key goes with --file.")
		}
		cl, err := c.Client()
		if err != nil {
			return nil, err
		}
		if full {
			return cl.AuditVerifyFull(ctx)
		}
		return cl.AuditVerify(ctx)
	}
	if full {
		return nil, console.Usage("--full goes without --file: an export is always checked from its first event on.")
	}
	if len(keys) == 0 {
		return nil, console.Usage("--file needs --public-key: without it an altered log could be made to look whole. `oneclaw audit keys` prints the keys.")
	}
	if c.verifyExport == nil {
		return nil, fault.New(fault.Internal, "not_built_in", "This build can not check exports.")
	}
	for i, k := range keys {
		name, ok := strings.CutPrefix(k, "@")
		if !ok {
			continue
		}
		b, err := console.ReadFile(name)
		if err != nil {
			return nil, err
		}
		keys[i] = strings.TrimSpace(string(b))
	}
	in := c.Stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fault.New(fault.Invalid, "unreadable_file", "Can not read the file: "+console.Cause(err)+".")
		}
		defer f.Close()
		in = f
	}
	r, err := c.verifyExport(in, strings.Join(keys, "\n"))
	if err != nil {
		return nil, err
	}
	return &r, nil
}

func (c *cli) printReport(r *client.AuditReport) error {
	if c.JSON {
		return c.PrintJSON(r)
	}
	seq := ""
	if r.FirstBadSeq > 0 {
		seq = strconv.FormatInt(r.FirstBadSeq, 10)
	}
	fields := []field{{"Whole", console.YesNo(r.OK)}, {"Events", strconv.FormatInt(r.Events, 10)}}
	if r.FromSeq > 1 {
		fields = append(fields, field{"Checked now from", strconv.FormatInt(r.FromSeq, 10)})
	}
	return c.PrintFields(append(fields, field{"Checkpoints", strconv.FormatInt(r.Checkpoints, 10)},
		field{"Signed up to event", strconv.FormatInt(r.SignedSeq, 10)}, field{"First bad event", r.FirstBadEventID},
		field{"First bad number", seq}, field{"Problem", r.Problem})...)
}

func broken(r *client.AuditReport) string {
	s := "The audit log is not whole."
	switch {
	case r.FirstBadEventID != "":
		s = fmt.Sprintf("The audit log is not whole: the first bad event is %s (number %d).", r.FirstBadEventID, r.FirstBadSeq)
	case r.FirstBadSeq > 0:
		s = fmt.Sprintf("The audit log is not whole: the first bad event is number %d.", r.FirstBadSeq)
	}
	if r.Problem != "" {
		s += " " + console.Capital(console.Sentence(r.Problem))
	}
	if r.UnknownKey != "" {
		s += " Its key " + r.UnknownKey + " was not given with --public-key. If the log's key was rotated (" + console.Quote("oneclaw keys rotate audit") + "), give its public half too, from where you keep such keys (" +
			console.Quote("oneclaw audit keys") + " prints them all). If nobody rotated it, the log was altered."
	}
	return s
}
