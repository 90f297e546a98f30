// Package sshsign reads what an SSH key is asked to sign, and signs it.
//
// Its promise: only the two things that SSH signs with a user's key are read, a login
// (RFC 4252, section 7) and a signature of a file (SSHSIG), whole and without a byte left over;
// a login is for the server whose host key signed its session. Nothing is signed with SHA-1.
package sshsign

import (
	"bytes"

	"golang.org/x/crypto/ssh"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Request is what a key is asked to sign.
type Request struct {
	// Of a login.
	Session   []byte // its id
	User      string
	Algorithm string
	Key       []byte // the public key that logs in
	HostKey   []byte // that the login itself names, or nil

	// Of a signature of a file.
	Namespace string
}

// Login reports whether it is a login, rather than a signature.
func (r *Request) Login() bool { return r.Namespace == "" }

var (
	// ErrRequest is said of what is neither.
	ErrRequest = fault.New(fault.Denied, "ssh_request_refused", "Only SSH logins and signatures of files (SSHSIG) are signed, and this is neither.").Because("ssh_request")
	// ErrSession is said of a login that is for nobody knows whom.
	ErrSession = fault.New(fault.Denied, "ssh_session_refused",
		"The server that the login is for has not signed its session, so that nobody knows who it is for. The client must be OpenSSH 8.9 or newer, which tells its agent (session-bind@openssh.com).").Because("ssh_session")
)

// login is SSH_MSG_USERAUTH_REQUEST with its session before it, up to what only one of its
// two methods has.
type login struct {
	Session   []byte
	Type      byte
	User      string
	Service   string
	Method    string
	Signed    bool
	Algorithm string
	Key       []byte
	Rest      []byte `ssh:"rest"`
}

const (
	userauthRequest = 50
	magic           = "SSHSIG"
	dsa             = "ssh-dss" // it signs with SHA-1 alone
	hostBound       = "publickey-hostbound-v00@openssh.com"
)

// maxData bounds what is read: logins and signatures of files have a few hundred bytes.
const maxData = 16 << 10

// Parse reads what a key is asked to sign.
func Parse(data []byte) (r Request, err error) {
	if len(data) > maxData {
		return r, ErrRequest
	}
	if after, ok := bytes.CutPrefix(data, []byte(magic)); ok {
		var s struct{ Namespace, Reserved, Hash, Digest string }
		if ssh.Unmarshal(after, &s) != nil || s.Namespace == "" || s.Reserved != "" {
			return r, ErrRequest
		}
		if size := map[string]int{"sha256": 32, "sha512": 64}[s.Hash]; size == 0 || len(s.Digest) != size {
			return r, ErrRequest
		}
		return Request{Namespace: s.Namespace}, nil
	}
	var l login
	if ssh.Unmarshal(data, &l) != nil || l.Type != userauthRequest || l.Service != "ssh-connection" || !l.Signed || len(l.Session) < 20 || len(l.Session) > 64 {
		return r, ErrRequest
	}
	r = Request{Session: l.Session, User: l.User, Algorithm: l.Algorithm, Key: l.Key}
	switch {
	case l.Method == "publickey" && len(l.Rest) == 0:
		return r, nil
	case l.Method == hostBound:
		var h struct{ Key []byte }
		if ssh.Unmarshal(l.Rest, &h) == nil && len(h.Key) > 0 {
			r.HostKey = h.Key
			return r, nil
		}
	}
	return Request{}, ErrRequest
}

// Host returns the fingerprint of the host key of the server that a login is for. The server
// proves that it is by its signature of the session.
func (r *Request) Host(hostKey, signature []byte) (fingerprint string, err error) {
	key, err := ssh.ParsePublicKey(hostKey)
	if err != nil || r.HostKey != nil && !bytes.Equal(r.HostKey, hostKey) {
		return "", ErrSession
	}
	var sig ssh.Signature
	if ssh.Unmarshal(signature, &sig) != nil || sig.Format == ssh.KeyAlgoRSA || sig.Format == dsa || key.Verify(r.Session, &sig) != nil {
		return "", ErrSession
	}
	return ssh.FingerprintSHA256(key), nil
}
