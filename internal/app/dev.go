package app

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/big"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/datadir"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/listen"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// devOwner is what `dev` must remember between starts: the owner whose password
// it made up, and the key of the first agent. It lies in the data folder, 0600:
// `dev` is for one person's machine, and says so.
type devOwner struct {
	Email       string `json:"email"`
	Password    string `json:"password"`
	AgentID     string `json:"agent_id"`
	AgentAPIKey string `json:"agent_api_key"`
	// first says that this start created the owner. It is not kept.
	first bool
}

// devCredentials is DATA/dev-credentials.json. Scripts wait for it: it is
// written once the server answers.
type devCredentials struct {
	Email        string `json:"email"`
	Password     string `json:"password"`
	APIURL       string `json:"api_url"`
	ShroudURL    string `json:"shroud_url"`
	MCPURL       string `json:"mcp_url"`
	DashboardURL string `json:"dashboard_url"`
	MailURL      string `json:"mail_url"`
	AgentID      string `json:"agent_id"`
	AgentAPIKey  string `json:"agent_api_key"`
}

const (
	devEmail = "owner@oneclaw.localhost"
	devAgent = "dev-agent"
)

// DevSetup creates the owner and its first agent when the server has no users.
func (a *App) DevSetup(ctx context.Context) (devOwner, error) {
	file := filepath.Join(a.cfg.Data, datadir.DevOwnerFile)
	var o devOwner
	err := datadir.ReadJSON(file, &o)
	damaged := fault.CodeOf(err) == datadir.CodeDamaged
	if err != nil && !damaged && !errors.Is(err, fs.ErrNotExist) {
		return o, err
	}
	have, dbErr := a.db.HasUsers(ctx)
	if dbErr != nil {
		return o, dbErr
	}
	switch {
	case have && damaged:
		return o, fault.Wrap(err, fault.Invalid, datadir.CodeDamaged, "The file "+datadir.DevOwnerFile+" in the data folder is damaged. It holds the owner's password: "+
			"put it back from a backup of the keys. Who knows the password can go on with `oneclaw serve`.")
	case have && err == nil && o.AgentID != "":
		return o, nil
	case have && err != nil:
		return o, fault.New(fault.Conflict, "not_a_dev_database",
			"This data folder was not set up by `oneclaw dev`, or its dev-owner.json is gone. Start it with `oneclaw serve`, or give another --data.")
	}
	if damaged || o.Password == "" {
		o = devOwner{Email: devEmail, Password: newPassword()}
		// Before the owner exists: a password that nobody can read back is of no use.
		if err := datadir.WriteJSON(file, o); err != nil {
			return o, err
		}
	}
	if _, err := a.accounts.EnsureOwner(ctx, o.Email, secret.FromString(o.Password)); err != nil {
		return o, err
	}
	if err := a.devAgent(ctx, &o); err != nil {
		return o, err
	}
	o.first = true
	return o, datadir.WriteJSON(file, o)
}

// devAgent registers an agent that may touch nothing yet, so that the printed
// MCP configuration works as it is. It acts as the owner, and is logged so.
func (a *App) devAgent(ctx context.Context, o *devOwner) error {
	c := newCall()
	t, err := a.accounts.Login(ctx, c, o.Email, secret.FromString(o.Password))
	if err != nil {
		return err
	}
	c = newCall()
	if c.Who, err = a.identity.Authenticate(ctx, string(t.Access.Reveal()), c.Now); err != nil {
		return err
	}
	c.Event.Org, c.Event.ActorKind, c.Event.ActorID = c.Who.Org, string(c.Who.Kind), c.Who.ID
	c.Event.Action = string(policy.RegisterAgent)
	agent, key, err := a.agents.CreateAgent(ctx, c, agent.Agent{
		Name: devAgent, Description: "Made by `oneclaw dev`. Grant it what your coding agent needs.", AuthMethod: agent.MethodAPIKey,
	})
	o.AgentID, o.AgentAPIKey = agent.ID, string(key.Reveal())
	return err
}

func newCall() *call.Call {
	now := time.Now()
	return &call.Call{
		Now: now, IP: netip.MustParseAddr("127.0.0.1"),
		Event: &audit.Event{ID: ids.New(), Org: audit.SystemOrg, At: now, Action: string(policy.Login), IP: "127.0.0.1"},
	}
}

// newPassword returns 24 characters that satisfy the rules for passwords.
func newPassword() string {
	const classes = 4
	alphabets := [classes]string{"ABCDEFGHJKLMNPQRSTUVWXYZ", "abcdefghijkmnpqrstuvwxyz", "23456789", "-_.+"}
	b := make([]byte, 6*classes+1) // it ends in a letter, as who copies it misses a sign at the end
	for i := range b {
		set := alphabets[i%classes] // neighbours of different classes make no runs
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(set))))
		if err != nil {
			panic(err) // crypto/rand does not fail
		}
		b[i] = set[n.Int64()]
	}
	return string(b)
}

// DevAnnounce writes dev-credentials.json and prints how to go on.
func (a *App) DevAnnounce(o devOwner, at listen.Addresses, out io.Writer) error {
	c := devCredentials{
		Email: o.Email, Password: o.Password, APIURL: at.API, ShroudURL: at.Shroud, MCPURL: at.API + "/mcp",
		DashboardURL: at.API + "/", MailURL: a.pages.MailsURL(), AgentID: o.AgentID, AgentAPIKey: o.AgentAPIKey,
	}
	file := a.credentialsFile()
	if err := datadir.WriteJSON(file, c); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		self = "oneclaw"
	}
	mcp, err := json.MarshalIndent(map[string]any{"mcpServers": map[string]any{"oneclaw": mcpProgram{
		Command: self, Args: []string{"mcp"}, Env: mcpEnv{BaseURL: at.API, Key: o.AgentAPIKey},
	}}}, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, `oneclaw %s is running, for development on this machine.

  Dashboard  %s
  Mails      %s
  API        %s/v1
  MCP        %s
  Shroud     %s
  Data       %s

  Login      %s
  Password   %s
  (also in %s)

MCP client configuration, with the key of the agent %q:

%s

%sCtrl-C stops it; the data stays.
`, a.version, c.DashboardURL, c.MailURL, c.APIURL, c.MCPURL, c.ShroudURL, a.cfg.Data, c.Email, c.Password, file, devAgent, mcp, o.next(os.Args[0], a.otherData(os.Environ())))
	return err
}

// mcpProgram is how an MCP client starts a server, in the order that people write it in.
type mcpProgram struct {
	Command string   `json:"command"`
	Args    []string `json:"args"`
	Env     mcpEnv   `json:"env"`
}

type mcpEnv struct {
	BaseURL string `json:"ONECLAW_BASE_URL"`
	Key     string `json:"ONECLAW_AGENT_API_KEY"`
}

// otherData is the folder of the data, where the command line would look for it in vain.
func (a *App) otherData(environ []string) string {
	dir, err := filepath.Abs(a.cfg.Data)
	if err != nil || dir == config.DefaultData(environ) {
		return ""
	}
	return dir
}

// next says how to go on: from nothing after the first start, and with what there is after
// others. typed is the program as it was
// started, so that the lines work also where it is not on the PATH; data is the folder
// where the login is to be found, if it is not the usual one.
func (o devOwner) next(typed, data string) string {
	login := shellWord(typed) + " login --dev"
	if data != "" {
		login = "ONECLAW_DATA=" + shellWord(data) + " " + login
	}
	if !o.first {
		return fmt.Sprintf("Next: %[2]s\n      %[1]s vault list\n      %[1]s --help\n\n", shellWord(typed), login)
	}
	return fmt.Sprintf(`Next: %[3]s
      %[1]s vault create demo
      printf %%s "$YOUR_KEY" | %[1]s secret set api-keys/demo
      %[1]s policy create --agent %[2]s --path 'api-keys/*' --expires 12h

`, shellWord(typed), devAgent, login)
}

// shellWord quotes what a shell would not take as one word.
func shellWord(s string) string {
	if strings.ContainsAny(s, " \t\n\"'\\$`&|;<>()*?[]#~!{}") {
		return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
	}
	return s
}

func (a *App) credentialsFile() string { return filepath.Join(a.cfg.Data, "dev-credentials.json") }

// DevForget removes the credentials file of an earlier run, so that who waits
// for it does not read old addresses.
func (a *App) DevForget() error {
	err := os.Remove(a.credentialsFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
