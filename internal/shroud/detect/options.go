package detect

import (
	"encoding/json"

	"golang.org/x/text/unicode/norm"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/text"
)

// Options are the parts of a shroud_config that say what is looked for. What
// is done about it is not decided here.
type Options struct {
	Unicode struct {
		Enabled     bool   `json:"enabled"`
		Invisible   bool   `json:"strip_zero_width"`
		Confusables bool   `json:"normalize_homoglyphs"`
		Form        string `json:"normalization_form"`
	} `json:"unicode_normalization"`
	Command struct {
		Enabled  bool     `json:"enabled"`
		Patterns string   `json:"patterns"` // default, strict, custom
		Custom   []string `json:"custom_patterns"`
	} `json:"command_injection_detection"`
	Social struct {
		Enabled     bool   `json:"enabled"`
		Sensitivity string `json:"sensitivity"` // low looks for the least
	} `json:"social_engineering_detection"`
	Encoding struct {
		Enabled bool `json:"enabled"`
		Base64  bool `json:"detect_base64"`
		Hex     bool `json:"detect_hex"`
		Unicode bool `json:"detect_unicode_escape"`
	} `json:"encoding_detection"`
	Network struct {
		Enabled bool     `json:"enabled"`
		Blocked []string `json:"blocked_domains"`
		Allowed []string `json:"allowed_domains"` // when there are some, all others are findings
	} `json:"network_detection"`
	Filesystem struct {
		Enabled bool     `json:"enabled"`
		Blocked []string `json:"blocked_paths"`
	} `json:"filesystem_detection"`
}

// OptionsOf reads the options of a config that shroud.Config.Checked returned;
// what it does not say is as by default.
func OptionsOf(config []byte) (Options, error) {
	var o Options
	o.Unicode.Enabled, o.Unicode.Invisible, o.Unicode.Confusables, o.Unicode.Form = true, true, true, "NFKC"
	o.Command.Enabled, o.Command.Patterns = true, "default"
	o.Social.Enabled, o.Social.Sensitivity = true, "medium"
	o.Encoding.Enabled, o.Encoding.Base64, o.Encoding.Hex, o.Encoding.Unicode = true, true, true, true
	o.Network.Enabled, o.Network.Blocked = true, dropSites()
	o.Filesystem.Blocked = secretPaths()
	if len(config) == 0 {
		return o, nil
	}
	return o, json.Unmarshal(config, &o)
}

// Text is how a text is read under these options.
func (o Options) Text() text.Options {
	t := text.Defaults()
	t.Unicode, t.Invisible, t.Confusables = o.Unicode.Enabled, o.Unicode.Invisible, o.Unicode.Confusables
	t.Form = formOf(o.Unicode.Form)
	return t
}

func formOf(name string) norm.Form { return text.FormOf(name) }

// dropSites are hosts where anybody leaves or collects anything.
func dropSites() []string {
	return []string{
		"pastebin.com", "ngrok.io", "webhook.site", "ngrok.app", "ngrok.dev", "ngrok-free.app", "ngrok-free.dev", "hastebin.com", "ghostbin.co", "dpaste.org",
		"paste.ee", "rentry.co", "0x0.st", "transfer.sh", "file.io", "requestbin.com", "requestbin.net", "pipedream.net", "burpcollaborator.net", "oastify.com",
		"interact.sh", "oast.fun", "oast.pro", "oast.live", "oast.site", "oast.me", "beeceptor.com", "hookbin.com", "requestcatcher.com", "serveo.net", "localtunnel.me", "loca.lt", "trycloudflare.com", "dnslog.cn", "ceye.io",
	}
}

// secretPaths are where systems and programs keep credentials.
func secretPaths() []string {
	return []string{
		"/etc/passwd", "/etc/shadow", "/etc/sudoers", "~/.ssh", "/.ssh/", ".env", "id_rsa", "id_ed25519", "~/.aws", "/.aws/credentials", "~/.kube/config",
		"~/.netrc", "~/.pgpass", "~/.gnupg", "/proc/self/environ", "/root/",
	}
}
