package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/call"
	"github.com/oneclaw-dev/oneclaw/internal/policy"
	"github.com/oneclaw-dev/oneclaw/internal/vault"
)

// cmekJobBody is CmekJob of the contract, section 3. Clients decode it strictly:
// no field may be added.
type cmekJobBody struct {
	ID             string     `json:"id" format:"uuid"`
	VaultID        string     `json:"vault_id" format:"uuid"`
	OldFingerprint string     `json:"old_fingerprint"`
	NewFingerprint string     `json:"new_fingerprint"`
	Status         string     `json:"status" enum:"pending,running,completed,failed"`
	TotalSecrets   int64      `json:"total_secrets" doc:"Versions that clients encrypted."`
	Processed      int64      `json:"processed"`
	Error          *string    `json:"error" nullable:"true"`
	StartedAt      *time.Time `json:"started_at" nullable:"true"`
	CompletedAt    *time.Time `json:"completed_at" nullable:"true"`
	CreatedAt      time.Time  `json:"created_at"`
}

func cmekJobOf(j *vault.Job) cmekJobBody {
	return cmekJobBody{
		ID: j.ID, VaultID: j.Vault, OldFingerprint: j.OldFingerprint, NewFingerprint: j.NewFingerprint, Status: string(j.Status),
		TotalSecrets: total(j), Processed: j.Processed, Error: present(j.Error),
		StartedAt: pointer(j.StartedAt), CompletedAt: pointer(j.CompletedAt), CreatedAt: j.CreatedAt,
	}
}

// rekeyBody is a job that gives a vault a new key-encryption key.
type rekeyBody struct {
	ID            string     `json:"id" format:"uuid"`
	VaultID       string     `json:"vault_id" format:"uuid"`
	Status        string     `json:"status" enum:"pending,running,completed,failed"`
	TotalVersions int64      `json:"total_versions"`
	Processed     int64      `json:"processed"`
	Error         *string    `json:"error" nullable:"true"`
	StartedAt     *time.Time `json:"started_at" nullable:"true"`
	CompletedAt   *time.Time `json:"completed_at" nullable:"true"`
	CreatedAt     time.Time  `json:"created_at"`
}

func rekeyOf(j *vault.Job) rekeyBody {
	return rekeyBody{
		ID: j.ID, VaultID: j.Vault, Status: string(j.Status), TotalVersions: total(j), Processed: j.Processed, Error: present(j.Error),
		StartedAt: pointer(j.StartedAt), CompletedAt: pointer(j.CompletedAt), CreatedAt: j.CreatedAt,
	}
}

// total is never less than what was done: versions come while a job runs.
func total(j *vault.Job) int64 { return max(j.Total, j.Processed) }

type enableCMEK struct {
	vaultPath
	Body struct {
		Fingerprint string `json:"fingerprint" doc:"SHA-256 of the key, 64 hexadecimal digits."`
	}
}

// rotateCMEK takes the keys as headers, as clients send them. Both are checked by
// the domain, after the right to rotate.
type rotateCMEK struct {
	vaultPath
	OldKey string `header:"X-Cmek-Old-Key" doc:"The present key: 32 bytes in base64."`
	NewKey string `header:"X-Cmek-New-Key" doc:"The key to move to: 32 bytes in base64."`
	Body   struct {
		NewFingerprint string `json:"new_fingerprint" doc:"SHA-256 of the new key, 64 hexadecimal digits."`
	}
}

// jobPath names a job of a vault.
type jobPath struct {
	vaultPath
	JobID string `path:"job_id"`
}

func (a *API) registerVaultJobs() {
	const own, rotate, rekey = "/v1/vaults/{vault_id}/cmek", "/v1/vaults/{vault_id}/cmek-rotate", "/v1/vaults/{vault_id}/rekey"
	handle(a, op{
		method: http.MethodPost, path: own, id: "enable-cmek", tag: "Vault keys", errors: []int{http.StatusConflict},
		summary: "Say that clients encrypt what they write to a vault", action: policy.EnableCMEK, status: http.StatusOK,
	}, func(ctx context.Context, c *call.Call, in *enableCMEK) (*body[vaultBody], error) {
		v, err := a.vault.EnableCMEK(ctx, c, in.VaultID, in.Body.Fingerprint)
		return answer(vaultOf(&v), err)
	})
	handle(a, op{
		method: http.MethodDelete, path: own, id: "disable-cmek", tag: "Vault keys", errors: []int{http.StatusConflict},
		summary: "Say that clients do not encrypt what they write to a vault any more", action: policy.DisableCMEK, status: http.StatusOK,
	}, func(ctx context.Context, c *call.Call, in *vaultPath) (*body[vaultBody], error) {
		v, err := a.vault.DisableCMEK(ctx, c, in.VaultID)
		return answer(vaultOf(&v), err)
	})
	handle(a, op{
		method: http.MethodPost, path: rotate, id: "rotate-cmek", tag: "Vault keys", errors: []int{http.StatusConflict},
		summary: "Move all values that clients encrypted to another key of the client", action: policy.RotateCMEK, status: http.StatusAccepted,
	}, func(ctx context.Context, c *call.Call, in *rotateCMEK) (*body[cmekJobBody], error) {
		j, err := a.vault.RotateCMEK(ctx, c, in.VaultID, vault.Rotation{OldKey: in.OldKey, NewKey: in.NewKey, NewFingerprint: in.Body.NewFingerprint})
		return answer(cmekJobOf(&j), err)
	})
	handle(a, op{
		method: http.MethodGet, path: rotate + "/{job_id}", id: "get-cmek-rotation", tag: "Vault keys",
		summary: "See how far a rotation of a client's key is", action: policy.ReadCMEK,
	}, func(ctx context.Context, c *call.Call, in *jobPath) (*body[cmekJobBody], error) {
		j, err := a.vault.CMEKRotation(ctx, c, in.VaultID, in.JobID)
		return answer(cmekJobOf(&j), err)
	})
	handle(a, op{
		method: http.MethodPost, path: rekey, id: "rekey-vault", tag: "Vault keys", errors: []int{http.StatusConflict},
		summary: "Give a vault a new key-encryption key and destroy the old one", action: policy.RekeyVault, status: http.StatusAccepted,
	}, func(ctx context.Context, c *call.Call, in *vaultPath) (*body[rekeyBody], error) {
		j, err := a.vault.Rekey(ctx, c, in.VaultID)
		return answer(rekeyOf(&j), err)
	})
	handle(a, op{
		method: http.MethodGet, path: rekey + "/{job_id}", id: "get-rekey", tag: "Vault keys",
		summary: "See how far a vault's change of keys is", action: policy.ReadRekey,
	}, func(ctx context.Context, c *call.Call, in *jobPath) (*body[rekeyBody], error) {
		j, err := a.vault.Rekeying(ctx, c, in.VaultID, in.JobID)
		return answer(rekeyOf(&j), err)
	})
}
