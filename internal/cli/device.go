package cli

import (
	"context"
	"time"

	"github.com/oneclaw-dev/oneclaw/client"
	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// loginByDevice shows a code that the human approves in a browser, here or on
// another machine, and waits until they did. The address is printed and not
// opened: the browser may well be elsewhere.
func (c *cli) loginByDevice(ctx context.Context) error {
	base, err := c.BaseURL()
	if err != nil {
		return err
	}
	cl, err := c.Connect(base)
	if err != nil {
		return err
	}
	code, err := cl.StartDevice(ctx, "oneclaw CLI")
	if err != nil {
		return err
	}
	defer code.DeviceCode.Wipe()
	page := code.VerificationURIComplete
	if page == "" {
		page = code.VerificationURI
	}
	c.Warn("Open " + console.Clean(page) + " in a browser, and approve the code " + console.Clean(code.UserCode) + " there. Waiting...")
	t, err := c.awaitDevice(ctx, cl, code)
	if err != nil {
		return err
	}
	return c.KeepDevice(base, t)
}

// awaitDevice asks until the human decided or the code has ended.
func (c *cli) awaitDevice(ctx context.Context, cl *client.Client, code *client.DeviceCode) (*client.DeviceToken, error) {
	wait := time.Duration(max(code.Interval, 1)) * time.Second
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.after(wait):
		}
		t, err := cl.DeviceToken(ctx, code.DeviceCode)
		if err != nil && !passes(err) {
			return nil, err
		}
		if err != nil {
			continue
		}
		switch t.Error {
		case "":
			if t.AccessToken.Len() == 0 {
				return nil, fault.New(fault.Internal, "bad_reply", "The server accepted the login but gave no token.")
			}
			return t, nil
		case client.DevicePending:
		case client.DeviceSlowDown:
			wait += time.Second
		case client.DeviceDenied:
			return nil, fault.New(fault.Denied, "login_denied", "The login was denied.")
		default:
			return nil, fault.New(fault.Unauthenticated, "login_expired", "Nobody approved the login in time. Run the command again.")
		}
	}
}

// passes reports whether asking again may help.
func passes(err error) bool {
	return client.IsStatus(err, 0) || client.IsStatus(err, 429) || client.IsStatus(err, 502) || client.IsStatus(err, 503) || client.IsStatus(err, 504)
}
