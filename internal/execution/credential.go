package execution

import (
	"bytes"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/broker/mint"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/secret"
)

var errCredential = fault.New(fault.Invalid, "invalid_credential",
	`A credential is a text (sent as bearer), or one of {"type":"bearer","token"}, {"type":"header","name","value"}, {"type":"query","name","value"} and {"type":"basic","username","password"}. `+
		`With auth_type oauth2 it is {"client_id","client_secret","refresh_token"}, of which one of the last two may be left out. Of postgres it is a text, the password, or of the type basic.`)

const oauth2 = "oauth2"

// credential is one as clients write it.
type credential struct {
	Type     string `json:"type"`
	Token    string `json:"token"`
	Name     string `json:"name"`
	Value    string `json:"value"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// CheckCredential refuses a JSON value that is no credential of the binding, and returns it as it is sealed.
func (b *Binding) CheckCredential(sent secret.Bytes) (secret.Bytes, error) {
	text := jsontext.Value(bytes.TrimSpace(sent.Reveal()))
	var out []byte
	switch text.Kind() {
	case '"':
		var bare string
		if json.Unmarshal(text, &bare) != nil {
			return secret.Bytes{}, errCredential
		}
		out = []byte(bare)
	case '{':
		out = bytes.Clone(text)
	default:
		return secret.Bytes{}, errCredential
	}
	kept := secret.New(out)
	in, value, err := b.checkCredential(kept, text.Kind() == '{')
	if err == nil && in.Short(plain(value), in.User != "") {
		err = fault.New(fault.Invalid, "credential_too_short", "A credential of fewer than 8 bytes, or with such a password in it, could not be told from other text in an answer.")
	}
	value.Wipe()
	if err != nil {
		kept.Wipe()
		return secret.Bytes{}, err
	}
	return kept, nil
}

// checkCredential returns where a credential goes, and what of it must be found in answers.
func (b *Binding) checkCredential(kept secret.Bytes, object bool) (in binding.Binding, value secret.Bytes, err error) {
	switch {
	case b.Type == Postgres:
		_, value, err = b.Login(kept)
		return in, value, err
	case b.Config.AuthType == oauth2:
		if g, ok := mint.ReadGrant(kept.Reveal()); object && ok {
			g.Wipe()
			in.In = oauth2
			return in, secret.New(bytes.Clone(kept.Reveal())), nil
		}
		return in, value, errCredential
	}
	return placed(kept, b.Config.AuthType, object)
}

// plain is a value without the line break that many files end with, as it is sent.
func plain(v secret.Bytes) []byte { return bytes.TrimRight(v.Reveal(), "\r\n") }

// Login is the user and the password of a credential of a database: an object of the type basic, or any other
// text as the password of the binding's username. Wipe the password.
func (b *Binding) Login(kept secret.Bytes) (user string, password secret.Bytes, err error) {
	in, value, err := placed(kept, "", false)
	switch {
	case err != nil:
		return "", value, err
	case in.In == "basic":
		user = in.User
	case in.In == "bearer":
		user = b.Config.Username
	default:
		err = errCredential
	}
	if err == nil && user != "" && !plainName(user) {
		err = errCredential
	}
	password = secret.New(bytes.Clone(plain(value)))
	value.Wipe()
	if bytes.IndexByte(password.Reveal(), 0) >= 0 {
		err = errCredential
	}
	if err != nil {
		password.Wipe()
	}
	return user, password, err
}

// Placed says where a credential goes, and what of it. An object that has one of the types is one,
// any other text is sent whole, as auth_type says. Wipe the value.
func (b *Binding) Placed(kept secret.Bytes) (binding.Binding, secret.Bytes, error) {
	if b.Config.AuthType == oauth2 {
		in := b.where()
		in.In, in.TokenURL, in.Scope, in.TokenAuth = oauth2, b.Config.TokenURL, b.Config.Scope, b.Config.TokenAuth
		return in, secret.New(bytes.Clone(kept.Reveal())), nil
	}
	in, value, err := placed(kept, b.Config.AuthType, false)
	if err != nil {
		return in, value, err
	}
	in.Hosts = b.where().Hosts
	return in, value, nil
}

func placed(kept secret.Bytes, auth string, object bool) (in binding.Binding, value secret.Bytes, err error) {
	var c credential
	text := jsontext.Value(bytes.TrimSpace(kept.Reveal()))
	known := text.Kind() == '{' && json.Unmarshal(text, &c, json.RejectUnknownMembers(true)) == nil
	if object && !known {
		return in, value, errCredential
	}
	if !known {
		c = credential{}
	}
	has := func(token, name, username bool) bool {
		return (c.Token != "") == token && (c.Name != "" && c.Value != "") == name && (c.Name != "" || c.Value != "") == name && (c.Username != "" || c.Password != "") == username
	}
	switch c.Type {
	case "bearer":
		in.In, value = "bearer", secret.FromString(c.Token)
		known = has(true, false, false)
	case "header":
		in.In, value = binding.Place("header:"+c.Name), secret.FromString(c.Value)
		known = has(false, true, false)
	case "query":
		in.In, value = binding.Place("query:"+c.Name), secret.FromString(c.Value)
		known = has(false, true, false)
	case "basic":
		in.In, in.User, value = "basic", c.Username, secret.FromString(c.Password)
		known = has(false, false, true) && c.Username != "" && c.Password != ""
	default:
		if object {
			return in, value, errCredential
		}
		in.In, value, known = "bearer", secret.New(bytes.Clone(kept.Reveal())), true
		if auth == "basic" {
			in.In = "basic"
		}
	}
	if !known {
		value.Wipe()
		return in, secret.Bytes{}, errCredential
	}
	in.Hosts = []string{"host.invalid"} // Check wants one; the caller knows which
	checked, err := binding.Check([]binding.Binding{in})
	if err != nil {
		value.Wipe()
		return in, secret.Bytes{}, errCredential
	}
	return checked[0], value, nil
}
