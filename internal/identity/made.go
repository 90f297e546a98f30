package identity

import "time"

// Made is something that was made with a credential.
type Made struct {
	Kind, ID, Name string
	With           string // the credential, as policy.Principal.Credential names it
	CreatedAt      time.Time
	Live           bool // it has not ended
}

// MaxMade bounds a listing of what was made.
const MaxMade = 1000
