package config_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

func TestTheNodesOfChains(t *testing.T) {
	read := func(value string) (config.Config, error) {
		return config.Read([]string{"ONECLAW_CHAIN_RPC=" + value}, "")
	}
	cfg, err := read(`{"base":["https://node.example/KEY","http://127.0.0.1:8545"],"anvil":["http://localhost","https://[::1]:9/x"]}`)
	if err != nil {
		t.Fatal(err)
	}
	if u := cfg.ChainRPC["base"]; len(u) != 2 || string(u[0].Reveal()) != "https://node.example/KEY" || string(u[1].Reveal()) != "http://127.0.0.1:8545" {
		t.Errorf("base has %d URLs", len(u))
	}
	named := cfg.ChainRPC.Named()
	slices.Sort(named)
	if want := []string{"127.0.0.1:8545", "[::1]:9", "localhost:80"}; !slices.Equal(named, want) {
		t.Errorf("what may be private: %q, want %q", named, want)
	}
	for _, none := range []string{"", "  ", "{}"} {
		if cfg, err := read(none); err != nil || len(cfg.ChainRPC) != 0 {
			t.Errorf("%q: %v, %v", none, cfg.ChainRPC, err)
		}
	}
	many := `{"base":["https://k3y"` + strings.Repeat(`,"https://k3y"`, 15) + `]}`
	for name, value := range map[string]string{
		"no JSON": `k3y`, "a list": `["https://k3y"]`, "no list": `{"base":"https://k3y"}`, "an empty list": `{"base":[]}`, "a chain twice": `{"base":["https://k3y"],"base":["https://k3y"]}`,
		"another scheme": `{"base":["ws://k3y"]}`, "no host": `{"base":["https:///k3y"]}`, "a user": `{"base":["https://k3y@node.example"]}`, "a name that is none": `{"Base!":["https://k3y"]}`,
		"a broken URL": `{"base":["https://node.example/%zzk3y"]}`, "more after it": `{"base":["https://k3y"]} x`, "too many": many,
	} {
		_, err := read(value)
		if err == nil || !strings.Contains(err.Error(), "ONECLAW_CHAIN_RPC") || strings.Contains(err.Error(), "k3y") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
