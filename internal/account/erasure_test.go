package account_test

import (
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/account"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

func TestTheServerKeepsAnAdmin(t *testing.T) {
	t.Parallel()
	if err := account.KeepsAdmin(1); err != nil {
		t.Errorf("one of two platform admins: %v", err)
	}
	if code := fault.CodeOf(account.KeepsAdmin(0)); code != "last_platform_admin" {
		t.Errorf("the last platform admin: %q", code)
	}
}

func TestAMailProvesAnAddressOnce(t *testing.T) {
	t.Parallel()
	if !account.FirstProof(false) || account.FirstProof(true) {
		t.Error("what ends with a mailed token does not depend on an earlier proof")
	}
}
