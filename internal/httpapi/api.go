// Package httpapi is the REST surface: it decodes a request, calls one domain
// method, and encodes the answer.
//
// Its promise: every operation declares the policy action that it is; every
// request under /v1 but health leaves exactly one audit event before the first
// byte of its answer leaves; no error echoes what was sent.
package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"sync"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/agent"
	"github.com/oneclaw-dev/oneclaw/internal/approval"
	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/billing"
	"github.com/oneclaw-dev/oneclaw/internal/broker"
	"github.com/oneclaw-dev/oneclaw/internal/broker/relay"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/checkout"
	"github.com/oneclaw-dev/oneclaw/internal/envvar"
	"github.com/oneclaw-dev/oneclaw/internal/executor"
	"github.com/oneclaw-dev/oneclaw/internal/freeze"
	"github.com/oneclaw-dev/oneclaw/internal/gate"
	"github.com/oneclaw-dev/oneclaw/internal/identity"
	"github.com/oneclaw-dev/oneclaw/internal/intents"
	"github.com/oneclaw-dev/oneclaw/internal/iprule"
	"github.com/oneclaw-dev/oneclaw/internal/org"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/rest"
	"github.com/oneclaw-dev/oneclaw/internal/sharing"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/activity"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/flagged"
	"github.com/oneclaw-dev/oneclaw/internal/signingkey"
	"github.com/oneclaw-dev/oneclaw/internal/transaction"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
	"github.com/oneclaw-dev/oneclaw/internal/wanted"
	"github.com/oneclaw-dev/oneclaw/internal/webhook"
	"github.com/oneclaw-dev/oneclaw/internal/x402"
)

// Health tells how the server's parts are.
type Health interface {
	// Ready returns nil when the last events were written and signed. The code of
	// its error says what is wrong.
	Ready(ctx context.Context) error
	// Keystore returns the provider's name and whether it answers.
	Keystore(ctx context.Context) (provider string, connected bool)
}

// Config is what the API is made of.
type Config struct {
	Gate         *gate.Gate // with the services that let requests in
	Accounts     *account.Service
	Agents       *agent.Service
	Orgs         *org.Service
	Vault        *vault.Service
	Sharing      *sharing.Service
	Approvals    *approval.Service
	Wanted       *wanted.Service
	Webhooks     *webhook.Service
	Checkout     *checkout.Service // nil: no payment provider
	Chains       *intents.Chains
	Freezes      *freeze.Service
	Transactions *transaction.Service
	SigningKeys  *signingkey.Service
	Activity     *activity.Service
	Flagged      *flagged.Service
	Broker       *broker.Service
	Relay        *relay.Relay
	Executor     *executor.Service
	Audit        *audit.Log
	Health       Health
	Version      string
}

// API serves /v1 and /.well-known. It is an http.Handler.
type API struct {
	vault        *vault.Service
	approvals    *approval.Service
	wanted       *wanted.Service
	webhooks     *webhook.Service
	envVars      *envvar.Service
	sharing      *sharing.Service
	identity     *identity.Service
	accounts     *account.Service
	agents       *agent.Service
	orgs         *org.Service
	iprules      *iprule.Service
	billing      *billing.Service
	payments     *x402.Service
	checkout     *checkout.Service
	chains       *intents.Chains
	freezes      *freeze.Service
	transactions *transaction.Service
	signingKeys  *signingkey.Service
	activity     *activity.Service
	flagged      *flagged.Service
	broker       *broker.Service
	relay        *relay.Relay
	executor     *executor.Service
	audit        *audit.Log
	leaving      chan struct{} // closed when answers that go on have to end
	leave        sync.Once
	health       Health
	publicURL    string
	gate         *gate.Gate
	at           *gate.Surface
	version      string
	router       *router
	doc          *rest.Document
}

// New returns the API with every operation registered.
func New(cfg Config) *API {
	a := &API{
		vault: cfg.Vault, sharing: cfg.Sharing, approvals: cfg.Approvals, wanted: cfg.Wanted, webhooks: cfg.Webhooks, envVars: envvar.New(cfg.Vault), identity: cfg.Gate.Identity,
		accounts: cfg.Accounts, agents: cfg.Agents, orgs: cfg.Orgs, iprules: cfg.Gate.IPRules, billing: cfg.Gate.Billing,
		payments: cfg.Gate.Payments, checkout: cfg.Checkout, chains: cfg.Chains, freezes: cfg.Freezes, transactions: cfg.Transactions, signingKeys: cfg.SigningKeys, activity: cfg.Activity, flagged: cfg.Flagged, broker: cfg.Broker, relay: cfg.Relay, executor: cfg.Executor, audit: cfg.Audit, health: cfg.Health,
		publicURL: cfg.Gate.PublicURL, version: cfg.Version, gate: cfg.Gate, leaving: make(chan struct{}), router: &router{root: newNode()},
	}
	a.at = a.surface(a.gate)
	a.doc = rest.NewDocument("oneclaw", a.version, reflect.TypeFor[Problem]())
	a.doc.OpenAPI.Info.Description = "A self-hosted vault for AI agents. It speaks the 1Claw v1.1.0 contract."
	a.doc.OpenAPI.Components.SecuritySchemes = map[string]*rest.SecurityScheme{
		"bearer": {Type: "http", Scheme: "bearer", Description: "A JWT, a user's API key (1ck_...) or an agent's key (ocv_...)."},
	}
	a.registerHealth()
	a.registerAuth()
	a.registerDevice()
	a.registerProviders()
	a.registerAPIKeys()
	a.registerVaults()
	a.registerVaultJobs()
	a.registerSecrets()
	a.registerEnvVars()
	a.registerBindings()
	a.registerStreams()
	a.registerTail()
	a.registerCodes()
	a.registerSSH()
	a.registerAgentBindings()
	a.registerExecutions()
	a.registerPolicies()
	a.registerAccess()
	a.registerShares()
	a.registerAgents()
	a.registerEnroll()
	a.registerFreeze()
	a.registerApprovals()
	a.registerSecretRequests()
	a.registerWebhooks()
	a.registerOrg()
	a.registerAudit()
	a.registerBilling()
	a.registerAdmin()
	a.registerChains()
	a.registerTransactions()
	a.registerGuard()
	a.registerSimulations()
	a.registerSignMessage()
	a.registerEVMKeys()
	a.registerShroud()
	a.registerRouterKeys()
	a.registerAttestation()
	a.registerX402()
	a.registerOpenAPI()
	return a
}

// OpenAPI is the document of every operation, made from the Go types.
func (a *API) OpenAPI() *rest.OpenAPI { return a.doc.OpenAPI }

const metaKey = "oneclaw"

// opMeta is what the document keeps of an operation and does not show.
type opMeta struct{ action policy.Action }

// op is an operation as the resource files declare it.
type op struct {
	method, path, id, summary string
	tag                       string
	action                    policy.Action
	status                    int // of success; 0 means 200, or 204 without a body
	limit                     gate.Limit
	errors                    []int // beside those that all have
	bodyOptional              bool  // no body is as good as {}
	form                      bool  // a body of type application/x-www-form-urlencoded is taken too
	knowsCaller               bool  // public, but a credential that is sent must be good, and says who calls
}

// handle registers an operation whose handler gets the call as an argument.
func handle[I, O any](a *API, o op, fn func(ctx context.Context, c *call.Call, in *I) (*O, error)) {
	about := a.describe(&o)
	made := rest.New[I, O](a.doc, about)
	if o.bodyOptional {
		about.RequestBody.Required = false
	}
	a.route(&o, made.TakesBody(), func(x *gate.Request, r *http.Request, query url.Values, data []byte) error {
		in, err := made.Decode(r, query, data)
		if err != nil {
			return unfit(err)
		}
		var out *O
		err = x.Decide(r.Context(), o.method != http.MethodGet, func(ctx context.Context) (err error) {
			out, err = fn(ctx, &x.Call, in)
			return err
		})
		if err != nil {
			return err
		}
		if err = made.Answer(x, out); err != nil && !errors.Is(r.Context().Err(), context.Canceled) {
			panic(err) // the connection is cut: half an answer must not look whole
		}
		return nil
	})
}

// describe begins what the document says of an operation.
func (*API) describe(o *op) *rest.Description {
	about := &rest.Description{
		OperationID: o.id, Method: o.method, Path: o.path, Summary: o.summary, Tags: []string{o.tag}, DefaultStatus: o.status,
		Metadata: map[string]any{metaKey: opMeta{action: o.action}}, Errors: errorsOf(*o),
	}
	if !o.action.Public() {
		about.Security = []map[string][]string{{"bearer": {}}}
	}
	return about
}

// errorsOf lists the statuses that an operation may answer with.
func errorsOf(o op) []int {
	out := append([]int{http.StatusBadRequest, http.StatusTooManyRequests, http.StatusServiceUnavailable}, o.errors...)
	if !o.action.Public() {
		out = append(out, http.StatusUnauthorized, http.StatusPaymentRequired, http.StatusForbidden, http.StatusNotFound)
	}
	return out
}

// body is a response with a body.
type body[T any] struct{ Body T }

// empty is a response without one: 204.
type empty struct{}
