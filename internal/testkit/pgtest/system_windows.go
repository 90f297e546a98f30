package pgtest

import (
	"errors"
	"syscall"
)

// credential is whom a process runs as: here, always the user of the test.
type credential struct{ Uid, Gid uint32 }

func attributes(*credential) *syscall.SysProcAttr { return nil }

const (
	sigStop     = syscall.Signal(-1)
	sigContinue = syscall.Signal(-2)
)

func send(int, syscall.Signal) error { return errors.New("pgtest: Windows has no such signal") }

func serverUser() (*credential, error) { return nil, nil } //nolint:nilnil // "no other user" is an answer
