package childproxy

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"

	"github.com/oneclaw-dev/oneclaw/internal/binding"
)

// dial connects to a host as the parent's programs do: straight, or through the proxy that the
// parent has.
func (p *Proxy) dial(ctx context.Context, h binding.Host) (net.Conn, error) {
	address := hostOf("", h)
	straight := p.cfg.Direct.DialContext
	if straight == nil {
		straight = new(net.Dialer).DialContext
	}
	if p.cfg.Direct.Proxy == nil {
		return straight(ctx, "tcp", address)
	}
	ask, err := http.NewRequestWithContext(ctx, http.MethodConnect, "https://"+address, http.NoBody) //nolint:gosec // G704: a proxy goes where its programs want
	if err != nil {
		return nil, err
	}
	via, err := p.cfg.Direct.Proxy(ask)
	if err != nil {
		return nil, err
	}
	if via == nil {
		return straight(ctx, "tcp", address)
	}
	if via.Scheme != "http" {
		return nil, errors.New("the proxy that the environment names is not an http:// address")
	}
	port := via.Port()
	if port == "" {
		port = "80"
	}
	c, err := straight(ctx, "tcp", net.JoinHostPort(via.Hostname(), port))
	if err != nil {
		return nil, err
	}
	ask.URL.Opaque = address
	if u := via.User; u != nil {
		password, _ := u.Password()
		ask.SetBasicAuth(u.Username(), password)
		ask.Header["Proxy-Authorization"] = ask.Header["Authorization"]
		ask.Header.Del("Authorization")
	}
	in := bufio.NewReader(c)
	if err := opened(ask, c, in); err != nil {
		_ = c.Close()
		return nil, err
	}
	return &tunnel{Conn: c, in: in, host: h, owner: p.tunnels}, nil
}

// opened asks another proxy for a tunnel.
func opened(ask *http.Request, c net.Conn, in *bufio.Reader) error {
	if err := ask.Write(c); err != nil {
		return err
	}
	res, err := http.ReadResponse(in, ask)
	if err != nil {
		return err
	}
	_ = res.Body.Close() // what follows is the tunnel's
	if res.StatusCode != http.StatusOK {
		return errors.New("the proxy of the environment refused")
	}
	return nil
}
