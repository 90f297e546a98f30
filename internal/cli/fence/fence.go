// Package fence starts a program in a network of its own, whose one way out is a listener that
// this process has.
//
// Its promise: the program and what it starts reach no address but those of that network, in
// which there is nothing but the listener and themselves. They have no right that they would
// not have without the fence, and their files, user, groups and terminal as without it. Where
// the system does not allow all of that, nothing is started.
package fence

import (
	"encoding/gob"
	"net"
	"os/exec"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// argument tells this program that it is to wait within a fence. It is no command: without the
// connection of its parent it ends.
const argument = "wait-in-fence"

// Waits reports whether this process is one that Open started.
func Waits(args []string) bool { return len(args) == 2 && args[1] == argument }

// Fence is a process in a network of its own that waits to be told which program to be.
type Fence struct {
	// Listener takes the connections that are made within the fence to its address.
	Listener net.Listener

	cmd  *exec.Cmd
	talk *net.UnixConn
}

// program is what the process is told.
type program struct {
	Path      string
	Args, Env []string
}

// Process is the number of the process, which is the program's once it is told.
func (f *Fence) Process() int { return f.cmd.Process.Pid }

// Become has the process be a program. It has the streams that Open was given.
func (f *Fence) Become(path string, args, env []string) (*exec.Cmd, error) {
	if err := gob.NewEncoder(f.talk).Encode(program{path, args, env}); err != nil {
		return nil, err
	}
	var refused [1]byte
	if n, _ := f.talk.Read(refused[:]); n != 0 { // the end comes when another program has the process
		return nil, errNotRun
	}
	return f.cmd, nil
}

// Close ends the process where it did not become a program.
func (f *Fence) Close() {
	_ = f.talk.Close()
	_ = f.Listener.Close()
	_ = f.cmd.Wait()
}

var errNotRun = fault.New(fault.Denied, "program_not_started", "The program can't be run.")
