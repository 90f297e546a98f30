package child

import (
	"os/exec"
	"syscall"
)

// Tie has the system kill the process when the test is killed.
func Tie(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
