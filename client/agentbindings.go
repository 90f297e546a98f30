package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// AgentBinding is a service that an agent works with, by a credential that it never sees.
type AgentBinding struct {
	ID              string          `json:"id"`
	AgentID         string          `json:"agent_id"`
	BindingType     string          `json:"binding_type"` // http, graphql or postgres
	Name            string          `json:"name"`
	Config          BindingConfig   `json:"config"`
	Guardrails      AgentGuardrails `json:"guardrails"`
	IsActive        bool            `json:"is_active"`
	CredentialSet   bool            `json:"credential_set"`
	CredentialType  string          `json:"credential_source_type,omitempty"` // inline or vault_ref
	CredentialVault string          `json:"credential_vault_id,omitempty"`    // of vault_ref
	CredentialPath  string          `json:"credential_path,omitempty"`
	CreatedAt       time.Time       `json:"created_at"`
	UpdatedAt       time.Time       `json:"updated_at"`
}

// BindingConfig is where the service is.
type BindingConfig struct {
	BaseURL  string            `json:"base_url,omitempty"`
	Headers  map[string]string `json:"headers,omitempty"`
	AuthType string            `json:"auth_type,omitempty"` // bearer or basic, of a credential that is a text; or oauth2
	Timeout  int64             `json:"timeout_ms,omitempty"`
	// Of oauth2.
	TokenURL  string `json:"token_url,omitempty"`
	Scope     string `json:"scope,omitempty"`
	TokenAuth string `json:"token_auth,omitempty"` // basic or body
	// Of postgres.
	Host     string `json:"host,omitempty"`
	Port     int64  `json:"port,omitempty"` // 0: 5432
	Database string `json:"database,omitempty"`
	Username string `json:"username,omitempty"` // where the credential is the password alone
	SSLMode  string `json:"sslmode,omitempty"`  // verify-full or disable
}

// AgentGuardrails bound what is asked of it. Without hosts it is the one of the base URL.
type AgentGuardrails struct {
	Hosts     []string `json:"allowed_hosts,omitempty"`
	Paths     []string `json:"allowed_paths,omitempty"`
	Methods   []string `json:"allowed_methods,omitempty"`
	ReadOnly  *bool    `json:"read_only,omitempty"` // nil: of postgres true, else false
	Rows      int64    `json:"max_rows,omitempty"`  // of postgres
	Duration  int64    `json:"max_duration_ms,omitempty"`
	PerMinute int64    `json:"max_requests_per_minute,omitempty"`
}

// AgentCredential is the credential of a binding: a value, or a secret of a vault. The caller wipes
// the value.
type AgentCredential struct {
	Value       Value
	In          string // bearer, basic, header:NAME, query:NAME or oauth2, whose value is a JSON object; "" for bearer
	User        string // of basic
	Vault, Path string
}

// AgentBindingChange makes or changes a binding. What is nil or empty is left out.
type AgentBindingChange struct {
	Name       string           `json:"name,omitempty"`
	Type       string           `json:"binding_type,omitempty"`
	Config     *BindingConfig   `json:"config,omitempty"`
	Guardrails *AgentGuardrails `json:"guardrails,omitempty"`
	IsActive   *bool            `json:"is_active,omitempty"`
	Credential *AgentCredential `json:"-"`
	// ClearConfig and ClearGuardrails name fields that are taken away, such as headers or allowed_paths.
	ClearConfig     []string `json:"-"`
	ClearGuardrails []string `json:"-"`
}

// MarshalJSON writes fields that are taken away as null. The credential is not in it.
func (ch *AgentBindingChange) MarshalJSON() ([]byte, error) {
	type plain AgentBindingChange
	out := struct {
		*plain
		Config     any `json:"config,omitempty"`
		Guardrails any `json:"guardrails,omitempty"`
	}{plain: (*plain)(ch)}
	var err error
	if out.Config, err = without(ch.Config, ch.ClearConfig); err != nil {
		return nil, err
	}
	if out.Guardrails, err = without(ch.Guardrails, ch.ClearGuardrails); err != nil {
		return nil, err
	}
	return json.Marshal(&out)
}

// without is an object with some of its fields as null; nil where there is nothing to send.
func without[T any](of *T, fields []string) (any, error) {
	if len(fields) == 0 {
		if of == nil {
			return nil, nil
		}
		return of, nil
	}
	all := map[string]any{}
	if of != nil {
		text, err := json.Marshal(of)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, &all); err != nil {
			return nil, err
		}
	}
	for _, name := range fields {
		all[name] = nil
	}
	return all, nil
}

// payload is the change as it is sent. Wipe it.
func (ch *AgentBindingChange) payload() (*payload, error) {
	text, err := json.Marshal(ch)
	if err != nil || ch.Credential == nil {
		return &payload{text: text}, err
	}
	k := ch.Credential
	more := text[:len(text)-1]
	if len(more) > 1 {
		more = append(more, ',')
	}
	if k.Vault != "" || k.Path != "" {
		source, err := json.Marshal(map[string]string{"type": "vault_ref", "vault_id": k.Vault, "path": k.Path})
		return &payload{text: append(append(append(more, `"credential_source":`...), source...), '}')}, err
	}
	all := make([]byte, 0, len(more)+quotedLen(k.Value.Reveal())+len(k.In)+6*len(k.User)+128) // one that grows would leave copies
	all = append(append(all, more...), `"credential":`...)
	return &payload{text: append(k.append(all), '}')}, nil
}

// append writes the credential as one of the objects that the API takes, or as a text.
func (k *AgentCredential) append(b []byte) []byte {
	kind, name, _ := strings.Cut(k.In, ":")
	end := `"`
	switch {
	case kind == "oauth2":
		return append(b, k.Value.Reveal()...)
	case kind == "basic" && k.User != "":
		b = append(appendQuoted(append(b, `{"type":"basic","username":"`...), []byte(k.User)), `","password":"`...)
		end = `"}`
	case kind == "header", kind == "query":
		b = append(appendQuoted(append(b, `{"type":"`+kind+`","name":"`...), []byte(name)), `","value":"`...)
		end = `"}`
	default:
		b = append(b, '"')
	}
	return append(appendQuoted(b, k.Value.Reveal()), end...)
}

func (c *Client) sendBinding(ctx context.Context, method string, ch *AgentBindingChange, parts ...string) (*AgentBinding, error) {
	p, err := route(parts...)
	if err != nil {
		return nil, err
	}
	body, err := ch.payload()
	if err != nil {
		return nil, err
	}
	defer body.wipe()
	out := new(AgentBinding)
	return got(out, c.call(ctx, request{method: method, path: p, body: body}, out))
}

// CreateAgentBinding lets an agent work with a service.
func (c *Client) CreateAgentBinding(ctx context.Context, agent string, ch *AgentBindingChange) (*AgentBinding, error) {
	return c.sendBinding(ctx, http.MethodPost, ch, "agents", agent, "bindings")
}

// UpdateAgentBinding changes a binding. Parts of config and guardrails that are left out stay.
func (c *Client) UpdateAgentBinding(ctx context.Context, agent, id string, ch *AgentBindingChange) (*AgentBinding, error) {
	return c.sendBinding(ctx, http.MethodPatch, ch, "agents", agent, "bindings", id)
}

// RotateAgentCredential replaces the credential of a binding.
func (c *Client) RotateAgentCredential(ctx context.Context, agent, id string, k *AgentCredential) (*AgentBinding, error) {
	return c.sendBinding(ctx, http.MethodPost, &AgentBindingChange{Credential: k}, "agents", agent, "bindings", id, "rotate-credential")
}

// AgentBindings lists an agent's bindings, the oldest first.
func (c *Client) AgentBindings(ctx context.Context, agent string) ([]AgentBinding, error) {
	var out struct {
		Bindings []AgentBinding `json:"bindings"`
	}
	err := c.read(ctx, &out, "agents", agent, "bindings")
	return out.Bindings, err
}

// AgentBinding returns one of them.
func (c *Client) AgentBinding(ctx context.Context, agent, id string) (*AgentBinding, error) {
	out := new(AgentBinding)
	return got(out, c.read(ctx, out, "agents", agent, "bindings", id))
}

// DeleteAgentBinding deletes a binding with its credential.
func (c *Client) DeleteAgentBinding(ctx context.Context, agent, id string) error {
	return c.remove(ctx, "agents", agent, "bindings", id)
}

// BindingTest is what a test of a binding came to.
type BindingTest struct {
	Success   bool   `json:"success"`
	LatencyMS int64  `json:"latency_ms"`
	Error     string `json:"error,omitempty"`
}

// TestAgentBinding asks the service of a binding whether it takes the credential.
func (c *Client) TestAgentBinding(ctx context.Context, agent, id string) (*BindingTest, error) {
	out := new(BindingTest)
	return got(out, c.write(ctx, http.MethodPost, struct{}{}, out, "agents", agent, "bindings", id, "test"))
}

// ExecutionRequest is what an agent has sent with the credential of a binding.
type ExecutionRequest struct {
	Binding string          `json:"binding"`     // name or id
	Intent  string          `json:"intent_type"` // http, graphql or postgres
	Params  json.RawMessage `json:"params"`
	Mode    string          `json:"execution_mode,omitempty"`
}

// Executed is what became of it.
type Executed struct {
	ID         string           `json:"execution_id"`
	Status     string           `json:"status"` // success or error
	Result     *ExecutionResult `json:"result,omitempty"`
	Error      string           `json:"error,omitempty"`
	DurationMS int64            `json:"duration_ms"`
	Redactions int64            `json:"redactions_applied"`
	Surface    string           `json:"execution_surface"`
}

// ExecutionResult is what the other server answered, without the credential.
type ExecutionResult struct {
	Status    int               `json:"status,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
	Body      string            `json:"body,omitempty"`
	Encoding  string            `json:"body_encoding,omitempty"` // base64 where the body is no text
	Truncated bool              `json:"truncated,omitempty"`
	// Of postgres. Values are as PostgreSQL writes them; nil is NULL.
	Columns []ExecutionColumn `json:"columns,omitzero"`
	Rows    [][]*string       `json:"rows,omitzero"`
	Command string            `json:"command,omitempty"`
	Count   *int64            `json:"row_count,omitempty"`
}

// ExecutionColumn is one of a table.
type ExecutionColumn struct {
	Name string `json:"name"`
	Type string `json:"type,omitempty"`
}

// Execute has a request sent. It is never tried again.
func (c *Client) Execute(ctx context.Context, agent string, r ExecutionRequest) (*Executed, error) {
	out := new(Executed)
	return got(out, c.write(ctx, http.MethodPost, r, out, "agents", agent, "execute"))
}

// Execution is one of a list.
type Execution struct {
	ID         string    `json:"id"`
	AgentID    string    `json:"agent_id"`
	BindingID  string    `json:"binding_id"`
	Binding    string    `json:"binding_name,omitempty"` // as it is called now
	Intent     string    `json:"intent_type"`
	Mode       string    `json:"execution_mode"`
	Status     string    `json:"status"`
	Error      string    `json:"error_message,omitempty"`
	DurationMS int64     `json:"duration_ms"`
	Redactions int64     `json:"redactions_applied"`
	CreatedAt  time.Time `json:"created_at"`
	Request    struct {
		Method string `json:"method"`
		Host   string `json:"host"`
		Path   string `json:"path_template,omitempty"`
	} `json:"request_summary"`
	Result *struct {
		Status int    `json:"status,omitempty"`
		Bytes  int64  `json:"bytes"`
		Rows   *int64 `json:"rows,omitempty"` // of a statement on a database
	} `json:"result_summary,omitempty"`
}

// Executions lists what an agent executed, the newest first.
func (c *Client) Executions(ctx context.Context, agent string, limit int) ([]Execution, error) {
	p, err := route("agents", agent, "executions")
	if err != nil {
		return nil, err
	}
	var out struct {
		Events []Execution `json:"events"`
	}
	err = c.call(ctx, request{method: http.MethodGet, path: p, query: url.Values{"limit": {strconv.Itoa(limit)}}, repeatable: true}, &out)
	return out.Events, err
}
