// Package executor keeps the bindings of agents and executes what agents ask of them: a request to
// a service, with a credential that nobody is shown.
//
// Its promise: a credential leaves only for what its binding and the agent's settings allow, after
// the use is in the log, and while whoever set it may; and no answer, error or log has it.
package executor

import (
	"context"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/later"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Agent is what an execution needs to know of an agent.
type Agent struct {
	Creator  string
	Settings execution.Settings
}

// Store keeps the rows.
type Store interface {
	// ExecutingAgent returns fault.NotFound unless the organisation has such an agent.
	ExecutingAgent(ctx context.Context, org, agent string) (Agent, error)
	// AgentBindings returns an agent's bindings, the oldest first.
	AgentBindings(ctx context.Context, org, agent string) ([]execution.Binding, error)
	// AgentBinding returns the one of that id or name, or ErrNone.
	AgentBinding(ctx context.Context, org, agent, idOrName string) (execution.Binding, error)
	// AddAgentBinding stores a binding with its sealed credential, if it has one. Conflict when the
	// agent has one of that name, or as many as Most.
	AddAgentBinding(ctx context.Context, b *execution.Binding, sealed *vault.Version, ev *audit.Event) error
	// ChangeAgentBinding stores what was made of a binding, unless its revision is another by now
	// (ErrChanged). A credential that it leaves behind is deleted. narrows: it only stops the binding,
	// so nobody answers for it.
	ChangeAgentBinding(ctx context.Context, b *execution.Binding, sealed *vault.Version, narrows bool, ev *audit.Event) error
	// DeleteAgentBinding deletes a binding with its credential.
	DeleteAgentBinding(ctx context.Context, org, agent, id string, ev *audit.Event) error
	// BeginExecution puts a use into the log, with the execution where there is one, in one
	// transaction with what the use takes off. It refuses when the binding is not as it was read
	// (ErrChanged), and when the agent or the binding had as many executions within a minute as they may.
	BeginExecution(ctx context.Context, u *Use, ev *audit.Event) error
	// EndExecution says what came of one.
	EndExecution(ctx context.Context, e *Execution, ev *audit.Event) error
	// Executions returns those of an agent, the newest first.
	Executions(ctx context.Context, org, agent string, limit, after int) ([]Execution, error)
	// EndInterrupted says of executions that run since before a time that they were cut off. alone: no other server uses the
	// database, so what a server that died held is free.
	EndInterrupted(ctx context.Context, before time.Time, alone bool) error
	// SweepExecutions removes those of before a time.
	SweepExecutions(ctx context.Context, before time.Time) error
}

// People says what somebody may do now.
type People interface {
	PrincipalNow(ctx context.Context, kind policy.PrincipalKind, id, org string, now time.Time) (policy.Principal, error)
}

// Config is what a Service stands on.
type Config struct {
	Store  Store
	Vault  *vault.Service
	Broker *broker.Service
	People People
	// Standing is the call of a context as its credential is now; nil where it is nobody's.
	Standing func(ctx context.Context) (*call.Call, error)
	// Alone is true where no other server uses the database.
	Alone bool
	// Later writes what came of an execution that could not be written in its time.
	Later *later.Queue
	Log   *slog.Logger
	Now   func() time.Time
}

// Service is the methods on bindings and executions. It is safe for concurrent use.
type Service struct {
	cfg   Config
	began time.Time
}

// New returns a Service.
func New(cfg Config) *Service { return &Service{cfg: cfg, began: stamp.Of(cfg.Now())} }

// Most is how many bindings an agent may have.
const Most = 100

// What the keeper of bindings refuses.
var (
	ErrNone    = fault.New(fault.NotFound, "agent_binding_not_found", "The agent has no such binding.")
	ErrThere   = fault.New(fault.Conflict, "agent_binding_exists", "The agent has a binding of this name.")
	ErrRoom    = fault.New(fault.Conflict, "too_many_agent_bindings", "An agent has at most 100 bindings.")
	ErrChanged = fault.New(fault.Conflict, "agent_binding_changed", "The binding was changed meanwhile. Try again.")
	errOff     = fault.New(fault.Denied, "executions_disabled", "The agent may not execute: a human sets execution_intents_enabled (oneclaw agent update NAME --executions on).").Because("executions_disabled")
	errStopped = fault.New(fault.Denied, "agent_binding_inactive", "The binding is not active, or has no credential. A human changes that.").Because("agent_binding_inactive")
	errLapsed  = fault.New(fault.Denied, "agent_binding_lapsed", "Whoever set the binding's credential may not do so any more. A human sets it anew.").Because("agent_binding_lapsed")
	errEnded   = fault.New(fault.Denied, "right_ended", "The right to this execution ended while the other server answered. Whether it did what was asked is not known.").Because("right_ended")
	errUndone  = fault.New(fault.Denied, "right_ended", "The right to this execution ended before it was done. Nothing was changed.").Because("right_ended")
	errDone    = fault.New(fault.Denied, "right_ended", "The right to this execution ended when its statement was done: what it changed stays, and its answer is not shown.").Because("right_ended")
	errKey     = fault.New(fault.Denied, "private_key_not_sent", "A private key is sent to nobody: it signs here.").Because("private_key")
	errCMEK    = fault.New(fault.Denied, "encrypted_by_client", "The vault's values are encrypted by its clients, so that the server can't use them.").Because("cmek")
	errTimeout = fault.New(fault.Unprocessable, "execution_timeout", "The execution reached its time limit: the other server did not answer in time. Whether it did what was asked is not known.")
	errUnsent  = fault.New(fault.Unprocessable, "execution_timeout", "The execution reached its time limit before anything was asked of the other server. Nothing was changed.")
)

// Busy refuses one more execution within a minute, of which the first began at a time.
func Busy(first, now time.Time) error {
	return &fault.Error{
		Kind: fault.RateLimited, Code: "execution_rate_limited", RetryAfter: max(first.Add(execution.Window).Sub(now), time.Second),
		Detail: "max_requests_per_minute of the agent or of the binding is used up. Wait as long as the Retry-After header says.",
	}
}

// over asks whether the caller may do something to an agent, and returns what is known of it.
func (s *Service) over(ctx context.Context, c *call.Call, agent string, a policy.Action) (Agent, error) {
	got, err := s.cfg.Store.ExecutingAgent(ctx, c.Who.Org, agent)
	return got, c.OverAgent(a, agent, got.Creator, err)
}

// binding is over for one binding of the agent.
func (s *Service) binding(ctx context.Context, c *call.Call, agent, id string, a policy.Action) (Agent, execution.Binding, error) {
	got, err := s.over(ctx, c, agent, a)
	if err != nil {
		return got, execution.Binding{}, err
	}
	b, err := s.cfg.Store.AgentBinding(ctx, c.Who.Org, agent, id)
	if err == nil {
		c.Event.Details.Target = b.ID
	}
	return got, b, err
}
