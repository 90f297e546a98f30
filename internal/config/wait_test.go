package config_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

func TestHowLongIsWaited(t *testing.T) {
	for text, want := range map[string]time.Duration{"1s": time.Second, "90s": 90 * time.Second, "10m": 10 * time.Minute, "24h": 24 * time.Hour, "86400s": 24 * time.Hour} {
		cfg, err := config.Read([]string{"ONECLAW_SHROUD_IDLE_TIMEOUT=" + text, "ONECLAW_SHROUD_CALL_TIMEOUT=24h"}, "")
		if err != nil || time.Duration(cfg.ShroudIdleTimeout) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(cfg.ShroudIdleTimeout), err)
		}
	}
	for _, text := range []string{"25h", "0s", "-1s", "7", "s", "1.5h", "1h30m", "1M", "86401s", "131073s", "99999999999999999999h", "+7s", "off"} {
		if _, err := config.Read([]string{"ONECLAW_SHROUD_IDLE_TIMEOUT=" + text}, ""); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	cfg, err := config.Read([]string{"ONECLAW_SHROUD_IDLE_TIMEOUT=10m", "ONECLAW_SHROUD_CALL_TIMEOUT=5m"}, "")
	if err != nil {
		t.Fatal(err)
	}
	if err := cfg.Check(); err == nil {
		t.Error("a call may take less than it may be silent")
	}
	if cfg, err = config.Read(nil, ""); err != nil || time.Duration(cfg.ShroudIdleTimeout) != 10*time.Minute || time.Duration(cfg.ShroudCallTimeout) != time.Hour {
		t.Errorf("by default %v, %v, %v", time.Duration(cfg.ShroudIdleTimeout), time.Duration(cfg.ShroudCallTimeout), err)
	}
}
