package app

import (
	"github.com/oneclaw-dev/oneclaw/internal/config"
	"github.com/oneclaw-dev/oneclaw/internal/netguard"
)

// outbound makes the guard of calls to the outside. A server for one person's
// trial may call that person's own machine.
func outbound(cfg config.Config) (*netguard.Guard, error) {
	list := cfg.OutboundAllow
	if list == "" && cfg.Dev {
		list = "127.0.0.0/8,::1"
	}
	allow, err := netguard.ParseAllow(list)
	if err != nil {
		return nil, err
	}
	return netguard.New(netguard.Config{Allow: allow}), nil
}
