package world

import (
	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/ids"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Password is that of everybody who signed up with SignUp.
const Password = "Tr0ub4dor-and-horses"

// Email is the address of a user who was made with a name.
func Email(name string) string { return name + "@example.com" }

// Owner makes a user with an organisation of its own and a confirmed address, who has
// just signed in. It has no password, which would take long to hash: see SignUp.
func (w *World) Owner(name string) policy.Principal {
	w.t.Helper()
	now := w.Clock.Now()
	a := identity.Account{
		User: identity.User{ID: ids.New(), Email: Email(name), AuthMethod: "password", EmailVerified: true, HomeOrg: ids.New(), CreatedAt: now},
		Role: policy.RoleOwner, PasswordHash: "none",
	}
	a.Org = a.HomeOrg
	ev := w.Anon(policy.Signup).Event
	ev.Org = a.Org
	w.must(w.DB.AddUser(w.t.Context(), a, name, nil, ev))
	return w.SignedIn(a.ID, a.Org)
}

// Unconfirmed makes an Owner whose address nobody confirmed.
func (w *World) Unconfirmed(name string) policy.Principal {
	w.t.Helper()
	p := w.Owner(name)
	w.Exec(`UPDATE users SET email_verified = 0 WHERE id = ?`, p.ID)
	return p
}

// Boss makes an Owner who runs the server.
func (w *World) Boss(name string) policy.Principal {
	w.t.Helper()
	p := w.Owner(name)
	w.Exec(`UPDATE users SET platform_admin = 1 WHERE id = ?`, p.ID)
	return w.SignedIn(p.ID, p.Org)
}

// Member makes a user who joins the organisation of an owner or admin, and has just
// signed in there.
func (w *World) Member(of policy.Principal, name string, role policy.Role) policy.Principal {
	w.t.Helper()
	p := w.Owner(name)
	_, err := w.Orgs.Invite(w.t.Context(), w.Call(w.Here(of), policy.InviteMember), Email(name), role, func(string) error { return nil })
	w.must(err)
	_, err = w.Orgs.AcceptInvitation(w.t.Context(), w.Call(p, policy.AcceptInvitation), w.Mail.Token(Invited, Email(name)))
	w.must(err)
	return w.SignedIn(p.ID, of.Org)
}

// SignedIn is a user as the database has it now, who has just signed in.
func (w *World) SignedIn(user, org string) policy.Principal {
	w.t.Helper()
	p, err := w.Identity.PrincipalNow(w.t.Context(), policy.KindUser, user, org, w.Clock.Now())
	w.must(err)
	return w.Here(p)
}

// Here is a user who has just signed in again.
func (w *World) Here(p policy.Principal) policy.Principal {
	p.Person = w.Clock.Now()
	return p
}

// SignUp makes a user with a password through identity, and returns its token with it.
func (w *World) SignUp(name string) (policy.Principal, string) {
	w.t.Helper()
	j, err := w.Accounts.Signup(w.t.Context(), w.Anon(policy.Signup), Email(name), secret.FromString(Password), "")
	w.must(err)
	if j.Token == nil {
		w.t.Fatal("the signup gave no token")
	}
	token := string(j.Token.Access.Reveal())
	return w.Who(token), token
}

// Who is whose credential it is. It must be good.
func (w *World) Who(bearer string) policy.Principal {
	w.t.Helper()
	p, err := w.Identity.Authenticate(w.t.Context(), bearer, w.Clock.Now())
	w.must(err)
	return p
}

// ByKey is a user who comes with a new API key that has scopes.
func (w *World) ByKey(of policy.Principal, scopes ...string) policy.Principal {
	w.t.Helper()
	_, key, err := w.Accounts.CreateKey(w.t.Context(), w.Call(w.Here(of), policy.CreateAPIKey), account.KeyDraft{Name: "key", Scopes: scopes})
	w.must(err)
	return w.Who(string(key.Reveal()))
}

// Dead checks that a credential is refused, in the one way there is.
func (w *World) Dead(what, bearer string) {
	w.t.Helper()
	p, err := w.Identity.Authenticate(w.t.Context(), bearer, w.Clock.Now())
	if fault.KindOf(err) != fault.Unauthenticated || fault.CodeOf(err) != "unauthenticated" || p.ID != "" {
		w.t.Errorf("%s: got principal %q and error %v, want unauthenticated", what, p.ID, err)
	}
}

// LogIn returns the token of a login that must be good.
func (w *World) LogIn(email, password string) string {
	w.t.Helper()
	t, err := w.Accounts.Login(w.t.Context(), w.Anon(policy.Login), email, secret.FromString(password))
	w.must(err)
	return string(t.Access.Reveal())
}

// Agent makes an agent of a human. It comes with a token for its key.
func (w *World) Agent(of policy.Principal, change ...func(*agent.Agent)) policy.Principal {
	w.t.Helper()
	draft := agent.Agent{}
	for _, f := range change {
		f(&draft)
	}
	_, key := w.NewAgent(w.Here(of), draft)
	return w.Who(w.Exchange(key))
}

// NewAgent makes an agent of who and returns it with its key.
func (w *World) NewAgent(who policy.Principal, draft agent.Agent) (agent.Agent, string) {
	w.t.Helper()
	if draft.Name == "" {
		draft.Name = "worker"
	}
	a, key, err := w.Agents.CreateAgent(w.t.Context(), w.Call(who, policy.RegisterAgent), draft)
	w.must(err)
	return a, string(key.Reveal())
}

// Exchange returns a token for an agent's key.
func (w *World) Exchange(key string) string {
	w.t.Helper()
	t, err := w.Agents.AgentToken(w.t.Context(), w.Anon(policy.Login), key, "")
	w.must(err)
	return string(t.Access.Reveal())
}

// Anon is a request of a stranger.
func (w *World) Anon(a policy.Action) *call.Call { return w.Call(policy.Principal{}, a) }

// Call is one request of who for an action, with the event that the gate of the API
// would make. The zero Principal is a stranger.
func (w *World) Call(who policy.Principal, a policy.Action) *call.Call {
	if who.Kind == "" {
		who.Kind = policy.KindAnonymous
	}
	ev := &audit.Event{
		ID: ids.New(), Org: audit.SystemOrg, At: w.Clock.Now(), Action: string(a), ActorKind: string(who.Kind), ActorID: who.ID,
		IP: Address.String(), Details: audit.Details{Token: who.TokenID},
	}
	if who.Org != "" {
		ev.Org, ev.With = who.Org, who.Credential()
	}
	return &call.Call{Who: who, IP: Address, Now: w.Clock.Now(), Event: ev}
}
