package session

import (
	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// ClientAt returns a client of the server at a base address, or with "" of the one that
// commands use. It carries a credential only to that one, if there is one: an address from a
// link must not get what is for another server.
func (c *Session) ClientAt(base string) (*client.Client, error) {
	own, err := c.BaseURL()
	switch {
	case base == "" && err != nil:
		return nil, err
	case base == "":
		base = own
	case err != nil || own != base:
		return c.Connect(base)
	}
	credential, err := c.credential(own)
	if fault.Is(err, fault.Unauthenticated) { // nobody is signed in there
		return c.Connect(base)
	}
	if err != nil {
		return nil, err
	}
	return c.Connect(own, client.WithToken(credential))
}
