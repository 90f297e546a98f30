package archtest

// common are the packages that every package may import.
var common = []string{"internal/secret", "internal/fault", "internal/files", "internal/ids", "internal/network", "internal/oneline", "internal/stamp"}

// domain is what the packages that hold the rules of the product may share:
// who asks, what is allowed, what is recorded, how a value is sealed. How a
// keystore or a database does its part is behind interfaces.
var domain = []string{
	"internal/call", "internal/audit", "internal/budget", "internal/erase", "internal/keystore",
	"internal/loop", "internal/policy", "internal/seal", "internal/secretpath",
}

// services are the domain packages that the edges call.
var services = []string{
	"internal/account", "internal/agent", "internal/call", "internal/approval", "internal/audit", "internal/billing", "internal/binding", "internal/broker", "internal/broker/relay",
	"internal/checkout", "internal/envvar", "internal/erase", "internal/evm", "internal/execution", "internal/executor", "internal/freeze", "internal/identity", "internal/intents", "internal/iprule", "internal/org", "internal/policy", "internal/secretpath", "internal/sharing", "internal/shroud", "internal/shroud/activity", "internal/shroud/flagged", "internal/signedcall", "internal/signingkey", "internal/transaction", "internal/vault", "internal/wanted", "internal/webhook", "internal/x402",
}

// page is what every package of pages stands on.
var page = []string{"client", "internal/dashboard/frame"}

// pagesOfPeople are the packages of pages.
var pagesOfPeople = []string{
	"internal/dashboard/pages/agents", "internal/dashboard/pages/entry", "internal/dashboard/pages/home", "internal/dashboard/pages/inbox",
	"internal/dashboard/pages/organisation", "internal/dashboard/pages/own", "internal/dashboard/pages/records", "internal/dashboard/pages/setup", "internal/dashboard/pages/vaults",
}

// arrows says, for each package, which others of this module it may import
// beside the common ones. A package that is not here fails the test: add it
// with the fewest arrows that it needs, and say in ARCHITECTURE.md why when an
// arrow is new. Test files and test kits are free to import anything.
var arrows = map[string][]string{
	// main puts the commands together: server, operators, CLI, stdio MCP.
	"cmd/oneclaw": {"client", "internal/app", "internal/cli", "internal/cli/fence", "internal/mcpserver", "internal/ops"},

	// The public client and what stands on it alone.
	"client":                {},
	"internal/cli":          {"client", "internal/binding", "internal/childproxy", "internal/childproxy/childenv", "internal/childproxy/peer", "internal/cli/child", "internal/cli/console", "internal/cli/fence", "internal/cli/session", "internal/cli/sshagent", "internal/envbundle", "internal/evm", "internal/policy", "internal/process"},
	"internal/cli/child":    {"internal/shroud/known"}, // to take values out of what a program prints
	"internal/cli/fence":    {},                        // below main too: the binary waits in the fence that it makes
	"internal/cli/sshagent": {"client"},
	"internal/cli/session":  {"client", "internal/cli/console"},
	"internal/cli/console":  {"client"},
	// The proxy of one command: it asks the server, and has no value of a secret.
	"internal/childproxy":             {"client", "internal/binding", "internal/childproxy/authority", "internal/childproxy/placeholder"},
	"internal/childproxy/authority":   {},
	"internal/childproxy/childenv":    {},
	"internal/childproxy/peer":        {},
	"internal/childproxy/placeholder": {},
	"internal/mcpserver":              {"client", "internal/budget", "internal/envbundle", "internal/loopback", "internal/shroud/inject", "internal/shroud/verdict", "internal/strictjson"},
	"bench/detect":                    {"internal/shroud/detect", "internal/shroud/finding", "internal/shroud/inject", "internal/shroud/leak", "internal/shroud/pii", "internal/shroud/text"},
	"bench":                           {"client", "internal/evm", "internal/secret", "internal/shroud/known", "internal/testkit/mailbox", "internal/testkit/pgtest"},

	// The wiring of the server: only here do implementations meet the services.
	"internal/app": {anything},

	"internal/listen":  {"internal/config", "internal/process", "internal/proxies"},
	"internal/process": {},
	"internal/datadir": {"internal/audit"},
	"internal/keyring": {
		"internal/audit", "internal/config", "internal/keystore", "internal/keystore/pkcs11", "internal/keystore/soft", "internal/seal",
	},

	// The operators' commands. What a command does, it does without the services
	// that answer requests, but for opening what they sealed.
	"internal/ops": {
		"client", "internal/audit", "internal/config", "internal/datadir", "internal/identity", "internal/keyring", "internal/keystore",
		"internal/ops/backup", "internal/ops/doctor", "internal/ops/inspect", "internal/ops/operator", "internal/sqldb", "internal/sqldb/transfer", "internal/store",
	},
	"internal/ops/backup": {
		"internal/audit", "internal/config", "internal/datadir", "internal/keyring", "internal/keystore", "internal/ops/inspect",
		"internal/ops/operator", "internal/process", "internal/seal", "internal/sqldb", "internal/sqldb/driver", "internal/sqldb/transfer",
		"internal/store", "internal/vault",
	},
	"internal/ops/doctor": {
		"client", "internal/cli/console", "internal/config", "internal/datadir", "internal/keyring", "internal/keystore", "internal/keystore/soft",
		"internal/listen", "internal/ops/backup", "internal/ops/inspect", "internal/ops/operator", "internal/store",
	},
	"internal/ops/inspect": {
		"internal/account", "internal/approval", "internal/audit", "internal/datadir", "internal/keyring", "internal/keystore", "internal/mail",
		"internal/process", "internal/seal", "internal/sharing", "internal/shroud/flagged", "internal/shroud/placekey", "internal/sqldb/transfer", "internal/store", "internal/vault", "internal/webhook",
	},
	"internal/ops/operator": {"internal/config", "internal/process", "internal/sqldb/transfer", "internal/store"},

	// Edges: decode, call, encode.
	"internal/gate":               {"internal/audit", "internal/billing", "internal/budget", "internal/call", "internal/identity", "internal/iprule", "internal/policy", "internal/proxies", "internal/ratelimit", "internal/x402"},
	"internal/httpapi":            join(services, "internal/budget", "internal/gate", "internal/intents/simulate", "internal/patch", "internal/proxies", "internal/ratelimit", "internal/rest", "internal/strictjson"),
	"internal/rest":               {"internal/erase", "internal/strictjson"}, // it knows no operation
	"internal/dashboard":          {"internal/account", "internal/agent", "internal/binding", "internal/loopback", "internal/mail", "internal/wanted"},
	"internal/dashboard/drive":    {},                                                                   // it is tests alone
	"internal/dashboard/signedin": join(pagesOfPeople, "internal/dashboard/frame", "internal/identity"), // it joins the pages
	"internal/dashboard/frame":    {"client", "internal/identity", "internal/loopback"},                 // it does what the API does
	"internal/dashboard/plot":     {},
	// No package of pages imports another: what two have in common is the frame's.
	"internal/dashboard/pages/agents":       join(page, "internal/evm"),
	"internal/dashboard/pages/entry":        join(page, "internal/oidc"),
	"internal/dashboard/pages/home":         page,
	"internal/dashboard/pages/inbox":        join(page, "internal/binding"),
	"internal/dashboard/pages/organisation": join(page, "internal/dashboard/plot"),
	"internal/dashboard/pages/own":          page,
	"internal/dashboard/pages/records":      join(page, "internal/dashboard/plot", "internal/evm"),
	"internal/dashboard/pages/setup":        page,
	"internal/dashboard/pages/vaults":       join(page, "internal/binding", "internal/policy"),

	// Shroud.
	"internal/shroud/translate": {"internal/shroud/doc", "internal/shroud/sse"},

	// Domain.
	"internal/vault":           join(domain, "internal/approval", "internal/cmek", "internal/envbundle", "internal/erase", "internal/evm", "internal/intents", "internal/sshsign", "internal/totp"), // keys of chains and SSH, seeds and bundles are checked when they are written
	"internal/approval":        join(domain, "internal/signedcall"),
	"internal/webhook":         join(domain, "internal/patch", "internal/signedcall"),
	"internal/signedcall":      {"internal/seal"},
	"internal/binding":         {},
	"internal/envbundle":       {},
	"internal/totp":            {"internal/erase"},
	"internal/sshsign":         {},
	"internal/broker":          join(domain, "internal/binding", "internal/broker/coding", "internal/broker/later", "internal/broker/mask", "internal/broker/mint", "internal/broker/postgres", "internal/broker/sought", "internal/envbundle", "internal/epoch", "internal/shroud/known", "internal/sshsign", "internal/totp", "internal/vault"), // is given a guarded client
	"internal/broker/mask":     {"internal/shroud/known"},
	"internal/broker/coding":   {},
	"internal/broker/mint":     {},
	"internal/broker/postgres": {},
	"internal/broker/sought":   {"internal/erase", "internal/shroud/known"},
	"internal/broker/later":    {"internal/loop"},
	"internal/broker/relay":    {"internal/broker", "internal/broker/coding", "internal/broker/mask", "internal/gate"}, // a surface that passes bodies on, with one route of REST
	"internal/execution":       {"internal/binding", "internal/broker/mint", "internal/patch"},                         // mint reads a grant
	"internal/executor":        join(domain, "internal/binding", "internal/broker", "internal/broker/later", "internal/broker/mint", "internal/broker/postgres", "internal/execution", "internal/vault"),
	"internal/envvar":          join(domain, "internal/approval", "internal/patch", "internal/vault"),
	"internal/cmek":            {"internal/erase"},
	"internal/identity":        domain, // of a credential it makes a principal; it knows no other way in
	"internal/account":         join(domain, "internal/identity", "internal/oidc", "internal/passkey"),
	"internal/passkey":         {},                                                                                                                                // it knows no rows
	"internal/agent":           join(domain, "internal/execution", "internal/identity", "internal/intents", "internal/oidc", "internal/patch", "internal/shroud"), // what an agent may carry is checked where it is used
	"internal/org":             join(domain, "internal/identity"),
	"internal/iprule":          domain,
	"internal/shroud":          {"internal/patch"},
	"internal/wanted":          join(domain, "internal/binding", "internal/vault"),

	// Shroud: what its requests cost, and what is told of them.
	"internal/shroud/activity": join(domain, "internal/shroud/flagged", "internal/shroud/usd"),
	"internal/shroud/flagged":  domain,
	"internal/shroud/placekey": {"internal/call", "internal/seal"},
	"internal/shroud/spend":    join(domain, "internal/shroud", "internal/shroud/activity", "internal/shroud/convo", "internal/shroud/usd", "internal/vault"),
	"internal/shroud/usd":      {},

	"internal/intents":     join(domain, "internal/intents/node", "internal/netguard", "internal/patch"),
	"internal/freeze":      domain,
	"internal/signingkey":  join(domain, "internal/evm"),
	"internal/transaction": join(domain, "internal/approval", "internal/evm", "internal/evm/typed", "internal/intents", "internal/intents/guard", "internal/intents/meaning", "internal/intents/node", "internal/intents/simulate", "internal/vault"),
	"internal/sharing":     join(domain, "internal/vault"),
	"internal/billing":     join(domain, "internal/netguard"),
	"internal/checkout":    join(domain, "internal/billing"),       // is given a guarded client
	"internal/x402":        {"internal/billing", "internal/epoch"}, // the same
	"internal/call":        {"internal/audit", "internal/budget", "internal/ids", "internal/policy", "internal/secretpath"},
	"internal/audit":       {"internal/call", "internal/keystore", "internal/loop"},
	"internal/policy":      {"internal/secretpath"},
	"internal/seal":        {"internal/erase", "internal/keystore", "internal/secretpath"},
	"internal/keystore":    {"internal/evm"},
	"internal/network":     {},
	"internal/oneline":     {},
	"internal/metrics":     {},
	"internal/secretpath":  {},

	// Shroud: an edge like the API, and what it looks at calls of models with.
	"internal/shroud/proxy":   {"internal/agent", "internal/audit", "internal/broker", "internal/call", "internal/epoch", "internal/gate", "internal/identity", "internal/policy", "internal/secretpath", "internal/shroud", "internal/shroud/activity", "internal/shroud/convo", "internal/shroud/doc", "internal/shroud/flagged", "internal/shroud/inspect", "internal/shroud/known", "internal/shroud/spend", "internal/shroud/stream", "internal/shroud/translate", "internal/vault"},
	"internal/shroud/inspect": {"internal/audit", "internal/broker", "internal/call", "internal/shroud", "internal/shroud/activity", "internal/shroud/convo", "internal/shroud/detect", "internal/shroud/finding", "internal/shroud/flagged", "internal/shroud/inject", "internal/shroud/known", "internal/shroud/leak", "internal/shroud/pii", "internal/shroud/placekey", "internal/shroud/stream", "internal/shroud/text", "internal/vault"},
	"internal/shroud/stream":  {"internal/shroud/convo", "internal/shroud/sse"},
	"internal/shroud/convo":   {"internal/shroud/doc"},
	"internal/shroud/doc":     {},
	"internal/shroud/sse":     {},

	// Implementations of what the domain declares.
	"internal/store":            join(services, "internal/broker/mint", "internal/epoch", "internal/intents/guard", "internal/mail", "internal/seal", "internal/shroud/spend", "internal/shroud/usd", "internal/sqldb", "internal/sqldb/commit", "internal/sqldb/transfer", "internal/store/migrations"),
	"internal/store/migrations": {},
	"internal/sqldb":            {"internal/audit", "internal/loop", "internal/sqldb/commit", "internal/sqldb/driver", "internal/sqldb/wallclock"}, // it knows no rows of the domain
	"internal/sqldb/commit":     {"internal/audit", "internal/call", "internal/sqldb/driver"},
	"internal/sqldb/driver":     {"internal/audit"}, // for the code of damage
	"internal/sqldb/transfer":   {"internal/audit", "internal/sqldb", "internal/sqldb/driver"},
	"internal/sqldb/wallclock":  {},
	"internal/mail":             {"internal/approval", "internal/netguard", "internal/seal", "internal/sharing", "internal/wanted"},
	"internal/keystore/soft":    {"internal/erase", "internal/evm", "internal/keystore"},
	"internal/keystore/pkcs11":  {"internal/erase", "internal/evm", "internal/keystore"},

	// Nodes of chains, and what they say a transaction would do.
	"internal/intents/node":     {"internal/evm"}, // is given a guarded client
	"internal/intents/simulate": {"internal/evm", "internal/evm/abi", "internal/intents/node"},
	// What a transaction means, and whether the rules of an agent allow it.
	"internal/intents/meaning": {"internal/evm", "internal/evm/abi", "internal/evm/typed"},
	"internal/intents/guard":   {"internal/evm", "internal/evm/abi", "internal/evm/typed", "internal/intents/meaning"},

	// What is found in a text: pure functions.
	"internal/shroud/detect":  {"internal/shroud/finding", "internal/shroud/pattern", "internal/shroud/text"},
	"internal/shroud/finding": {"internal/shroud/text"},
	"internal/shroud/known":   {"internal/erase", "internal/shroud/text"},
	"internal/shroud/leak":    {"internal/shroud/text"},
	"internal/shroud/pattern": {},
	"internal/shroud/pii":     {},
	"internal/shroud/text":    {},
	"internal/shroud/verdict": {"internal/shroud/detect", "internal/shroud/finding", "internal/shroud/inject", "internal/shroud/leak", "internal/shroud/pii", "internal/shroud/text"},
	// The injection model, and the command that trains it: nothing that runs imports that.
	"internal/shroud/inject":               {"internal/shroud/inject/linear", "internal/shroud/text"},
	"internal/shroud/inject/linear":        {},
	"internal/shroud/inject/train":         {"internal/shroud/inject", "internal/shroud/inject/linear", "internal/shroud/inject/train/grammar", "internal/shroud/text"},
	"internal/shroud/inject/train/grammar": {},

	// Leaves.
	"internal/budget":     {},
	"internal/config":     {},
	"internal/docgen":     {"internal/app", "internal/cli", "internal/config", "internal/mcpserver", "internal/ops"},
	"internal/e2e":        {}, // tests of the whole binary only
	"internal/epoch":      {},
	"internal/erase":      {},
	"internal/evm":        {"internal/erase"},
	"internal/evm/abi":    {"internal/evm"},
	"internal/evm/typed":  {"internal/evm", "internal/evm/abi"},
	"internal/fault":      {},
	"internal/files":      {},
	"internal/faultlog":   {},
	"internal/ids":        {},
	"internal/loop":       {},
	"internal/loopback":   {"internal/proxies"},
	"internal/netguard":   {},
	"internal/oidc":       {}, // is given a guarded client
	"internal/patch":      {},
	"internal/proxies":    {},
	"internal/ratelimit":  {"internal/policy"},
	"internal/secret":     {},
	"internal/stamp":      {},
	"internal/strictjson": {},
}

const anything = "*"

// pure packages compute from their arguments alone.
var pure = []string{
	"internal/evm", "internal/evm/abi", "internal/evm/typed", "internal/fault", "internal/intents/guard", "internal/intents/meaning", "internal/policy", "internal/secret", "internal/secretpath",
	"internal/shroud/detect", "internal/shroud/finding", "internal/shroud/known", "internal/shroud/leak",
	"internal/shroud/pattern", "internal/shroud/pii", "internal/shroud/text", "internal/shroud/verdict",
	"internal/shroud/inject", "internal/shroud/inject/linear", "internal/shroud/inject/train/grammar",
}

// impure is what a pure package must not import. Values such as net/netip's
// are fine.
var impure = []string{
	"database/sql", "io/ioutil", "log", "log/syslog", "math/rand", "math/rand/v2",
	"net", "net/http", "os", "os/exec", "os/signal", "os/user", "syscall",
}

// owners says which packages alone may import something from outside the
// module, its children included, so that it can be replaced in one place.
var owners = map[string][]string{
	"database/sql":                           {"internal/sqldb", "internal/sqldb/commit", "internal/sqldb/driver", "internal/sqldb/transfer", "internal/store"},
	"github.com/google/uuid":                 {"internal/ids", "internal/identity"},
	"github.com/jackc/pgx/v5":                {"internal/broker/postgres", "internal/sqldb/driver"},
	"modernc.org/sqlite":                     {"internal/sqldb/driver"},
	"github.com/pressly/goose/v3":            {"internal/sqldb"},
	"github.com/miekg/pkcs11":                {"internal/keystore/pkcs11"},
	"github.com/danielgtaylor/huma/v2":       {"internal/rest"},
	"github.com/modelcontextprotocol/go-sdk": {"internal/mcpserver"},
	"github.com/golang-jwt/jwt/v5":           {"internal/identity"},
	"software.sslmate.com/src/go-pkcs12":     {"internal/childproxy/childenv"},
	"github.com/creack/pty":                  {"internal/cli/child"},
	"github.com/andybalholm/brotli":          {"internal/broker/coding"},
	"github.com/klauspost/compress":          {"internal/broker/coding"},
	"github.com/pquerna/otp":                 {"internal/account", "internal/totp"},
	"github.com/go-jose/go-jose/v4":          {"internal/oidc"},
	"github.com/go-webauthn/webauthn":        {"internal/passkey"},
	"github.com/wneessen/go-mail":            {"internal/mail"},
	"github.com/stripe/stripe-go/v85":        {"internal/checkout"},
	"github.com/vektah/gqlparser/v2":         {"internal/execution"},
	"github.com/decred/dcrd/dcrec/secp256k1": {"internal/evm"},
}

func join(list []string, more ...string) []string {
	return append(append([]string{}, list...), more...)
}
