package config_test

import (
	"testing"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/config"
)

func TestHowLongIsKept(t *testing.T) {
	for text, want := range map[string]time.Duration{"off": 0, "": 0, "7d": 7 * 24 * time.Hour, "1h": time.Hour, "90d": 90 * 24 * time.Hour, "2160h": 90 * 24 * time.Hour} {
		cfg, err := config.Read([]string{"ONECLAW_SHROUD_KEEP_FLAGGED=" + text}, "")
		if err != nil || time.Duration(cfg.ShroudKeepFlagged) != want {
			t.Errorf("%q: %v, %v", text, time.Duration(cfg.ShroudKeepFlagged), err)
		}
	}
	for _, text := range []string{"91d", "2161h", "0d", "-1d", "7", "d", "1.5d", "30m", "7D", "65536d", "9999999999999999999h", "+7d", "on"} {
		if _, err := config.Read([]string{"ONECLAW_SHROUD_KEEP_FLAGGED=" + text}, ""); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}
