package broker

import (
	"context"

	"github.com/oneclaw-dev/oneclaw/internal/audit"
	"github.com/oneclaw-dev/oneclaw/internal/binding"
	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/secretpath"
	"github.com/oneclaw-dev/oneclaw/internal/sshsign"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// SSHRequest is what an SSH key is asked to sign. HostKey and HostSignature are what the client
// of a login was told by its server: the host's key, and its signature of the session.
type SSHRequest struct {
	Data                   []byte
	Algorithm              string
	HostKey, HostSignature []byte
}

var (
	errNotSSH = fault.New(fault.Denied, "no_ssh_key", "The secret is not of the type ssh_key: it signs nothing for SSH.").Because("no_ssh_key")
	errNoHost = fault.New(fault.Denied, "no_ssh_binding",
		"No binding of this key allows a login at this server as this user, or a signature in this namespace. A human adds one: oneclaw bind PATH --in ssh --host HOST --host-key SHA256:..., or --in sshsig --namespace git").Because("no_binding")
)

// sshKey refuses what is no key of SSH by its type.
func sshKey(secretType string) error {
	if secretType != sshsign.Type {
		return errNotSSH
	}
	return nil
}

// SSHPublic returns the public key of a stored key, as SSH sends it. Nothing is signed, so that no
// approval is asked for.
func (s *Service) SSHPublic(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path) (public []byte, err error) {
	c.Event.Details.More = []audit.Field{audit.Text("how", "ssh_public_key")}
	err = s.withSSH(ctx, c, vault.Ref{Vault: vaultID, Path: p, Type: sshKey, Looks: true}, func(value []byte) error {
		public, err = sshsign.Public(value)
		return err
	})
	return public, err
}

// SignSSH signs a login or a file with a stored key that a binding allows it for. The key stays
// here; each signature is one use, with an event.
func (s *Service) SignSSH(ctx context.Context, c *call.Call, vaultID string, p secretpath.Path, r *SSHRequest) (signature []byte, err error) {
	what, err := sshsign.Parse(r.Data)
	if err != nil {
		return nil, err
	}
	told := []audit.Field{audit.Text("how", "sshsig"), audit.Text("namespace", what.Namespace)}
	host := ""
	if what.Login() {
		if host, err = what.Host(r.HostKey, r.HostSignature); err != nil {
			return nil, err
		}
		told = []audit.Field{audit.Text("how", "ssh"), audit.Text("host_key", host), audit.Text("user", what.User)}
	}
	at := vault.Ref{Vault: vaultID, Path: p, Type: sshKey}
	if _, err := s.cfg.Vault.Usable(ctx, c, at); err != nil { // who may not use it learns of no binding
		return nil, err
	}
	bound, err := s.cfg.Store.Bindings(ctx, vaultID, p.String())
	if err != nil {
		return nil, err
	}
	if what.Login() && binding.Login(bound.List, host, what.User) == nil || !what.Login() && binding.Signature(bound.List, what.Namespace) == nil {
		return nil, errNoHost
	}
	c.Event.Details.More = told
	err = s.withSSH(ctx, c, at, func(value []byte) error {
		signature, err = sshsign.Sign(value, r.Data, &what, r.Algorithm)
		return err
	})
	return signature, err
}

func (s *Service) withSSH(ctx context.Context, c *call.Call, at vault.Ref, with func(value []byte) error) error {
	return s.cfg.Vault.Use(ctx, c, at, policy.UseSecret, func(got *vault.Secret) error {
		if got.CMEK {
			return errCMEK
		}
		return with(got.Value.Reveal())
	})
}
