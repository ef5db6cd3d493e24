package query

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// addressSpare is what a child may map beyond DuckDB's memory limit.
const addressSpare = 3_000_000_000

// fileSpare is by how much a file may exceed the limit of temporary space:
// DuckDB, which counts less exactly, should be the one to say that it is used up.
const fileSpare = 64 << 20

// prepareThread sets what the child inherits from its parent, and returns the
// step that restricts the calling thread for good.
func prepareThread(cmd *exec.Cmd, m *message) (restrict func() error, err error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{
		// A group of its own: Ctrl-C is for the parent, who then kills the child.
		Setpgid: true,
		// A child does not outlive its parent, or rather the thread that waits for it.
		Pdeathsig: syscall.SIGKILL,
	}
	rules, err := landlockRules(cmd.Path, m)
	if err != nil {
		return nil, err
	}
	return func() error {
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("give up new privileges: %w", err)
		}
		return rules.restrict()
	}, nil
}

// confine sets the child's own limits. It runs before DuckDB is opened.
func confine(l Limits) error {
	for _, lim := range []struct {
		name string
		what int
		n    uint64
	}{
		{"address space", unix.RLIMIT_AS, uint64(l.Memory) + addressSpare},
		{"CPU time", unix.RLIMIT_CPU, cpuSeconds(l)},
		{"file size", unix.RLIMIT_FSIZE, uint64(l.Temp) + fileSpare},
		{"core file", unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(lim.what, &unix.Rlimit{Cur: lim.n, Max: lim.n}); err != nil {
			return fmt.Errorf("limit the %s: %w", lim.name, err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 5); err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	return nil
}

// probeProcess looks at the child's own limits.
func probeProcess(m *message) []Check {
	limited := func(what int, n uint64) bool {
		var lim unix.Rlimit
		return unix.Getrlimit(what, &lim) == nil && lim.Cur <= n && lim.Max <= n
	}
	privs, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	return []Check{
		{Attack: "map more memory than allowed", Layer: LayerProcess, Needed: true, Holds: limited(unix.RLIMIT_AS, uint64(m.Limits.Memory)+addressSpare)},
		{Attack: "write larger files than allowed", Layer: LayerProcess, Needed: true, Holds: limited(unix.RLIMIT_FSIZE, uint64(m.Limits.Temp)+fileSpare)},
		{Attack: "use CPU time for ever", Layer: LayerProcess, Needed: true, Holds: limited(unix.RLIMIT_CPU, cpuSeconds(m.Limits))},
		{Attack: "leave a core file", Layer: LayerProcess, Needed: true, Holds: limited(unix.RLIMIT_CORE, 0)},
		{Attack: "gain privileges", Layer: LayerProcess, Needed: true, Holds: err == nil && privs == 1},
		{Attack: "see the environment", Layer: LayerProcess, Needed: true, Holds: len(os.Environ()) == 0},
	}
}

// probeKernel tries what DuckDB would do if both the gate and its settings had
// a hole.
func probeKernel(dir string) []Check {
	version := landlockVersion()
	if version == 0 {
		return nil
	}
	var checks []Check
	for _, p := range []struct {
		attack string
		path   string
		flags  int
	}{
		{"read another file", "/etc/passwd", unix.O_RDONLY},
		{"read a file beside a segment", dir + "/other.csv", unix.O_RDONLY},
		{"list a folder", dir, unix.O_RDONLY | unix.O_DIRECTORY},
		{"write a segment", segmentIn(dir), unix.O_WRONLY},
		{"write a new file", dir + "/new", unix.O_WRONLY | unix.O_CREAT},
		{"read the parent's environment", fmt.Sprintf("/proc/%d/environ", os.Getppid()), unix.O_RDONLY},
	} {
		fd, err := unix.Open(p.path, p.flags|unix.O_CLOEXEC, 0o600)
		if err == nil {
			err = unix.Close(fd)
			checks = append(checks, Check{Attack: p.attack, Layer: LayerKernel, Needed: true, Holds: err != nil})
			continue
		}
		checks = append(checks, Check{Attack: p.attack, Layer: LayerKernel, Needed: true, Holds: errors.Is(err, fs.ErrPermission)})
	}
	checks = append(checks, Check{Attack: "remove a segment", Layer: LayerKernel, Needed: true, Holds: os.Remove(segmentIn(dir)) != nil})
	if version >= 4 {
		conn, err := new(net.Dialer).DialContext(context.Background(), "tcp", "127.0.0.1:1")
		if err == nil {
			err = conn.Close()
		}
		checks = append(checks, Check{Attack: "connect to an address", Layer: LayerKernel, Needed: true, Holds: errors.Is(err, fs.ErrPermission)})
	}
	return checks
}

func cpuSeconds(l Limits) uint64 { return uint64(l.Timeout.Seconds()*float64(l.Threads)) + 5 }
