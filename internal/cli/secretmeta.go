package cli

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

const codeNoSecret = "secret_not_found"

// find looks a secret up in the listing, which does not count as a read of it.
func find(ctx context.Context, cl *client.Client, vault, path string) (*client.SecretMeta, error) {
	s, found, err := cl.FindSecret(ctx, vault, path)
	switch {
	case err != nil:
		return nil, err
	case !found:
		return nil, fault.New(fault.NotFound, codeNoSecret,
			"No such secret, or none that you may see. `oneclaw secret list` shows those you may.")
	}
	return &s, nil
}

func (c *cli) printMeta(s *client.SecretMeta) error {
	return c.show(s, field{"Path", s.Path}, field{"Type", s.Type}, field{"Version", strconv.FormatInt(s.Version, 10)},
		field{"ID", s.ID}, field{"Written", c.When(s.CreatedAt)}, field{"Expires", c.Maybe(s.ExpiresAt, "never")},
		field{"Metadata", compact(s.Metadata)})
}

func compact(m json.RawMessage) string {
	if s := string(m); s != "null" && s != "{}" {
		return s
	}
	return ""
}

func (c *cli) printWritten(verb string, s *client.SecretMeta) error {
	if c.JSON {
		return c.PrintJSON(s)
	}
	c.Done("%s %s, version %d.", verb, s.Path, s.Version)
	if c.IsTTY(c.Stdout) {
		return nil
	}
	return c.printMeta(s)
}
