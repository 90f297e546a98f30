package keystore_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/keystore"
)

func TestAFullKeystoreSaysSo(t *testing.T) {
	err := keystore.Unavailable(fmt.Errorf("write: %w", syscall.ENOSPC))
	if !strings.Contains(err.Error(), "can't be written: its disk is full") {
		t.Error(err)
	}
}
