package peer

import (
	"bufio"
	"encoding/hex"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Known reports whether peers can be told here, and has orphans among the descendants stay
// descendants: a program that leaves its parent must not fall out of the tree.
func Known() bool {
	if _, err := os.ReadFile("/proc/net/tcp"); err != nil {
		return false
	}
	if len(children()) == 0 {
		return false
	}
	return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == nil
}

// Ours reports whether a descendant of this process holds the other end.
func Ours(c Conn) bool {
	inode, ok := socketOf(c)
	if !ok {
		return false
	}
	want := "socket:[" + inode + "]"
	all := children()
	own := os.Getpid()
	seen := map[int]bool{own: true}
	for queue := slices.Clone(all[own]); len(queue) > 0; {
		pid := queue[0]
		queue = queue[1:]
		if seen[pid] {
			continue
		}
		seen[pid] = true
		if holds(pid, want) {
			return true
		}
		queue = append(queue, all[pid]...)
	}
	return false
}

// socketOf finds the socket of the other end, whose local address is our remote one.
func socketOf(c Conn) (inode string, ok bool) {
	uid := strconv.Itoa(os.Getuid())
	process := "self"
	if c.Network != 0 {
		process = strconv.Itoa(c.Network)
	}
	for _, file := range []string{"tcp", "tcp6"} { // Java speaks IPv4 through sockets of IPv6
		f, err := os.Open("/proc/" + process + "/net/" + file)
		if err != nil {
			continue
		}
		lines := bufio.NewScanner(f)
		for lines.Scan() {
			at := strings.Fields(lines.Text())
			if len(at) < 10 {
				continue
			}
			from, ok := address(at[1])
			to, ok2 := address(at[2])
			if ok && ok2 && from == unmapped(c.Remote) && to == unmapped(c.Local) && at[7] == uid && at[9] != "0" {
				inode = at[9]
				break
			}
		}
		_ = f.Close()
		if inode != "" {
			return inode, true
		}
	}
	return "", false
}

func unmapped(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// address reads an address as the kernel writes it: words of four bytes in the machine's order.
func address(text string) (netip.AddrPort, bool) {
	ip, port, _ := strings.Cut(text, ":")
	b, err := hex.DecodeString(ip)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	if littleEndian() {
		for i := 0; i < len(b); i += 4 {
			slices.Reverse(b[i : i+4])
		}
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// children lists the processes by their parents.
func children() map[int][]int {
	out := map[int][]int{}
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		text := string(stat)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // the name before may hold anything
		if len(fields) < 2 {
			continue
		}
		if parent, err := strconv.Atoi(fields[1]); err == nil {
			out[parent] = append(out[parent], pid)
		}
	}
	return out
}

func holds(pid int, socket string) bool {
	dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if to, err := os.Readlink(dir + e.Name()); err == nil && to == socket {
			return true
		}
	}
	return false
}
