package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/child"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/cli/sshagent"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func (c *cli) sshAgent() *cobra.Command {
	var refs []string
	cmd := &cobra.Command{
		Use:   "ssh-agent --key REF [-- PROGRAM [ARGUMENT...]]",
		Short: "Let ssh and git sign with keys that stay in the vault",
		Long: `Let ssh and git sign with keys that stay in the vault. It is an agent of SSH keys, as
ssh-agent(1) is: with a program, the program and what it runs use it; without, it prints
SSH_AUTH_SOCK and serves until Ctrl-C. The server signs, and each signature is one use of
the secret, so that who may use a key need not be allowed to read it.

A key is a secret of the type ssh_key: Ed25519, ECDSA or RSA, without a passphrase. It
logs in only where a human bound it to, by the fingerprints of the servers' host keys
(--in ssh), and signs commits and files only in the namespaces that it is bound to (--in
sshsig). The client must be OpenSSH 8.9 or newer. Through a forwarded connection nothing
is signed.`,
		Example: `  oneclaw bind deploy/key --in ssh --host git.example.com --host-key SHA256:... --user git
  oneclaw ssh-agent --key deploy/key -- git push
  oneclaw bind people/ada --in sshsig --namespace git
  oneclaw ssh-agent --key people/ada -- git commit -S -m 'Signed'`,
		RunE: func(cmd *cobra.Command, a []string) error { return c.serveKeys(cmd.Context(), refs, a) },
	}
	cmd.Flags().StringArrayVar(&refs, "key", nil, "a key, as a path or oneclaw://VAULT/PATH")
	cmd.Flags().SetInterspersed(false) // what follows the program is the program's
	return cmd
}

// inTurn lets several write to one stream.
type inTurn struct {
	mu sync.Mutex
	to io.Writer
}

// Write implements io.Writer.
func (w *inTurn) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

func (c *cli) serveKeys(ctx context.Context, refs, program []string) error {
	if len(refs) == 0 {
		return console.Usage("--key says which keys are used, such as --key deploy/key.")
	}
	cl, err := c.Client()
	if err != nil {
		return err
	}
	keys := make([]sshagent.Key, 0, len(refs))
	for _, ref := range refs {
		p, err := c.placeOf(ctx, cl, ref)
		if err != nil {
			return err
		}
		if p.field != "" {
			return console.Usage("--key takes the path of a secret that is a key.")
		}
		public, err := cl.SSHKey(ctx, p.vault, p.path)
		if err != nil {
			return err
		}
		keys = append(keys, sshagent.Key{Public: public, Label: p.path, Sign: func(ctx context.Context, r client.SSHRequest) ([]byte, error) {
			return cl.SignSSH(ctx, p.vault, p.path, r)
		}})
	}
	if _, ok := c.Stderr.(*os.File); !ok { // the program writes there, too
		c.Stderr = &inTurn{to: c.Stderr}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	a, err := sshagent.Listen(ctx, keys, func(err error) {
		text := err.Error()
		if e, ok := errors.AsType[*client.Error](err); ok {
			text = c.explainReply(e).message
		}
		c.Warn(console.Sentence("Nothing was signed: " + text))
	})
	if err != nil {
		return fault.New(fault.Internal, "no_socket", "The socket of the agent can't be opened.")
	}
	defer a.Close()
	defer stop()
	if len(program) > 0 {
		found := &client.ResolvedEnv{Vars: map[string]client.Value{"SSH_AUTH_SOCK": client.ValueOf(a.Path)}}
		return c.runProgram(ctx, &child.Program{Args: program, Env: environment(os.Environ(), found)})
	}
	fmt.Fprintf(c.Stdout, "SSH_AUTH_SOCK=%s; export SSH_AUTH_SOCK;\n", a.Path)
	c.Done("Serving keys: %d. Ctrl-C ends it.", len(keys))
	ended, end := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer end()
	<-ended.Done()
	return nil
}
