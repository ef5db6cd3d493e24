package query

import (
	"fmt"
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
	cpu := uint64(l.Timeout.Seconds()*float64(l.Threads)) + 5
	for _, lim := range []struct {
		name string
		what int
		n    uint64
	}{
		{"address space", unix.RLIMIT_AS, uint64(l.Memory) + addressSpare},
		{"CPU time", unix.RLIMIT_CPU, cpu},
		{"file size", unix.RLIMIT_FSIZE, uint64(l.Temp) + fileSpare},
		{"core file", unix.RLIMIT_CORE, 0},
	} {
		if err := unix.Setrlimit(lim.what, &unix.Rlimit{Cur: lim.n, Max: lim.n}); err != nil {
			return fmt.Errorf("limit the %s: %w", lim.name, err)
		}
	}
	if err := unix.Setpriority(unix.PRIO_PROCESS, 0, 10); err != nil {
		return fmt.Errorf("lower the priority: %w", err)
	}
	return nil
}
