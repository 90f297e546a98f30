package mcpserver

import (
	"slices"
	"sync"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/oneclaw-dev/oneclaw/internal/envbundle"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/verdict"
)

// tools lists what is offered.
func tools() []tool {
	// Hints for clients that ask their human before some calls. Reading a value
	// changes no secret, but may use up an access: it is not idempotent.
	no, yes := new(false), new(true)
	reads := mcp.ToolAnnotations{ReadOnlyHint: true, IdempotentHint: true, OpenWorldHint: no}
	spends := mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: no}
	adds := mcp.ToolAnnotations{DestructiveHint: no, OpenWorldHint: no}
	replaces := mcp.ToolAnnotations{DestructiveHint: yes, OpenWorldHint: no}
	removes := mcp.ToolAnnotations{DestructiveHint: yes, IdempotentHint: true, OpenWorldHint: no}

	path := field{name: "path", kind: "string", required: true, minLen: 1,
		about: "Path of the secret in the vault, such as api-keys/stripe. Case matters."}
	value := field{name: "value", kind: "string", required: true, about: "The secret value. It is stored encrypted and not repeated in the result."}
	vault := field{name: "vault_id", kind: "string", minLen: 1, maxLen: 255,
		about: "Id or name of the vault, from list_vaults. Leave it out for the vault that is configured, else the first that the agent can see."}

	// What both tools of transactions take.
	onChain := []field{
		{name: "to", kind: "string", required: true, minLen: 1, maxLen: 42, about: "Address that is paid or called: 0x and 40 hexadecimal digits."},
		{name: "value", kind: "string", required: true, about: "Amount of the chain's own coin, as a decimal number in quotes such as \"0.05\"; \"0\" for a call that pays nothing."},
		{name: "chain", kind: "string", required: true, minLen: 1, maxLen: 64, about: "Name of the chain, such as base, or its number."},
		{name: "data", kind: "string", about: "Calldata: 0x and hexadecimal digits. Leave it out for a plain payment."},
		{name: "signing_key_path", kind: "string", minLen: 1, maxLen: 512, about: "Path of the signing key below keys/ or wallets/. Leave it out for the agent's own key, or keys/CHAIN-signer."},
		{name: "gas_limit", kind: "integer", about: "Most gas that it may use. Leave it out to have it estimated."},
	}
	keyVault := field{name: "vault_id", kind: "string", minLen: 1, maxLen: 255, about: "Id or name of the vault of the signing key, where several vaults have one at the path."}
	submission := append(slices.Clip(onChain),
		field{name: "nonce", kind: "integer", about: "Number of the transaction of the account. Leave it out for the next."},
		field{name: "gas_price", kind: "string", maxLen: 78, about: "Price of gas in wei, for chains without EIP-1559."},
		field{name: "max_fee_per_gas", kind: "string", maxLen: 78, about: "Most that a unit of gas may cost, in wei (EIP-1559)."},
		field{name: "max_priority_fee_per_gas", kind: "string", maxLen: 78, about: "Most of it that goes to the block's maker, in wei (EIP-1559)."},
		field{name: "idempotency_key", kind: "string", minLen: 1, maxLen: 255, about: "Your own name for this payment: when the same is submitted again with it within a day, nothing is paid twice. At most 255 printable characters without blanks."},
		field{name: "simulate_first", kind: "boolean", preset: true, about: "Sign it only when a simulation of it succeeds."},
		keyVault)
	sends := mcp.ToolAnnotations{DestructiveHint: yes, OpenWorldHint: yes}
	runs := mcp.ToolAnnotations{ReadOnlyHint: true, OpenWorldHint: yes}

	return []tool{{
		name: "list_secrets", title: "List secrets", hints: reads, run: listSecrets,
		about: "List the secrets of the vault that this agent may see: path, type, version and expiry, never values. " +
			"Use it first, to find the right path. Reading no value, it does not count against any access limit.",
		fields: []field{{name: "prefix", kind: "string", about: "Show only paths that begin with this text, such as api-keys/. Leave it out for all."}, vault},
	}, {
		name: "get_secret", title: "Get a secret", hints: spends, give: getSecret,
		about: "Read the latest value of a secret. The value enters this conversation: call it only right before the value is needed, " +
			"do not repeat it in an answer, and do not write it to files or logs. Every call is recorded, and counts against the secret's " +
			"access limit if it has one. To learn only about a secret, use describe_secret.",
		fields: []field{path, vault},
	}, {
		name: "put_secret", title: "Store a secret", hints: replaces, run: putSecret,
		about: "Store a value at a path: a new secret, or a new version of an existing one, whose older versions are kept. " +
			"To renew the value of an existing secret and keep its type and metadata, use rotate_and_store.",
		fields: []field{path, value, {
			name: "type", kind: "string", words: secretTypes(), preset: "api_key",
			about: "What sort of secret it is. env_bundle holds lines KEY=VALUE.",
		}, {
			name: "metadata", kind: "object", about: "A JSON object of notes that anybody who may list the secret can read. Put nothing secret in it.",
		}, {
			name: "expires_at", kind: "string", format: "date-time", about: "When the value stops being readable: a time with zone, such as 2030-01-31T12:00:00Z.",
		}, {
			name: "max_access_count", kind: "integer", about: "How many times the value can be read. Leave it out, or give 0, for no limit.",
		}, vault},
	}, {
		name: "delete_secret", title: "Delete a secret", hints: removes, run: deleteSecret,
		about:  "Delete a secret. It can not be read any more; a human can restore it. Ask before deleting what somebody else stored.",
		fields: []field{path, vault},
	}, {
		name: "describe_secret", title: "Describe a secret", hints: reads, run: describeSecret,
		about:  "Show type, version, metadata and expiry of one secret without reading its value. It does not count against the access limit.",
		fields: []field{path, vault},
	}, {
		name: "rotate_and_store", title: "Rotate a secret", hints: replaces, run: rotateAndStore,
		about: "Store a renewed value as the next version of a secret, for example after making a new key at a provider. " +
			"Type and metadata stay; an expiry and an access limit do not pass to the new value. It does not talk to the provider itself.",
		fields: []field{path, value, vault},
	}, {
		name: "get_env_bundle", title: "Get an environment bundle", hints: spends, give: getEnvBundle,
		about: "Read a secret of type env_bundle as a JSON object of environment variables, one for each line KEY=VALUE. " +
			`Quotes around a whole value are removed, single or double, and such a value may have several lines; ` +
			`within double quotes \n, \" and \\ are resolved. ` +
			"The values enter this conversation: " +
			"handle them as those of get_secret.",
		fields: []field{path, vault},
	}, {
		name: "create_vault", title: "Create a vault", hints: adds, run: createVault,
		about: "Create a vault that this agent owns. Use it when there is none, or when secrets need owners of their own.",
		fields: []field{
			{name: "name", kind: "string", required: true, minLen: 1, maxLen: 255, about: "Name of the vault, unique in the organisation."},
			{name: "description", kind: "string", about: "What the vault is for."},
		},
	}, {
		name: "list_vaults", title: "List vaults", hints: reads, run: listVaults,
		about: "List the vaults that this agent can reach, with their ids. The other tools take an id or a name as vault_id.",
	}, {
		name: "grant_access", title: "Grant access", hints: adds, run: grantAccess,
		about: "Let a user or another agent use secrets of a vault that this agent created. Grant the narrowest path pattern and " +
			"the fewest permissions that do, and only when a human asked for it.",
		fields: []field{
			{name: "vault_id", kind: "string", required: true, minLen: 1, maxLen: 255, about: "Id or name of the vault, from list_vaults."},
			{name: "principal_type", kind: "string", words: []string{"user", "agent"}, required: true, about: "Who gets access."},
			{name: "principal_id", kind: "string", required: true, minLen: 1, maxLen: 320, about: "Id of that user or agent; a user's mail address does too."},
			{name: "permissions", kind: "array", words: []string{"read", "use", "write", "delete"}, minLen: 1, preset: []string{"read"}, about: "What they may do."},
			{name: "secret_path_pattern", kind: "string", minLen: 1, preset: "**", about: "Which paths: * stands for anything within a segment, ** for any number of segments."},
		},
	}, {
		name: "share_secret", title: "Share a secret", hints: adds, run: shareSecret,
		about: "Let somebody read one secret for a time, without a grant: a user, another agent, the human who made this agent (creator), " +
			"or anyone who has the link. Share only when a human asked for it, with as few accesses and as short a time as will do; " +
			"a link opens the secret for whoever gets hold of it. Users, agents and the creator accept the share before they can read it.",
		fields: []field{
			{name: "secret_id", kind: "string", required: true, minLen: 1, maxLen: 512, about: "Id of the secret, or its path in the vault. The share follows the path: a new version is shared too."},
			{name: "recipient_type", kind: "string", words: []string{"user", "agent", "anyone_with_link", "creator"}, required: true, about: "Who may read it."},
			{name: "recipient_id", kind: "string", maxLen: 320, about: "Id of the user or agent, for these recipient types; a user's mail address does too."},
			{name: "expires_at", kind: "string", format: "date-time", required: true, about: "When the share ends: a time with zone, such as 2030-01-31T12:00:00Z, within a year."},
			{name: "max_access_count", kind: "integer", preset: int64(5), about: "How many times it can be read. 0 is no limit."},
			vault,
		},
	}, {
		name: "http_request", title: "Send a request with a secret in it", hints: sends, run: httpRequest,
		about: "Have the server send an HTTP request with a secret in it, to a host that a human bound the secret to. You never see the secret: " +
			"write {{secret:PATH}} where it goes, such as Authorization: Bearer {{secret:api-keys/stripe}}. Prefer this to get_secret. " +
			"The answer comes back with every secret taken out. Nothing is sent twice: after an error that says the outcome is not known, look before you try again.",
		fields: []field{
			{name: "method", kind: "string", words: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, required: true, about: "The HTTP method."},
			{name: "url", kind: "string", required: true, minLen: 1, maxLen: 8192, about: "Where it goes, such as https://api.stripe.com/v1/charges. No secret stands in it."},
			{name: "headers", kind: "object", about: "Headers by name. {{secret:PATH}} or oneclaw://VAULT/PATH stands where a secret goes."},
			{name: "query", kind: "object", about: "Query parameters by name, beside those of url."},
			{name: "body", kind: "any", about: "A string is sent as it is, anything else as JSON."},
			vault,
		},
	}, {
		name: "request_secret", title: "Ask a human for a secret", hints: adds, opens: requestSecret,
		about: "Ask people for a secret that is not in the vault: they are told, and enter the value on a page of the server. You never see it: give the human " +
			"the url of the answer, and never ask for a value in this conversation. Call it again with request_id to see whether it was given. " +
			"The answer says whether policies let you use the path.",
		fields: []field{
			{name: "path", kind: "string", minLen: 1, maxLen: 512, about: "Where the secret is to be, such as api-keys/stripe."},
			{name: "reason", kind: "string", minLen: 1, maxLen: 500, about: "What you need it for, in one line that the human reads."},
			{name: "service", kind: "string", maxLen: 64, about: "A service that you would use it with, such as github, stripe or openai. A suggestion for the human."},
			{name: "host", kind: "string", maxLen: 300, about: "A host that you would use it at, in place of service, such as api.example.com."},
			{name: "request_id", kind: "string", minLen: 36, maxLen: 36, about: "Of an earlier answer: say what became of it, and ask for nothing new."},
			vault,
		},
	}, {
		name: "execute_http", title: "Send a request with a binding", hints: sends, run: executeHTTP,
		about: "Have the server send an HTTP request to a service that a human bound to this agent, with a credential that you never see: " +
			"name the binding, and leave the credential out. The answer comes back with the credential taken out. " +
			"Nothing is sent twice: after an error that says the outcome is not known, look before you try again.",
		fields: []field{
			{name: "binding", kind: "string", required: true, minLen: 1, maxLen: 128, about: "Name or id of the binding, from the human who made it."},
			{name: "method", kind: "string", words: []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, preset: "GET", about: "The HTTP method."},
			{name: "path", kind: "string", maxLen: 8192, about: "Path below the binding's address, with a query if there is one, such as /charges?limit=3."},
			{name: "headers", kind: "object", about: "Headers by name, without the credential."},
			{name: "body", kind: "any", about: "A string is sent as it is, anything else as JSON."},
			{name: "execution_mode", kind: "string", words: []string{"vault"}, preset: "vault", about: "Where it runs: vault is the server."},
		},
	}, {
		name: "execute_query", title: "Run a statement with a binding", hints: sends, run: executeQuery,
		about: "Have the server run one SQL statement on a PostgreSQL database that a human bound to this agent, with a credential that you never see. " +
			"Most bindings only read. The answer has columns and rows, with the credential taken out. " +
			"Nothing is done twice: after an error that says the outcome is not known, look before you try again.",
		fields: []field{
			{name: "binding", kind: "string", required: true, minLen: 1, maxLen: 128, about: "Name or id of the binding, from the human who made it."},
			{name: "query", kind: "string", required: true, minLen: 1, maxLen: 100_000, about: "One statement. Put values into params and write $1, $2 for them."},
			{name: "params", kind: "any", about: "A list of values for $1, $2 and so on."},
		},
	}, {
		name: "totp_code", title: "Get a one-time code", hints: spends, run: totpCode,
		about: "Get the code of a second factor that holds now, of a seed that is stored as a secret. You never see the seed. " +
			"Enter the code at once, where the human asked you to sign in, and nowhere else.",
		fields: []field{
			{name: "path", kind: "string", required: true, minLen: 1, about: "The path of the seed, such as totp/github."},
			vault,
		},
	}, {
		name: "simulate_transaction", title: "Simulate a transaction", hints: runs, run: simulateTransaction,
		about: "Have a node run an EVM transaction of this agent without signing or sending it: whether it would succeed, its gas, and whose " +
			"balances change. Use it before submit_transaction when the outcome is not certain.",
		fields: append(slices.Clip(onChain), keyVault), only: submission,
	}, {
		name: "submit_transaction", title: "Submit a transaction", hints: sends, run: submitTransaction,
		about: "Sign an EVM transaction with this agent's key, which never leaves the server, and send it. It moves real value and can not be undone: " +
			"call it once for each payment that was asked for. Limits that a human set may refuse it, or ask a human to approve it first: " +
			"then wait, and submit the same again once it is approved.",
		fields: submission, only: submission,
	}, {
		name: "inspect_content", title: "Inspect content", hints: reads, run: inspecting(sync.OnceValues(verdict.New)),
		about: "Look for threats in a text before it is trusted or sent on: injected instructions, commands, disguised or encoded text, " +
			"secrets and personal data. Returns a verdict (clean, warning, suspicious, malicious) and what was found. " +
			"The text goes nowhere and is not kept. It is a filter: clean does not mean harmless.",
		fields: []field{
			{name: "content", kind: "string", required: true, about: "The text."},
			{name: "context", kind: "string", words: []string{"input", "output"}, preset: "output", about: "Whether somebody wrote it to you (input), or a tool or document said it (output)."},
		},
	}}
}

func secretTypes() []string {
	return []string{"api_key", "password", "private_key", "certificate", "file", "note", "ssh_key", envbundle.Type, "totp_seed"}
}
