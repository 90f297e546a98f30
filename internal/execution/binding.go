package execution

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/oneline"
)

// Types of bindings that this server executes.
const (
	HTTP     = "http"
	GraphQL  = "graphql"
	Postgres = "postgres"
)

// Where a credential comes from.
const (
	Inline   = "inline"    // it was sent, and is sealed for the binding
	VaultRef = "vault_ref" // a secret of a vault, lent by whoever set it
)

// Binding is a service that an agent may work with, by a credential that it never sees.
type Binding struct {
	ID, Org, Agent, Name, Type string
	Config                     Config
	Rails                      Guardrails
	Active                     bool
	Held                       bool   // who manages the organisation switched it off, and alone switches it on
	Source                     string // Inline or VaultRef; empty: it has no credential
	Vault, Path                string // where the credential lies
	Revision                   int64  // moves with each change, from 1
	// SetBy vouches for all of it: who set the credential, and for what it may be used. Scopes, IP and
	// InPerson are of the request in which that was.
	SetBy     string
	SetScopes []string
	SetIP     netip.Addr
	SetAt     time.Time
	InPerson  bool
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Config is where the service is.
type Config struct {
	BaseURL  string            `json:"base_url,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	AuthType string            `json:"auth_type,omitempty"` // of a credential that is a bare text: bearer or basic; or oauth2
	// Of oauth2: where tokens come from, as bindings of secrets have it.
	TokenURL  string `json:"token_url,omitempty"`
	Scope     string `json:"scope,omitempty"`
	TokenAuth string `json:"token_auth,omitempty"`
	Timeout   int64  `json:"timeout_ms,omitzero"`
	// Of postgres.
	Host     string `json:"host,omitempty"`
	Port     int64  `json:"port,omitzero"`
	Database string `json:"database,omitempty"`
	Username string `json:"username,omitempty"` // where the credential is the password alone
	SSLMode  string `json:"sslmode,omitempty"`
}

// Guardrails bound what is asked of it.
type Guardrails struct {
	Bounds
	Paths    []string `json:"allowed_paths,omitempty"`
	Methods  []string `json:"allowed_methods,omitempty"`
	ReadOnly *bool    `json:"read_only,omitzero"` // nil: of postgres true, else false
	Rows     int64    `json:"max_rows,omitzero"`  // of postgres
}

const maxConfigHeaders = 32

var (
	errObject = fault.New(fault.Invalid, "invalid_config", "config and guardrails are objects.")
	errTwice  = invalid("allowed_hosts and allowed_paths stand in one place: in guardrails, in config, or beside them.")
	errType   = fault.New(fault.Invalid, "binding_type_not_supported",
		"This server executes bindings of the types http, graphql and postgres. mysql, redis, grpc, smtp, cloud_sdk, s3 and custom it does not.")
	errName = fault.New(fault.Invalid, "invalid_name", "name has 1 to 128 characters that are all seen (none of control, of direction or without a shape), and is no UUID and not eight hexadecimal digits.")
)

const (
	configNames = "config has base_url, headers, auth_type, timeout_ms, of oauth2 token_url, scope, token_auth, of postgres host, port, database, username, sslmode and timeout_ms, and may have allowed_hosts and allowed_paths."
	railNames   = "guardrails has allowed_hosts, allowed_paths, allowed_methods, read_only, max_rows, max_duration_ms and max_requests_per_minute."
)

// Sent are the parts of a binding as clients send them. Those that are nil were left out.
type Sent struct {
	Config, Guardrails []byte   // objects
	Hosts, Paths       []string // beside them
}

// configSent is a config with the bounds that some clients write into it.
type configSent struct {
	Config
	Hosts []string `json:"allowed_hosts,omitempty"`
	Paths []string `json:"allowed_paths,omitempty"`
}

// Set puts what was sent over what is there, field by field: what is left out stays, null takes
// away. The result is checked as a whole.
func (b *Binding) Set(sent Sent) error {
	var config configSent
	text, err := mergeInto(b.Config, sent.Config)
	if err == nil {
		err = strict(text, &config, configNames)
	}
	if err != nil {
		return err
	}
	var rails Guardrails
	if text, err = mergeInto(b.Rails, sent.Guardrails); err == nil {
		err = strict(text, &rails, railNames)
	}
	if err != nil {
		return err
	}
	var given Guardrails // those of this request alone
	if err := strict(sent.Guardrails, &given, railNames); err != nil {
		return err
	}
	if rails.Hosts, err = one(rails.Hosts, given.Hosts, config.Hosts, sent.Hosts); err != nil {
		return err
	}
	if rails.Paths, err = one(rails.Paths, given.Paths, config.Paths, sent.Paths); err != nil {
		return err
	}
	b.Config, b.Rails = config.Config, rails
	return b.check()
}

func mergeInto(was any, sent []byte) ([]byte, error) {
	text, err := json.Marshal(was)
	if err != nil {
		return nil, err
	}
	return merge(text, sent)
}

// one is the list of a request, which may stand in three places and in one of them only, or what
// was there before. An empty list takes away what was there.
func one(was []string, places ...[]string) ([]string, error) {
	found := was
	n := 0
	for _, p := range places {
		if p != nil {
			found = p
			n++
		}
	}
	if n > 1 {
		return nil, errTwice
	}
	return found, nil
}

// CheckName refuses a name that can't be told from an id.
func CheckName(name string) error {
	if !plainName(name) || !oneline.Plain(name) || ids.Like(name) {
		return errName
	}
	return nil
}

func (b *Binding) check() error {
	if b.Type != HTTP && b.Type != GraphQL && b.Type != Postgres {
		return errType
	}
	if err := b.Rails.Check(); err != nil {
		return err
	}
	c := &b.Config
	if c.Timeout < 0 || c.Timeout > mostTime {
		return invalid("timeout_ms is between 1 and 600000. Nothing takes longer than 30000.")
	}
	if b.Type == Postgres {
		return b.checkDatabase()
	}
	if c.ofDatabase() || b.Rails.Rows != 0 {
		return errOnlySQL
	}
	if c.AuthType != "" && c.AuthType != "bearer" && c.AuthType != "basic" && c.AuthType != oauth2 {
		return invalid("auth_type is bearer, basic or oauth2. For a header or a parameter, send a credential of that type.")
	}
	if c.BaseURL == "" && (b.Type == GraphQL || len(b.Rails.Hosts) == 0) {
		return invalid("config needs base_url, or for http allowed_hosts: without them the binding is for no host.")
	}
	if len(c.Headers) > maxConfigHeaders {
		return invalid("headers has at most 32 names.")
	}
	if c.BaseURL != "" {
		if err := b.checkBase(); err != nil {
			return err
		}
	}
	w := b.where()
	w.TokenURL, w.Scope, w.TokenAuth = c.TokenURL, c.Scope, c.TokenAuth
	if c.AuthType == oauth2 {
		w.In = oauth2
	}
	checked, err := binding.Check([]binding.Binding{w})
	if err != nil {
		return err
	}
	c.TokenURL = checked[0].TokenURL
	b.Rails.Paths, b.Rails.Methods = checked[0].Paths, checked[0].Methods
	return nil
}

// checkBase refuses an address that its own guardrails do not allow.
func (b *Binding) checkBase() error {
	t, u, err := binding.ParseTarget("GET", b.Config.BaseURL)
	if err != nil {
		return err
	}
	if u.RawQuery != "" {
		return invalid("base_url has no query.")
	}
	hosts := binding.Binding{Hosts: b.Rails.Hosts}
	if len(hosts.Hosts) > 0 && binding.Allows([]binding.Binding{hosts}, &t, always) == nil {
		return invalid("The host of base_url is not among allowed_hosts.")
	}
	return nil
}

func always(*binding.Binding) bool { return true }

// where is the binding of a secret that says the same: to which hosts, with which methods and
// paths. Without allowed_hosts it is the host of base_url.
func (b *Binding) where() binding.Binding {
	w := binding.Binding{Hosts: b.Rails.Hosts, Methods: b.Rails.Methods, Paths: b.Rails.Paths}
	if len(w.Hosts) > 0 {
		return w
	}
	if b.Type == Postgres {
		if d, err := b.Database(); err == nil {
			w.Hosts = []string{d.Host.String()}
		}
	} else {
		if t, _, err := binding.ParseTarget("GET", b.Config.BaseURL); err == nil {
			w.Hosts = []string{t.Host.String()}
		}
	}
	return w
}

// Allows returns nil when the binding, and the agent's own bounds, let a request go to a target.
func (b *Binding) Allows(s *Settings, t *binding.Target) error {
	w := b.where()
	hosts := binding.Binding{Hosts: w.Hosts}
	own := binding.Binding{Hosts: s.Hosts}
	switch {
	case binding.Allows([]binding.Binding{hosts}, t, always) == nil, len(s.Hosts) > 0 && binding.Allows([]binding.Binding{own}, t, always) == nil:
		return errHost
	case b.Type == HTTP && b.readOnly() && !slices.Contains([]string{"GET", "HEAD", "OPTIONS"}, t.Method):
		return errReadOnly
	case binding.Allows([]binding.Binding{w}, t, always) == nil:
		return errPath
	}
	return nil
}

// readOnly reports whether the binding only reads.
func (b *Binding) readOnly() bool {
	if b.Rails.ReadOnly == nil {
		return b.Type == Postgres
	}
	return *b.Rails.ReadOnly
}

var (
	errHost     = fault.New(fault.Denied, "host_not_allowed", "The binding, or the agent's execution_guardrails, do not allow this host.").Because("host_not_allowed")
	errPath     = fault.New(fault.Denied, "path_not_allowed", "The binding does not allow this method and path.").Because("path_not_allowed")
	errReadOnly = fault.New(fault.Denied, "read_only", "The binding is read-only: it takes GET, HEAD and OPTIONS, queries of GraphQL, and statements that read.").Because("read_only")
)

// Template is the pattern of allowed_paths that a path is within, for the log; empty where all
// paths are allowed.
func (b *Binding) Template(t *binding.Target) string {
	w := b.where()
	return w.Pattern(t)
}

// Duration is how long an execution may take.
func (b *Binding) Duration(s *Settings) time.Duration {
	ms := tighter(tighter(tighter(b.Config.Timeout, b.Rails.Duration), s.Duration), Longest)
	return time.Duration(ms) * time.Millisecond
}

// Where are the hosts that the binding is for, between blanks.
func (b *Binding) Where() string { return strings.Join(b.where().Hosts, " ") }
