package executor

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/execution"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/stamp"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// Execution is one as it is stored and listed. It has no query, no body and no value.
type Execution struct {
	ID, Org, Agent, Binding string
	Intent                  string
	Status                  string // Running, Success or Failed
	Host, Method, Template  string // Template is the pattern of allowed_paths that it was within
	Answered                int    // status of the other server; 0: none
	Bytes                   int64
	Redactions              int64
	Rows                    int64  // of a statement on a database; -1: it is none, or is not known
	Named                   string // the binding as it is called now; empty once it is gone
	Error                   string // code of the fault
	Detail                  string // in words; it is not stored
	Took                    time.Duration
	At                      time.Time
}

// What an execution came to. One that is Running long after it began was cut off with the server, and is
// shown as one that failed: whether it was done is not known.
const (
	Running = "running"
	Success = "success"
	Failed  = "error"
)

// Use is one use of a binding's credential, as it is recorded.
type Use struct {
	Binding   *execution.Binding
	Execution *Execution // nil: a test by a human
	PerMinute int64      // executions of the agent; 0: no bound
	Own       int64      // of this binding
	Taking    vault.Taking
}

// Asked is what an agent asks for.
type Asked struct {
	Binding, Intent, Mode string
	Params                []byte // an object
}

// interrupted is after how long an execution that is Running was cut off.
const interrupted = 2 * execution.Longest * time.Millisecond

// cut is an execution as it is shown at a time.
func (e *Execution) cut(now time.Time) {
	if e.Status == Running && now.Sub(e.At) > interrupted {
		e.Status, e.Error = Failed, "interrupted"
	}
}

// Execute sends what an agent asks for, with the credential of its binding, and returns the answer
// without it. An answer of the other server that says no is an answer. Where the other server did not
// answer, or not so that it can be shown, the execution says so in its Detail.
func (s *Service) Execute(ctx context.Context, c *call.Call, agent string, in Asked) (Execution, Result, error) {
	got, err := s.over(ctx, c, agent, policy.Execute)
	if err != nil {
		return Execution{}, Result{}, err
	}
	if !got.Settings.Enabled {
		return Execution{}, Result{}, errOff
	}
	intent, err := execution.Intent(in.Intent)
	if err == nil {
		err = execution.CheckMode(in.Mode)
	}
	if err != nil {
		return Execution{}, Result{}, err
	}
	b, err := s.cfg.Store.AgentBinding(ctx, c.Who.Org, agent, in.Binding)
	if err != nil {
		return Execution{}, Result{}, err
	}
	c.Event.Details.Target = b.ID
	e := Execution{ID: ids.NewSorted(), Org: b.Org, Agent: agent, Binding: b.ID, Intent: intent, Status: Running, Rows: -1, At: stamp.Of(c.Now)}
	u := &Use{Binding: &b, Execution: &e, PerMinute: got.Settings.PerMinute, Own: b.Rails.PerMinute}
	r := &run{agent: got, use: u, execution: &e}
	if r.send, err = read(&b, intent, in.Params); err != nil {
		return Execution{}, Result{}, err
	}
	a, err := s.run(ctx, c, r)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Kind == fault.Unprocessable && e.Status == Failed {
		e.Detail, err = f.Detail, nil
	}
	return e, a, err
}

// errPath is the code of a request that the paths of a binding do not allow: base_url itself may be none
// of them.
const errPath = "path_not_allowed"

// Tested is what a test of a binding came to.
type Tested struct {
	Success bool
	Took    time.Duration
	Error   string // in words
}

// Test asks the service of a binding whether it takes the credential.
func (s *Service) Test(ctx context.Context, c *call.Call, agent, id string, timeout time.Duration) (Tested, error) {
	got, b, err := s.binding(ctx, c, agent, id, policy.TestAgentBinding)
	if err != nil {
		return Tested{}, err
	}
	e := Execution{Intent: b.Type}
	r := &run{agent: got, use: &Use{Binding: &b}, execution: &e, timeout: timeout}
	if r.send, err = probe(&b); fault.CodeOf(err) == errPath {
		f, _ := errors.AsType[*fault.Error](err)
		return Tested{Error: f.Detail}, nil
	}
	if err != nil {
		return Tested{}, err
	}
	a, err := s.run(ctx, c, r)
	out := Tested{Took: e.Took, Success: err == nil && a.Answer.Status < 400}
	switch f, ok := errors.AsType[*fault.Error](err); {
	case err == nil && !out.Success:
		out.Error = "The service answered, and not with success: it may not take the credential."
	case ok && (f.Kind == fault.Unprocessable || f.Code == errPath):
		out.Error, err = f.Detail, nil
	}
	return out, err
}

// run is one use of a binding.
type run struct {
	agent     Agent
	use       *Use
	send      sender
	execution *Execution
	timeout   time.Duration // of a test; 0: as the binding says
}

// run uses the binding, and once more where its refresh token was replaced before it was needed: each try is a use
// and an execution.
func (s *Service) run(ctx context.Context, c *call.Call, r *run) (Result, error) {
	for try := 1; ; try++ {
		a, err := s.attempt(ctx, c, r)
		if !errors.Is(err, mint.ErrMoved) || try == mostTries {
			return a, err
		}
		ctx, c = call.Again(ctx), c.Once()
		e := r.execution
		*e = Execution{ID: e.ID, Org: e.Org, Agent: e.Agent, Binding: e.Binding, Intent: e.Intent, Status: Running, Rows: -1, At: e.At}
		if r.use.Execution != nil {
			e.ID, e.At = ids.NewSorted(), stamp.Of(s.cfg.Now())
		}
	}
}

const mostTries = 3

func (s *Service) attempt(ctx context.Context, c *call.Call, r *run) (Result, error) {
	b := r.use.Binding
	if !b.Active || b.Source == "" {
		return Result{}, errStopped
	}
	t := r.send.target()
	if err := b.Allows(&r.agent.Settings, &t); err != nil {
		return Result{}, err
	}
	r.execution.Host, r.execution.Method, r.execution.Template = t.Host.String(), r.send.method(), b.Template(&t)
	kept, err := s.opened(ctx, c, r)
	if err != nil {
		return Result{}, err
	}
	defer kept.Wipe()
	began := s.cfg.Now()
	a, err := s.send(ctx, c, r, kept)
	if err == nil {
		err = broker.Sent(s.stands(ctx, c, r, &t), r.send.ended())
	}
	s.tell(ctx, c, r, &a, err, s.cfg.Now().Sub(began))
	if err != nil {
		return Result{}, err
	}
	return a, nil
}

func (s *Service) send(ctx context.Context, c *call.Call, r *run, kept secret.Bytes) (Result, error) {
	longest := r.use.Binding.Duration(&r.agent.Settings)
	if r.timeout > 0 {
		longest = min(longest, r.timeout)
	}
	within, stop := context.WithTimeout(ctx, longest)
	defer stop()
	t := r.send.target()
	a, err := r.send.send(within, &use{s: s, who: c.Who.ID, agent: r.agent, within: longest, binding: r.use.Binding, version: r.use.Taking.Version, kept: kept, stands: func(ctx context.Context) error {
		return unsent(s.stands(ctx, c, r, &t))
	}})
	if err != nil && errors.Is(within.Err(), context.DeadlineExceeded) {
		err = r.send.late(err)
	}
	return a, err
}

// unsent is broker.Sent for what is not done yet, and then is not.
func unsent(err error) error {
	if fault.Is(err, fault.Denied) || fault.Is(err, fault.Unauthenticated) {
		return errUndone
	}
	return err
}

// opened opens the credential, after the use is in the log. Wipe it.
func (s *Service) opened(ctx context.Context, c *call.Call, r *run) (kept secret.Bytes, err error) {
	b := r.use.Binding
	maker, err := s.setter(ctx, r.agent, b)
	if err != nil {
		return kept, err
	}
	p, err := secretpath.Parse(b.Path)
	if err != nil {
		return kept, err
	}
	record := func(v *vault.Version) error {
		switch {
		case v.CMEK:
			return errCMEK
		case v.Type == "private_key" || v.Type == "ssh_key":
			return errKey
		}
		ev, was := c.Event, *c.Event
		if r.use.Execution != nil {
			ev.ResourceType, ev.ResourceID = "execution", r.execution.ID
		}
		ev.Action, ev.Details.Version, ev.Details.Outcome = string(policy.UseSecret), v.Meta.Version, audit.Success
		ev.Details.More = []audit.Field{
			audit.Text("how", "execution"), audit.Text("host", r.execution.Host), audit.Text("method", r.execution.Method), audit.Text("path_template", r.execution.Template),
		}
		r.use.Taking = vault.Taking{Vault: v.Vault, Path: v.Path, Version: v.Meta.Version, Limited: v.MaxAccess > 0}
		err := s.cfg.Store.BeginExecution(ctx, r.use, ev)
		if err != nil && !ev.Committed {
			ev.Action, ev.ResourceType, ev.ResourceID, ev.Details.Outcome, ev.Details.More = was.Action, was.ResourceType, was.ResourceID, "", nil
		}
		return err
	}
	take := func(got *vault.Secret) error {
		taken := got.Take()
		kept = taken.Value
		return nil
	}
	if b.Source == execution.Inline {
		return kept, s.cfg.Vault.OpenCredential(ctx, c, b.Agent, b.Vault, p, record, take)
	}
	c.Event.Details.Vault, c.Event.Details.Path = b.Vault, b.Path
	err = s.cfg.Vault.Lend(ctx, c, maker, policy.Moment{Now: c.Now, IP: b.SetIP}, b.Vault, p, record, take)
	if errors.Is(err, vault.ErrLapsed) || fault.Is(err, fault.NotFound) {
		err = errLapsed
	}
	return kept, err
}

// setter is who set the credential, as it is now, with the cap of the request that set it. It must
// still be one who may set bindings of the agent.
func (s *Service) setter(ctx context.Context, a Agent, b *execution.Binding) (policy.Principal, error) {
	who, err := s.cfg.People.PrincipalNow(ctx, policy.KindUser, b.SetBy, b.Org, s.cfg.Now())
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Unauthenticated) {
		return who, errLapsed
	}
	if err != nil {
		return who, err
	}
	who.Scopes = b.SetScopes
	if b.InPerson {
		who.Person = b.SetAt
	}
	r := policy.Resource{Org: b.Org, Agent: &policy.Agent{ID: b.Agent, Org: b.Org, Creator: a.Creator}}
	if !policy.Decide(who, policy.CreateAgentBinding, r, policy.Moment{Now: s.cfg.Now(), IP: b.SetIP}).Allow {
		return who, errLapsed
	}
	return who, nil
}

// mayRenew is nil while who set a binding may store another credential in the place of its own: that of a vault it must be
// able to write.
func (s *Service) mayRenew(ctx context.Context, a Agent, b *execution.Binding) error {
	maker, err := s.setter(ctx, a, b)
	if err == nil && b.Source == execution.VaultRef {
		var p secretpath.Path
		if p, err = secretpath.Parse(b.Path); err == nil {
			err = s.cfg.Vault.MayRenew(ctx, maker, policy.Moment{Now: s.cfg.Now(), IP: b.SetIP}, b.Vault, p)
		}
	}
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Denied) {
		err = mint.ErrNotKept
	}
	return err
}

// stands returns nil while the caller may still do what an answer came of: a right that ended while the
// other server answered shows nothing more.
func (s *Service) stands(ctx context.Context, c *call.Call, r *run, t *binding.Target) error {
	b, a := r.use.Binding, policy.Execute
	if r.use.Execution == nil {
		a = policy.TestAgentBinding
	}
	now, err := s.cfg.Standing(ctx)
	if err != nil {
		return err
	}
	if now == nil {
		as := *c
		as.Now = s.cfg.Now() // what expired meanwhile is expired
		now = &as
	}
	agent, err := s.cfg.Store.ExecutingAgent(ctx, b.Org, b.Agent)
	if err == nil {
		err = now.Authorize(a, policy.Resource{Org: b.Org, Agent: &policy.Agent{ID: b.Agent, Org: b.Org, Creator: agent.Creator}})
	}
	if err != nil {
		return err
	}
	is, err := s.cfg.Store.AgentBinding(ctx, b.Org, b.Agent, b.ID)
	switch {
	case errors.Is(err, ErrNone):
		return errEnded
	case err != nil:
		return err
	case !is.Active, is.Revision != b.Revision, is.Vault != b.Vault, is.Path != b.Path, is.SetBy != b.SetBy, is.Allows(&agent.Settings, t) != nil, r.use.Execution != nil && !agent.Settings.Enabled:
		return errEnded
	}
	maker, err := s.setter(ctx, agent, &is)
	if err != nil || is.Source != execution.VaultRef {
		return err
	}
	p, err := secretpath.Parse(is.Path)
	if err == nil {
		_, err = s.cfg.Vault.MayLend(ctx, maker, policy.Moment{Now: s.cfg.Now(), IP: is.SetIP}, is.Vault, p)
	}
	if errors.Is(err, vault.ErrLapsed) || fault.Is(err, fault.NotFound) {
		err = errEnded
	}
	if !errors.Is(err, vault.ErrGone) {
		return err
	}
	if lives, err := s.cfg.Vault.Lives(ctx, now, vault.Ref{Vault: is.Vault, Path: p}); err != nil || lives && r.use.Taking.Limited {
		return err // this use was the last
	}
	return errEnded
}

// tell puts into the log, and into the list, what came of a use that is there already.
func (s *Service) tell(ctx context.Context, c *call.Call, r *run, a *Result, failed error, took time.Duration) {
	e := r.execution
	e.Status, e.Answered, e.Bytes, e.Redactions, e.Took = Success, max(a.Answer.Status, 0), int64(len(a.Answer.Body)), int64(a.Answer.Redactions), max(took, 0)
	rows := int64(0)
	if a.Table != nil {
		e.Bytes, e.Rows, rows = a.Table.Bytes, max(a.Table.Count, -1), max(a.Table.Count, 0)
	}
	ev := *c.Event
	ev.ID, ev.At, ev.Action, ev.Committed = ids.New(), s.cfg.Now(), string(policy.UsedSecret), false
	ev.Details = audit.Details{Outcome: audit.Success, Token: c.Event.Details.Token, Vault: c.Event.Details.Vault, Path: c.Event.Details.Path, Target: c.Event.ID}
	if failed != nil {
		e.Status, e.Error, e.Bytes, e.Rows, rows = Failed, fault.CodeOf(failed), 0, -1, 0
		ev.Details.Outcome, ev.Details.Reason = audit.Error, e.Error
	}
	ev.Details.More = []audit.Field{
		audit.Number("answered", uint64(e.Answered)), audit.Number("bytes", uint64(e.Bytes)), audit.Number("rows", uint64(rows)),
		audit.Number("redactions", uint64(e.Redactions)), audit.Number("ms", uint64(e.Took.Milliseconds())),
	}
	if err := s.cfg.Store.EndExecution(context.WithoutCancel(ctx), e, &ev); err != nil {
		ended := *e
		s.cfg.Log.Error("what came of an execution is written later", slog.String("use", c.Event.ID), slog.String("execution", e.ID), slog.String("status", e.Status), slog.Any("error", err))
		s.cfg.Later.Put(c.Event.ID, func(ctx context.Context) error { return s.cfg.Store.EndExecution(ctx, &ended, &ev) })
	}
}
