// Package config is the server's configuration: one struct, read once, checked
// as a whole, documented from its own tags.
//
// Its promise: a variable that it does not know, or a setting that is not safe,
// stops the start with a sentence that says how to mend it. Secrets come from
// files and have the type that does not print.
package config

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

// Config is every setting of the server. The tag doc is what docs/config.md
// says about it.
type Config struct {
	Listen       string `env:"LISTEN" envDefault:"127.0.0.1:8210" doc:"Where the API, the MCP endpoint and the dashboard listen. Port 0 picks a free one."`
	ShroudListen string `env:"SHROUD_LISTEN" envDefault:"127.0.0.1:8211" doc:"Where Shroud listens, the proxy in front of language models."`
	PublicURL    string `env:"PUBLIC_URL" doc:"The address that users and agents reach this server at, such as https://vault.example.com. Needed in the links of mails, and behind a proxy on the same machine, since a server that listens on a loopback address takes requests for no other name. From LISTEN when empty."`
	TLSCertFile  string `env:"TLS_CERT_FILE" doc:"Certificate chain in PEM. With TLS_KEY_FILE the API speaks HTTPS."`
	TLSKeyFile   string `env:"TLS_KEY_FILE" doc:"Private key in PEM."`
	PlainHTTP    bool   `env:"ALLOW_PLAIN_HTTP" doc:"Listen without TLS on an address that other machines reach: only behind a proxy that ends TLS."`

	TrustedProxies Networks `env:"TRUSTED_PROXIES" doc:"Addresses and networks (CIDR) of the proxies in front of this server, with commas between. Only what they say of a caller's address is believed. Name the proxies, not the network that callers are in."`
	ProxyHeader    string   `env:"PROXY_HEADER" envDefault:"X-Forwarded-For" doc:"The header in which those proxies name the caller: X-Forwarded-For or Forwarded (RFC 7239). The other one is not looked at, since the caller may have sent it."`

	ClientCAFile     string `env:"CLIENT_CA_FILE" doc:"Certificate authorities in PEM that may issue client certificates for agents of auth_method mtls. Such a certificate names its agent in a URI: urn:oneclaw:agent:ID or spiffe://DOMAIN/agent/ID. Without it, agents are known by pinned fingerprints alone."`
	ClientCertHeader string `env:"CLIENT_CERT_HEADER" doc:"Header in which the proxies of TRUSTED_PROXIES, which end TLS, pass on the certificate that a client has proven to hold the key of: as RFC 9440 (Client-Cert) or as PEM escaped for URLs (nginx: $ssl_client_escaped_cert). They must remove it from what clients send. From all others it is dropped. Off when empty."`

	Data        string       `env:"DATA" doc:"Folder of the database and of the software keystore. Default: $XDG_DATA_HOME/oneclaw or ~/.local/share/oneclaw."`
	DatabaseURL secret.Bytes `env:"DATABASE_URL_FILE,file" doc:"File that holds a PostgreSQL connection string. Without it, SQLite in DATA."`
	AuditSync   string       `env:"AUDIT_SYNC" envDefault:"normal" doc:"normal: the record of a served read survives a crash of the process. full: a loss of power too, at the price of a disk flush a batch of reads."`

	Keystore       string       `env:"KEYSTORE" envDefault:"soft" doc:"soft: keys in files under KEYSTORE_DIR. pkcs11: keys in a hardware security module (needs the build made by make build-hsm)."`
	KeystoreDir    string       `env:"KEYSTORE_DIR" doc:"Folder of the software keystore. Default: DATA/keystore. Several nodes on one database share one folder: give each the same one."`
	RootPassphrase secret.Bytes `env:"ROOT_PASSPHRASE_FILE,file" doc:"File with the passphrase that seals the software keystore's root key."`
	PKCS11Module   string       `env:"PKCS11_MODULE" doc:"Path of the PKCS#11 library."`
	PKCS11Token    string       `env:"PKCS11_TOKEN" doc:"Label of the token."`
	PKCS11PIN      secret.Bytes `env:"PKCS11_PIN_FILE,file" doc:"File with the PIN of the token's user."`

	OwnerEmail    string       `env:"OWNER_EMAIL" doc:"Address of the first owner, who is created when the server has no users."`
	OwnerPassword secret.Bytes `env:"OWNER_PASSWORD_FILE,file" doc:"File with the first owner's password."`
	Signup        bool         `env:"SIGNUP" envDefault:"false" doc:"Whether strangers may sign up, each with an organisation of their own. Needs VERIFY_EMAIL."`
	VerifyEmail   bool         `env:"VERIFY_EMAIL" envDefault:"false" doc:"Whether a new account must confirm its address before it logs in. Needs SMTP_HOST."`

	SMTPHost     string       `env:"SMTP_HOST" doc:"Mail server. Without it, mails are written to DATA/outbox."`
	SMTPPort     int          `env:"SMTP_PORT" envDefault:"587" doc:"Port of the mail server."`
	SMTPTLS      string       `env:"SMTP_TLS" envDefault:"starttls" doc:"starttls, implicit, or none (to this machine only)."`
	SMTPUsername string       `env:"SMTP_USERNAME" doc:"Login at the mail server."`
	SMTPPassword secret.Bytes `env:"SMTP_PASSWORD_FILE,file" doc:"File with the password for it."`
	MailFrom     string       `env:"MAIL_FROM" doc:"Sender of mails, such as oneclaw@example.com."`

	RateAuth      Rate `env:"RATE_AUTH" envDefault:"1:5" doc:"Logins, sign-ups and refused key exchanges per address, as PER_SECOND:BURST; off turns it off."`
	RateAddress   Rate `env:"RATE_ADDRESS" envDefault:"100:200" doc:"All requests per address, but for those from this machine (loopback)."`
	RatePrincipal Rate `env:"RATE_PRINCIPAL" envDefault:"off" doc:"All requests per user or agent."`

	OIDCIssuer   string       `env:"OIDC_ISSUER" doc:"Identity provider that humans log in through, as its tokens spell it, such as https://accounts.google.com. Several are separated by commas."`
	OIDCClientID string       `env:"OIDC_CLIENT_ID" doc:"The client id that this server's users have at it; as many, in the same order, as there are issuers."`
	OIDCSecret   secret.Bytes `env:"OIDC_CLIENT_SECRET_FILE,file" doc:"File with the secrets of those clients, one a line, in the same order: for logins in the dashboard. An empty line is of a client without one."`
	OIDCAudience string       `env:"OIDC_AUDIENCE" doc:"What tokens of agents' own issuers may be meant for (aud), beside PUBLIC_URL and the address of the exchange there. Several are separated by commas."`

	OutboundAllow string `env:"OUTBOUND_ALLOW" doc:"What this server may call although it is private, and without TLS: networks (10.0.0.0/8), addresses (127.0.0.1) and HOST:PORT (idp.internal:8443), separated by commas. All else that is not public is refused to identity providers, webhooks and chains that users name. oneclaw dev allows 127.0.0.0/8 and ::1 when this is empty."`

	ShroudPricesFile string `env:"SHROUD_PRICES_FILE" doc:"File with prices of language models, as docs/shroud-limits.md describes it: each entry takes the place of the one that the program came with. It is read at the start."`

	ShroudKeepFlagged Keep `env:"SHROUD_KEEP_FLAGGED" envDefault:"off" doc:"How long the parts of requests and answers are kept in which Shroud flagged something, as whole hours or days such as 48h or 7d, up to 90d. They are sealed, and owners and admins read them (docs/shroud.md). off keeps none; what was kept before stays until its end."`

	ShroudIdleTimeout Wait `env:"SHROUD_IDLE_TIMEOUT" envDefault:"10m" doc:"How long Shroud waits for the next byte of a provider, whole seconds, minutes or hours such as 90s or 10m, before it ends the call: for the first byte of an answer, and between any two."`
	ShroudCallTimeout Wait `env:"SHROUD_CALL_TIMEOUT" envDefault:"1h" doc:"How long a call of a model may take in all, up to 24h, and no less than SHROUD_IDLE_TIMEOUT."`

	MetricsListen string `env:"METRICS_LISTEN" doc:"Where GET /metrics is served for Prometheus, such as 127.0.0.1:9464. It asks nobody who they are and has no TLS: it must be a loopback address, unless ALLOW_PLAIN_HTTP is set. Off when empty."`

	ChainRPC ChainRPC `env:"CHAIN_RPC" doc:"Nodes of EVM chains: a JSON object of lists of URLs by the name of the chain, such as {\"base\":[\"https://node.example/KEY\"]}. The first that is well is asked, and the chain's rpc_url last. A URL with http:// or with an address in it may be private, also of this machine."`

	TenderlyProject string       `env:"TENDERLY_PROJECT" doc:"ACCOUNT/PROJECT of Tenderly, which then simulates transactions and keeps them. The chain's nodes do it where Tenderly does not have the chain or does not answer."`
	TenderlyKey     secret.Bytes `env:"TENDERLY_KEY_FILE,file" doc:"File with the access key of that project."`
	TenderlyURL     string       `env:"TENDERLY_URL" envDefault:"https://api.tenderly.co" doc:"Where Tenderly's API is; another address serves tests."`

	ShroudUpstreams Upstreams `env:"SHROUD_UPSTREAMS" doc:"Where Shroud calls providers of language models, when not at their own addresses: a JSON object of base URLs by provider, such as {\"openai\":\"http://127.0.0.1:9000\"}. Names beside openai, anthropic, google, mistral, cohere and openrouter are providers that speak as OpenAI does. A URL with http:// or with an address in it may be private, also of this machine."`

	StripeKey                  secret.Bytes `env:"STRIPE_KEY_FILE,file" doc:"File with the secret key of the Stripe account that subscriptions and credits are paid to; a restricted key that may write checkout and portal sessions is enough. Without it no payments are taken."`
	StripeWebhookSecret        secret.Bytes `env:"STRIPE_WEBHOOK_SECRET_FILE,file" doc:"File with the signing secret of the webhook endpoint PUBLIC_URL/v1/billing/webhooks. Without it nothing that is paid is credited: no event is taken."`
	StripePriceProMonthly      string       `env:"STRIPE_PRICE_PRO_MONTHLY" doc:"Stripe's id of the price of the tier pro for a month. A plan without a price is not sold."`
	StripePriceProYearly       string       `env:"STRIPE_PRICE_PRO_YEARLY" doc:"The same, for a year."`
	StripePriceBusinessMonthly string       `env:"STRIPE_PRICE_BUSINESS_MONTHLY" doc:"The price of the tier business for a month."`
	StripePriceBusinessYearly  string       `env:"STRIPE_PRICE_BUSINESS_YEARLY" doc:"The same, for a year."`
	StripeURL                  string       `env:"STRIPE_URL" envDefault:"https://api.stripe.com" doc:"Where Stripe's API is; another address serves tests."`

	LogLevel  string `env:"LOG_LEVEL" envDefault:"info" doc:"debug, info, warn or error."`
	LogFormat string `env:"LOG_FORMAT" envDefault:"text" doc:"text or json."`

	// Dev is set by the command oneclaw dev, not by a variable.
	Dev bool
	// Exposed names the settings whose file has a secret and may be read by every user of the machine.
	Exposed []string
}

// Rate is PER_SECOND:BURST, or off.
type Rate struct {
	PerSecond float64
	Burst     int
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *Rate) UnmarshalText(b []byte) error {
	if string(b) == "off" || string(b) == "" {
		*r = Rate{}
		return nil
	}
	per, burst, ok := strings.Cut(string(b), ":")
	n, err := strconv.ParseFloat(per, 64)
	m, err2 := strconv.Atoi(burst)
	if !ok || err != nil || err2 != nil || !(n > 0 && n < 1e9) || m < 1 {
		return fmt.Errorf("a rate is PER_SECOND:BURST, such as 1:5, or off")
	}
	*r = Rate{PerSecond: n, Burst: m}
	return nil
}

const prefix = "ONECLAW_"

// Read builds the configuration from environ (KEY=VALUE) and, below it, the
// file, which has one KEY=VALUE a line. An unknown variable is an error.
func Read(environ []string, file string) (Config, error) {
	vars := map[string]string{}
	if file != "" {
		if err := readFile(file, vars); err != nil {
			return Config{}, err
		}
	}
	for _, kv := range environ {
		if k, v, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(k, prefix) {
			vars[k] = v
		}
	}
	known := names()
	for k := range vars {
		if !slices.Contains(known, k) {
			return Config{}, bad("There is no setting %s. docs/config.md lists them all.", k)
		}
	}
	cfg := Config{Data: DefaultData(environ)}
	if err := env.ParseWithOptions(&cfg, env.Options{Environment: vars, Prefix: prefix}); err != nil {
		return Config{}, unreadable(err)
	}
	cfg.Exposed = exposed(vars)
	return cfg, trimFiles(&cfg, vars)
}

// DefaultData is the folder of the data where none is named.
func DefaultData(environ []string) string {
	if dir := lookup(environ, "XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "oneclaw")
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "."
	}
	return filepath.Join(home, ".local", "share", "oneclaw")
}

// trimFiles cuts the newline that editors leave at the end of a file. A file with nothing
// in it is refused: the server would start as if the setting were not there, with an
// unsealed key or another database.
func trimFiles(cfg *Config, vars map[string]string) error {
	v := reflect.ValueOf(cfg).Elem()
	for i := range v.NumField() {
		s, ok := v.Field(i).Addr().Interface().(*secret.Bytes)
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("env"), ",")
		if !ok || vars[prefix+name] == "" {
			continue
		}
		text := strings.TrimRight(string(s.Reveal()), "\r\n")
		if strings.TrimSpace(text) == "" {
			return bad("The file that %s%s names is empty.", prefix, name)
		}
		*s = secret.FromString(text)
	}
	return nil
}

func lookup(environ []string, name string) string {
	for _, kv := range environ {
		if k, v, _ := strings.Cut(kv, "="); k == name {
			return v
		}
	}
	return ""
}

func readFile(name string, vars map[string]string) error {
	f, err := os.Open(name)
	if err != nil {
		return bad("The configuration file can't be read: %v.", err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(strings.TrimPrefix(lines.Text(), "\uFEFF"))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		k, v, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		k = strings.TrimSpace(k)
		if !ok || !strings.HasPrefix(k, prefix) {
			return bad("Line %d of the configuration file is not ONECLAW_NAME=VALUE.", n)
		}
		if _, twice := vars[k]; twice {
			return bad("Line %d of the configuration file sets %s a second time.", n, k)
		}
		if vars[k], ok = unquote(strings.TrimSpace(v)); !ok {
			return bad("Line %d of the configuration file: put the value between two quotes of one kind, with nothing after them, or write it without quotes and without a comment.", n)
		}
	}
	if err := lines.Err(); err != nil {
		return bad("The configuration file can't be read: %v.", err)
	}
	return nil
}

// unquote reads a value as env files have it: as it is, or between single or double
// quotes. What programs read in different ways is refused: a quote that is not closed, and
// a comment that may be part of the value.
func unquote(v string) (string, bool) {
	if v == "" || v[0] != '"' && v[0] != '\'' {
		return v, !strings.Contains(v, " #") && !strings.Contains(v, "\t#")
	}
	inner, closed := strings.CutSuffix(v[1:], v[:1])
	return inner, closed && !strings.Contains(inner, v[:1]) && (v[0] == '\'' || !strings.Contains(inner, `\`))
}

// names are the variables that may be set: the server's and the clients'.
func names() []string {
	var out []string
	for _, s := range append(Settings(), ClientSettings()...) {
		out = append(out, s.Name)
	}
	return out
}

// Files names the settings that are set and name a file: a copy of the data has got
// none of them.
func (c *Config) Files() (names []string) {
	v := reflect.ValueOf(c).Elem()
	for i := range v.NumField() {
		name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("env"), ",")
		if set, ok := v.Field(i).Interface().(secret.Bytes); strings.HasSuffix(name, "_FILE") && (!ok && !v.Field(i).IsZero() || ok && set.Len() > 0) {
			names = append(names, prefix+name)
		}
	}
	return names
}

// Check refuses what is not safe to start with.
func (c *Config) Check() error {
	switch {
	case !hostPort(c.Listen):
		return bad("ONECLAW_LISTEN (or --listen) must be HOST:PORT, such as 127.0.0.1:8210.")
	case !hostPort(c.ShroudListen):
		return bad("ONECLAW_SHROUD_LISTEN (or --shroud-listen) must be HOST:PORT, such as 127.0.0.1:8211.")
	case c.MetricsListen != "" && !hostPort(c.MetricsListen):
		return bad("ONECLAW_METRICS_LISTEN must be HOST:PORT, such as 127.0.0.1:9464.")
	case c.MetricsListen != "" && !loopback(c.MetricsListen) && !c.PlainHTTP:
		return bad("ONECLAW_METRICS_LISTEN is reachable from other machines, and has no TLS and asks nobody who they are. Name a loopback address such as 127.0.0.1:9464; " +
			"or, in a network of your own, set ONECLAW_ALLOW_PLAIN_HTTP=true.")
	case (c.TLSCertFile == "") != (c.TLSKeyFile == ""):
		return bad("ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE go together: set both or none.")
	case c.TLSCertFile == "" && !loopback(c.Listen) && !c.PlainHTTP:
		return bad("ONECLAW_LISTEN (or --listen) is reachable from other machines without TLS. Set ONECLAW_TLS_CERT_FILE and ONECLAW_TLS_KEY_FILE; " +
			"or, behind a proxy that ends TLS, ONECLAW_ALLOW_PLAIN_HTTP=true.")
	case !strings.EqualFold(c.ProxyHeader, "X-Forwarded-For") && !strings.EqualFold(c.ProxyHeader, "Forwarded"):
		return bad("ONECLAW_PROXY_HEADER must be X-Forwarded-For or Forwarded.")
	case c.ClientCertHeader != "" && len(c.TrustedProxies) == 0:
		return bad("ONECLAW_CLIENT_CERT_HEADER needs ONECLAW_TRUSTED_PROXIES: else nobody's word on certificates is taken.")
	case !headerName(c.ClientCertHeader):
		return bad("ONECLAW_CLIENT_CERT_HEADER must be a header of its own, such as Client-Cert or X-Client-Cert.")
	case c.ClientCAFile != "" && c.TLSCertFile == "" && c.ClientCertHeader == "":
		return bad("ONECLAW_CLIENT_CA_FILE needs TLS: set ONECLAW_TLS_CERT_FILE, or ONECLAW_CLIENT_CERT_HEADER behind a proxy that ends TLS.")
	case c.ShroudCallTimeout < c.ShroudIdleTimeout:
		return bad("ONECLAW_SHROUD_CALL_TIMEOUT must be no less than ONECLAW_SHROUD_IDLE_TIMEOUT.")
	case c.AuditSync != "normal" && c.AuditSync != "full":
		return bad("ONECLAW_AUDIT_SYNC must be normal or full.")
	case c.Keystore != "soft" && c.Keystore != "pkcs11":
		return bad("ONECLAW_KEYSTORE must be soft or pkcs11.")
	case c.Keystore == "pkcs11" && (c.PKCS11Module == "" || c.PKCS11Token == "" || c.PKCS11PIN.Len() == 0):
		return bad("The pkcs11 keystore needs ONECLAW_PKCS11_MODULE, ONECLAW_PKCS11_TOKEN and ONECLAW_PKCS11_PIN_FILE.")
	case (c.OwnerEmail == "") != (c.OwnerPassword.Len() == 0):
		return bad("ONECLAW_OWNER_EMAIL and ONECLAW_OWNER_PASSWORD_FILE go together: set both or none.")
	case c.VerifyEmail && c.SMTPHost == "" && !c.Dev:
		return bad("ONECLAW_VERIFY_EMAIL needs a mail server: set ONECLAW_SMTP_HOST and ONECLAW_MAIL_FROM.")
	case c.Signup && !c.VerifyEmail && !c.Dev:
		return bad("ONECLAW_SIGNUP without ONECLAW_VERIFY_EMAIL lets strangers take mail addresses that are not theirs, and leave agents and keys behind for whoever comes. " +
			"Set ONECLAW_VERIFY_EMAIL=true and a mail server, or leave ONECLAW_SIGNUP off and invite people.")
	case c.VerifyEmail && c.PublicURL == "" && !loopback(c.Listen):
		return bad("ONECLAW_VERIFY_EMAIL needs ONECLAW_PUBLIC_URL: the mails link to it.")
	case c.SMTPPort < 1 || c.SMTPPort > math.MaxUint16:
		return bad("ONECLAW_SMTP_PORT must be a port, such as 587.")
	case c.SMTPHost != "" && c.MailFrom == "":
		return bad("ONECLAW_SMTP_HOST needs ONECLAW_MAIL_FROM.")
	case !slices.Contains([]string{"starttls", "implicit", "none"}, c.SMTPTLS):
		return bad("ONECLAW_SMTP_TLS must be starttls, implicit or none.")
	case !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel):
		return bad("ONECLAW_LOG_LEVEL must be debug, info, warn or error.")
	case len(List(c.OIDCIssuer)) != len(List(c.OIDCClientID)):
		return bad("ONECLAW_OIDC_ISSUER and ONECLAW_OIDC_CLIENT_ID go together: set as many of the one as of the other.")
	case c.StripeKey.Len() == 0 && c.StripeWebhookSecret.Len()+len(c.StripePriceProMonthly+c.StripePriceProYearly+c.StripePriceBusinessMonthly+c.StripePriceBusinessYearly) > 0:
		return bad("The other ONECLAW_STRIPE settings need ONECLAW_STRIPE_KEY_FILE.")
	case c.LogFormat != "text" && c.LogFormat != "json":
		return bad("ONECLAW_LOG_FORMAT must be text or json.")
	}
	return c.checkPublicURL()
}

func (c *Config) checkPublicURL() error {
	if c.PublicURL == "" {
		return nil
	}
	u, err := url.Parse(c.PublicURL)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" {
		return bad("ONECLAW_PUBLIC_URL must be an address without a path, such as https://vault.example.com.")
	}
	if u.Scheme == "http" && !loopback(net.JoinHostPort(u.Hostname(), "0")) && !c.PlainHTTP {
		return bad("ONECLAW_PUBLIC_URL must begin with https://: tokens would cross the network in the clear.")
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	return nil
}

// List splits a setting that takes several values.
func List(s string) []string {
	var out []string
	for v := range strings.SplitSeq(s, ",") {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
	}
	return out
}

// headerName accepts the name of a header that has no other meaning here, or
// nothing.
func headerName(s string) bool {
	for _, taken := range []string{"Authorization", "Host", "Cookie", "X-Forwarded-For", "Forwarded", "Content-Type", "Content-Length"} {
		if strings.EqualFold(s, taken) {
			return false
		}
	}
	return strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// hostPort reports whether s is an address to listen on: a host, which may be
// empty, and a port in digits.
func hostPort(s string) bool {
	_, port, err := net.SplitHostPort(s)
	if err != nil {
		return false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return err == nil
}

// loopback reports whether only this machine reaches the address.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

func bad(format string, args ...any) error {
	return fault.New(fault.Invalid, "bad_configuration", fmt.Sprintf(format, args...))
}
