package vault_test

import (
	"slices"
	"testing"

	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

func TestAJobBegins(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind        vault.JobKind
		fingerprint string
		gen, last   int64
		to          int64
		stale       bool
	}{
		"the first job":                          {vault.JobRekey, "", 0, 0, 1, false},
		"after others":                           {vault.JobRekey, "", 4, 4, 5, false},
		"after one that did not get to its end":  {vault.JobRekey, "", 4, 7, 8, false},
		"a new client key":                       {vault.JobCMEK, "old", 2, 2, 3, false},
		"a new client key after a failed job":    {vault.JobCMEK, "new", 2, 3, 4, false},
		"a client key that another changed":      {vault.JobCMEK, "other", 2, 2, 0, true},
		"a rekey does not ask for a fingerprint": {vault.JobRekey, "other", 2, 2, 3, false},
	} {
		j := vault.Job{Kind: c.kind, OldFingerprint: "old", NewFingerprint: "new"}
		if err := j.Begin(c.fingerprint, c.gen, c.last); (err != nil) != c.stale || j.To != c.to {
			t.Errorf("%s: to %d, %v", name, j.To, err)
		}
	}
}

func TestWhichKeysAJobDooms(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kind           vault.JobKind
		oldest, needed int64
		want           []string
	}{
		"all before the first that is needed": {vault.JobRekey, 0, 2, []string{"vault:v", "vault:v:1"}},
		"the client's, too":                   {vault.JobCMEK, 1, 2, []string{"vault:v:1", "job:j"}},
		"none that is needed":                 {vault.JobRekey, 2, 2, nil},
		"none where a job switched nothing":   {vault.JobRekey, 3, 0, nil},
	} {
		j := vault.Job{ID: "j", Vault: "v", Kind: c.kind}
		if got := j.Dooms(c.oldest, c.needed); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestWhatADecisionKnowsOfAVaultsMaker(t *testing.T) {
	t.Parallel()
	v := vault.Vault{ID: "v", Org: "o", CreatedBy: "ann", CreatedByKind: "user", CreatorHuman: "ann"}
	if m := v.Made(); m.CreatedBy != "ann" || m.CreatedByKind != "user" || m.CreatorHuman != "ann" {
		t.Errorf("a maker who is there: %+v", m)
	}
	v.CreatorLeft = 1
	if m := v.Made(); m.ID != "v" || m.Org != "o" || m.CreatedBy != "" || m.CreatedByKind != "" || m.CreatorHuman != "" {
		t.Errorf("a maker who has left: %+v", m)
	}
	if !vault.Reserved("__agent-keys") || vault.Reserved("_agent-keys") || vault.Reserved("agent__keys") {
		t.Error("other names than those that begin with two underscores are the server's own")
	}
}
