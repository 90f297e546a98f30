package fence

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/oneclaw-dev/oneclaw/internal/fault"
)

// Open starts a process behind a fence, with the streams of the program that it is going to be.
// A process that others can't read (PR_SET_DUMPABLE) can't name the users of its children, so
// this comes before that.
func Open(stdin io.Reader, stdout, stderr io.Writer) (*Fence, error) {
	for _, m := range mappings() {
		if f, err := open(m, stdin, stdout, stderr); err == nil {
			return f, nil
		}
	}
	return nil, fault.New(fault.NotOffered, "no_fence", "This system gives a program no network of its own. "+why()+" Without --netns a program that leaves the proxy out has placeholders, and no secret.")
}

// why says what forbids it, as far as that can be read.
func why() string {
	for _, s := range []struct{ file, forbids, says string }{
		{"/proc/sys/user/max_user_namespaces", "0", "`sysctl user.max_user_namespaces=10000` allows it."},
		{"/proc/sys/user/max_net_namespaces", "0", "`sysctl user.max_net_namespaces=10000` allows it."},
		{"/proc/sys/kernel/unprivileged_userns_clone", "0", "`sysctl kernel.unprivileged_userns_clone=1` allows it."},
		{"/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "A profile of AppArmor for oneclaw with the rule `userns,` allows it, or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`."},
	} {
		if b, err := os.ReadFile(s.file); err == nil && string(bytes.TrimSpace(b)) == s.forbids {
			return s.says
		}
	}
	return "It takes user and network namespaces, which containers (seccomp) and services (RestrictNamespaces) often have turned off."
}

// mapping says which users and groups there are behind the fence. Each is itself.
type mapping struct {
	users, groups []syscall.SysProcIDMap
	setgroups     bool
}

// mappings lists what may be allowed, the best first. Root keeps all users, as its programs
// change to others; who may not have that has the own user alone.
func mappings() (out []mapping) {
	if os.Geteuid() == 0 {
		users, groups := all("/proc/self/uid_map"), all("/proc/self/gid_map")
		if users != nil && groups != nil {
			out = append(out, mapping{users, groups, true})
		}
	}
	one := func(id int) []syscall.SysProcIDMap {
		return []syscall.SysProcIDMap{{ContainerID: id, HostID: id, Size: 1}}
	}
	return append(out, mapping{one(os.Geteuid()), one(os.Getegid()), false})
}

// all has every user, or group, that there is here be itself.
func all(file string) (out []syscall.SysProcIDMap) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		words := strings.Fields(line)
		if len(words) != 3 {
			return nil
		}
		first, err := strconv.Atoi(words[0])
		count, err2 := strconv.Atoi(words[2])
		if err != nil || err2 != nil {
			return nil
		}
		out = append(out, syscall.SysProcIDMap{ContainerID: first, HostID: first, Size: count})
	}
	return out
}

func open(m mapping, stdin io.Reader, stdout, stderr io.Writer) (*Fence, error) {
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("make sockets: %w", err)
	}
	inside := os.NewFile(uintptr(ends[1]), "fence")
	talk, err := connOf(ends[0])
	if err != nil {
		_ = inside.Close()
		return nil, err
	}
	cmd := exec.Command("/proc/self/exe", argument) //nolint:noctx // what it becomes ends by itself, and is told the end of the context
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.Env, cmd.ExtraFiles = []string{}, []*os.File{inside}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNET, UidMappings: m.users, GidMappings: m.groups, GidMappingsEnableSetgroups: m.setgroups,
		AmbientCaps: []uintptr{unix.CAP_NET_ADMIN}, // to turn the network on; given back before it is the program
	}
	err = cmd.Start()
	_ = inside.Close()
	if err != nil {
		_ = talk.Close()
		return nil, fmt.Errorf("start: %w", err)
	}
	f := &Fence{cmd: cmd, talk: talk}
	if f.Listener, err = received(talk); err != nil {
		_ = talk.Close()
		_ = cmd.Wait()
		return nil, err
	}
	return f, nil
}

func connOf(fd int) (*net.UnixConn, error) {
	file := os.NewFile(uintptr(fd), "fence")
	defer file.Close()
	c, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("use socket: %w", err)
	}
	talk, ok := c.(*net.UnixConn)
	if !ok {
		_ = c.Close()
		return nil, fmt.Errorf("use socket: it is no unix socket")
	}
	return talk, nil
}

// received is the listener that the process made in its network.
func received(talk *net.UnixConn) (net.Listener, error) {
	word, rights := make([]byte, 1), make([]byte, unix.CmsgSpace(4))
	n, oob, _, _, err := talk.ReadMsgUnix(word, rights)
	if err != nil || n != 1 {
		return nil, fmt.Errorf("no listener came: %w", err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:oob])
	if err != nil || len(messages) != 1 {
		return nil, fmt.Errorf("no listener came: %w", err)
	}
	fds, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, fmt.Errorf("no listener came: %w", err)
	}
	file := os.NewFile(uintptr(fds[0]), "listener")
	defer file.Close()
	return net.FileListener(file)
}
