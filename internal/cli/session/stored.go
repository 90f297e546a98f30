package session

import (
	"cmp"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/oneclaw-dev/oneclaw/internal/cli/console"
	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Stored is a login as it is kept on disk. Credential belongs to APIURL and is sent
// nowhere else. KeyID is set when it is an API key, which a logout revokes.
type Stored struct {
	APIURL     string    `json:"api_url"`
	Email      string    `json:"email"`
	UserID     string    `json:"user_id"`
	OrgID      string    `json:"org_id,omitempty"`
	Credential string    `json:"credential"`
	KeyID      string    `json:"key_id,omitempty"`
	ExpiresAt  time.Time `json:"expires_at"`
	// The vault that commands work in where none is named.
	VaultID   string `json:"vault_id,omitempty"`
	VaultName string `json:"vault_name,omitempty"` // as it was called then
}

// String keeps the credential out of fmt's output.
func (Stored) String() string { return "[REDACTED]" }

// GoString keeps the credential out of fmt's output.
func (Stored) GoString() string { return "[REDACTED]" }

// DevCredentials is what `oneclaw dev` leaves in its data directory.
type DevCredentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	APIURL   string `json:"api_url"`
}

// String keeps the password out of fmt's output.
func (DevCredentials) String() string { return "[REDACTED]" }

// GoString keeps the password out of fmt's output.
func (DevCredentials) GoString() string { return "[REDACTED]" }

// below returns the path of a file below the directory in the variable, or else
// below a directory of HOME; "" when neither is known. XDG variables that are not
// absolute do not count.
func (c *Session) below(variable, inHome string, rest ...string) string {
	dir := c.Getenv(variable)
	if !filepath.IsAbs(dir) {
		home := cmp.Or(c.Getenv("HOME"), c.Getenv("USERPROFILE")) // the second is Windows'
		if home == "" {
			return ""
		}
		dir = filepath.Join(home, inHome)
	}
	return filepath.Join(append([]string{dir}, rest...)...)
}

func (c *Session) credentialsFile() string {
	return c.below("XDG_CONFIG_HOME", ".config", "oneclaw", "credentials.json")
}

// DevFile is where `oneclaw dev` leaves its credentials.
func (c *Session) DevFile() string {
	if d := c.Getenv("ONECLAW_DATA"); d != "" {
		return filepath.Join(d, "dev-credentials.json")
	}
	return c.below("XDG_DATA_HOME", filepath.Join(".local", "share"), "oneclaw", "dev-credentials.json")
}

// LoadStored returns nil without error when there is no login.
func (c *Session) LoadStored() (*Stored, error) {
	var s Stored
	found, err := loadJSON(c.credentialsFile(), &s)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "bad_credentials_file",
			"The stored login can not be read. Run `oneclaw logout`, then `oneclaw login`.")
	}
	if !found || s.APIURL == "" || s.Credential == "" {
		return nil, nil
	}
	return &s, nil
}

// UsedVault is the vault of `vault use`: it goes with the stored login, and counts
// where that login is used.
func (c *Session) UsedVault() (id, name string) {
	s, err := c.LoadStored()
	if err != nil || s == nil || s.VaultID == "" {
		return "", ""
	}
	if _, credential, err := c.Reach(); err != nil || credential != s.Credential {
		return "", ""
	}
	return s.VaultID, s.VaultName
}

// UseVault keeps a vault beside the stored login; an empty id takes it away.
func (c *Session) UseVault(id, name string) error {
	s, err := c.LoadStored()
	if err != nil {
		return err
	}
	if _, credential, err := c.Reach(); err != nil || s == nil || credential != s.Credential {
		return console.Usage("The vault is kept beside the login of `oneclaw login`, and that is not what this command uses. Set ONECLAW_VAULT_ID instead.")
	}
	s.VaultID, s.VaultName = id, name
	return c.save(*s)
}

// LoadDev returns nil without error when no `oneclaw dev` has run here.
func (c *Session) LoadDev() (*DevCredentials, error) {
	var d DevCredentials
	found, err := loadJSON(c.DevFile(), &d)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "bad_dev_file",
			"The credentials file of `oneclaw dev` can not be read.")
	}
	if !found || d.APIURL == "" {
		return nil, nil
	}
	return &d, nil
}

// loadJSON reports whether the file is there. Its errors never quote the content.
func loadJSON(name string, v any) (bool, error) {
	if name == "" {
		return false, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if json.Unmarshal(b, v) != nil {
		return false, errors.New(name + " is not the JSON that belongs there")
	}
	return true, nil
}

// save replaces the stored login. The file is complete or the old one at any time,
// and readable by its owner alone from the start.
func (c *Session) save(s Stored) error {
	name := c.credentialsFile()
	if name == "" {
		return fault.New(fault.Internal, "no_home", "There is no place for the login: set HOME or XDG_CONFIG_HOME.")
	}
	b, err := json.MarshalIndent(s, "", "  ")
	if err == nil {
		err = writeAtomic(name, append(b, '\n'))
	}
	if err != nil {
		return fault.Wrap(err, fault.Internal, "login_not_stored", "The login can not be stored.")
	}
	return nil
}

func writeAtomic(name string, b []byte) error {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".credentials-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// Forget removes the stored login, if there is one.
func (c *Session) Forget() error {
	name := c.credentialsFile()
	if name == "" {
		return nil
	}
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap(err, fault.Internal, "login_not_removed", "The stored login can not be removed.")
	}
	return nil
}
