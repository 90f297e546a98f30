package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func TestSettingsThatStopTheStart(t *testing.T) {
	for name, tc := range map[string]struct {
		environ []string
		says    string // a part of the sentence
	}{
		"a variable that is misspelt":             {[]string{"ONECLAW_LISTN=127.0.0.1:1"}, "ONECLAW_LISTN"},
		"an address that others reach, plain":     {[]string{"ONECLAW_LISTEN=0.0.0.0:8210"}, "ONECLAW_ALLOW_PLAIN_HTTP"},
		"every address, plain":                    {[]string{"ONECLAW_LISTEN=:8210"}, "ONECLAW_ALLOW_PLAIN_HTTP"},
		"a certificate without its key":           {[]string{"ONECLAW_TLS_CERT_FILE=c"}, "set both or none"},
		"an owner without a password":             {[]string{"ONECLAW_OWNER_EMAIL=a@example.com"}, "set both or none"},
		"a public address without TLS":            {[]string{"ONECLAW_PUBLIC_URL=http://vault.example.com"}, "https://"},
		"a public address with a path":            {[]string{"ONECLAW_PUBLIC_URL=https://vault.example.com/x"}, "without a path"},
		"an unknown keystore":                     {[]string{"ONECLAW_KEYSTORE=paper"}, "soft or pkcs11"},
		"an HSM without its settings":             {[]string{"ONECLAW_KEYSTORE=pkcs11"}, "ONECLAW_PKCS11_PIN_FILE"},
		"sign-up without confirming mails":        {[]string{"ONECLAW_SIGNUP=true"}, "ONECLAW_VERIFY_EMAIL=true"},
		"confirming mails without a mail server":  {[]string{"ONECLAW_VERIFY_EMAIL=true"}, "ONECLAW_SMTP_HOST"},
		"a mail server without a sender":          {[]string{"ONECLAW_SMTP_HOST=mail.example.com"}, "ONECLAW_MAIL_FROM"},
		"a proxy that is no address":              {[]string{"ONECLAW_TRUSTED_PROXIES=10.0.0.1,proxy.example.com"}, "ONECLAW_TRUSTED_PROXIES must be a list of addresses and networks"},
		"everybody as a proxy":                    {[]string{"ONECLAW_TRUSTED_PROXIES=0.0.0.0/0"}, "ONECLAW_TRUSTED_PROXIES"},
		"everybody as a proxy, in IPv6":           {[]string{"ONECLAW_TRUSTED_PROXIES=::ffff:0:0/96"}, "ONECLAW_TRUSTED_PROXIES"},
		"a header that no proxy writes":           {[]string{"ONECLAW_PROXY_HEADER=X-Real-IP"}, "X-Forwarded-For or Forwarded"},
		"a provider without a client id":          {[]string{"ONECLAW_OIDC_ISSUER=https://a.example.com,https://b.example.com", "ONECLAW_OIDC_CLIENT_ID=a"}, "set as many of the one as of the other"},
		"a rate that is none":                     {[]string{"ONECLAW_RATE_AUTH=often"}, "ONECLAW_RATE_AUTH must be PER_SECOND:BURST, such as 1:5, or off."},
		"a number that is none":                   {[]string{"ONECLAW_SMTP_PORT=many"}, "ONECLAW_SMTP_PORT must be a whole number."},
		"a port that there is not":                {[]string{"ONECLAW_SMTP_PORT=70000"}, "ONECLAW_SMTP_PORT must be a port"},
		"a yes in another language":               {[]string{"ONECLAW_SIGNUP=ja"}, "ONECLAW_SIGNUP must be true or false."},
		"an address that is none":                 {[]string{"ONECLAW_LISTEN=foo"}, "ONECLAW_LISTEN (or --listen) must be HOST:PORT"},
		"an address without a port":               {[]string{"ONECLAW_LISTEN=127.0.0.1"}, "must be HOST:PORT"},
		"an address with a port by name":          {[]string{"ONECLAW_SHROUD_LISTEN=127.0.0.1:http"}, "ONECLAW_SHROUD_LISTEN (or --shroud-listen)"},
		"a secret's file that is not there":       {[]string{"ONECLAW_PKCS11_PIN_FILE=/nowhere/pin"}, "The file that ONECLAW_PKCS11_PIN_FILE names can't be read: no such file or directory."},
		"a level of the log that there is not":    {[]string{"ONECLAW_LOG_LEVEL=loud"}, "ONECLAW_LOG_LEVEL"},
		"a way to sync the log that there is not": {[]string{"ONECLAW_AUDIT_SYNC=maybe"}, "normal or full"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Read(append(tc.environ, "HOME="+t.TempDir()), "")
			if err == nil {
				err = cfg.Check()
			}
			if fault.CodeOf(err) != "bad_configuration" || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestSettingsThatAreFine(t *testing.T) {
	for name, environ := range map[string][]string{
		"none":                                nil,
		"those of the clients":                {"ONECLAW_BASE_URL=http://127.0.0.1:8210", "ONECLAW_AGENT_API_KEY=ocv_x", "ONECLAW_VAULT_ID=v"},
		"of other programs":                   {"PATH=/bin", "ONECLAWISH=1"},
		"IPv6 of this machine":                {"ONECLAW_LISTEN=[::1]:8210"},
		"behind a proxy":                      {"ONECLAW_LISTEN=0.0.0.0:8210", "ONECLAW_ALLOW_PLAIN_HTTP=true", "ONECLAW_PUBLIC_URL=https://vault.example.com/"},
		"proxies, by address and network":     {"ONECLAW_TRUSTED_PROXIES=10.0.0.1, 192.0.2.0/24,2001:db8::/48", "ONECLAW_PROXY_HEADER=forwarded"},
		"no limit on logins, since it is off": {"ONECLAW_RATE_AUTH=off"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg, err := Read(environ, "")
			if err == nil {
				err = cfg.Check()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheFileStandsBelowTheEnvironment(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	pin := write("pin", "1234\r\n")
	file := write("conf", "# a comment\n\nONECLAW_LOG_LEVEL = warn\nONECLAW_LOG_FORMAT=\"json\"\nONECLAW_PKCS11_PIN_FILE="+pin+"\n")
	cfg, err := Read([]string{"ONECLAW_LOG_LEVEL=error"}, file)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.LogLevel != "error" || cfg.LogFormat != "json" || string(cfg.PKCS11PIN.Reveal()) != "1234" {
		t.Errorf("got level %s, format %s, a PIN of %d bytes", cfg.LogLevel, cfg.LogFormat, cfg.PKCS11PIN.Len())
	}
	for name, text := range map[string]string{
		"an unknown name": "ONECLAW_NOPE=1\n", "no setting": "hello\n", "another program's": "PATH=/bin\n",
	} {
		if _, err := Read(nil, write("bad", text)); fault.CodeOf(err) != "bad_configuration" {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// A file in the form that shells, systemd and containers read means the same here, and
// what they read in different ways is refused with its line.
func TestTheFileIsReadAsEnvFilesAre(t *testing.T) {
	file := filepath.Join(t.TempDir(), "conf")
	for text, want := range map[string]string{
		"ONECLAW_MAIL_FROM=a@example.com":                          "a@example.com",
		"\uFEFFONECLAW_MAIL_FROM=a@example.com\r\n":                "a@example.com",
		"# from\r\n\r\nexport ONECLAW_MAIL_FROM = 'a@example.com'": "a@example.com",
		`ONECLAW_MAIL_FROM="the # vault"`:                          "the # vault",
		`ONECLAW_MAIL_FROM=a"b#c`:                                  `a"b#c`,
		`ONECLAW_MAIL_FROM='a\b"c'`:                                `a\b"c`,
		`ONECLAW_MAIL_FROM=`:                                       "",
		`ONECLAW_MAIL_FROM="a`:                                     "line 1",
		`ONECLAW_MAIL_FROM='a' b`:                                  "line 1",
		`ONECLAW_MAIL_FROM="a\"b"`:                                 "line 1",
		"\nONECLAW_MAIL_FROM=a # the sender":                       "line 2",
		"ONECLAW_MAIL_FROM=a\nONECLAW_MAIL_FROM=b":                 "line 2",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, err := Read(nil, file)
		switch line, refused := strings.CutPrefix(want, "line "); {
		case refused && (fault.CodeOf(err) != "bad_configuration" || !strings.Contains(err.Error(), "Line "+line)):
			t.Errorf("%q: %v, want it refused with line %s", text, err, line)
		case !refused && (err != nil || cfg.MailFrom != want):
			t.Errorf("%q: %q, %v", text, cfg.MailFrom, err)
		}
	}
}

// An empty file is no file that is not named: the server would start with an unsealed
// root key, or on another database.
func TestAFileWithNothingInItIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "empty")
	tried := 0
	for _, s := range Settings() {
		if !strings.HasSuffix(s.Name, "_FILE") {
			continue
		}
		for _, text := range []string{"", "\r\n", " \n"} {
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read([]string{s.Name + "=" + file}, "")
			switch s.Name {
			case "ONECLAW_TLS_CERT_FILE", "ONECLAW_TLS_KEY_FILE", "ONECLAW_CLIENT_CA_FILE", "ONECLAW_SHROUD_PRICES_FILE": // read by what uses them, which takes no empty one
				continue
			}
			tried++
			if fault.CodeOf(err) != "bad_configuration" || !strings.Contains(err.Error(), s.Name) {
				t.Errorf("%s of %q: %v", s.Name, text, err)
			}
		}
	}
	if tried != 27 {
		t.Errorf("%d settings tried three times each, want 27 in all", tried)
	}
}
