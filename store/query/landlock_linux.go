package query

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Rights of Landlock by the version of its interface that brought them.
const (
	landRead  = unix.LANDLOCK_ACCESS_FS_READ_FILE
	landExec  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	landWrite = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR
	// landFirst are all rights of the first version: the thirteen lowest bits.
	landFirst = 1<<13 - 1
)

// landlockRule allows rights on a file or below a folder.
type landlockRule struct {
	path   string
	rights uint64
}

type landlockSet struct {
	version int
	rules   []landlockRule
}

// landlockVersion returns the version of the kernel's Landlock interface, 0 if
// there is none or it is switched off.
func landlockVersion() int {
	n, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(n)
}

// landlockRules collects what the child needs: the segments, its temporary
// folder, what DuckDB asks of the system, and the files that its own program consists of, which are those that
// its parent, the same program, has mapped.
func landlockRules(exe string, m *message) (*landlockSet, error) {
	s := &landlockSet{version: landlockVersion()}
	if s.version == 0 || m.Bare {
		return &landlockSet{}, nil
	}
	s.add(exe, landExec)
	libs, err := mappedFiles()
	if err != nil {
		return nil, err
	}
	for _, path := range libs {
		s.add(path, landExec)
	}
	s.add("/etc/ld.so.cache", landRead)
	s.add("/dev/urandom", landRead)
	// For DuckDB's start only: narrow takes it away again.
	s.add("/proc", landRead)
	s.addData(m)
	return s, nil
}

// addData allows what the worker needs after its start.
func (s *landlockSet) addData(m *message) {
	for _, path := range []string{"/sys/fs/cgroup", "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage"} {
		s.add(path, landRead)
	}
	s.add(m.TempDir, landWrite)
	for _, t := range m.Tables {
		for _, f := range t.Files {
			s.add(f.Path, landRead)
		}
	}
}

// narrow takes /proc away from the calling thread, and from those that DuckDB
// starts on it. DuckDB reads the limits of its control group there when it
// starts, under the number of a process that does not exist yet when the
// parent makes its rules, and ends the process if it cannot. But files of other
// processes of the same user can be read there too, among them their
// environment, and Landlock does not forbid that by itself.
func narrow(m *message) error {
	s := &landlockSet{version: landlockVersion()}
	if s.version == 0 || m.Bare {
		return nil
	}
	s.addData(m)
	return s.apply(unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_READ_FILE}, unsafe.Sizeof(uint64(0)))
}

func (s *landlockSet) add(path string, rights uint64) {
	s.rules = append(s.rules, landlockRule{path, rights})
}

// mappedFiles lists the executable files in this process's memory.
func mappedFiles() ([]string, error) {
	f, err := os.Open("/proc/self/maps")
	if err != nil {
		return nil, fmt.Errorf("list the program's libraries: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	seen := map[string]bool{}
	var files []string
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		// address perms offset device inode path
		fields := strings.SplitN(lines.Text(), " ", 6)
		if len(fields) < 6 || !strings.Contains(fields[1], "x") {
			continue
		}
		path := strings.TrimSpace(fields[5])
		if strings.HasPrefix(path, "/") && !seen[path] {
			seen[path] = true
			files = append(files, path)
		}
	}
	return files, lines.Err()
}

// restrict applies the rules to the calling thread, for ever, and to what it
// forks.
func (s *landlockSet) restrict() error {
	if s.version == 0 {
		return nil
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handledRights(s.version)}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if s.version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	if s.version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
		size += unsafe.Sizeof(attr.Scoped)
	}
	return s.apply(attr, size)
}

// apply makes a rule set of the first size bytes of attr and enters it.
func (s *landlockSet) apply(attr unix.LandlockRulesetAttr, size uintptr) error {
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return fmt.Errorf("make landlock rules: %w", errno)
	}
	defer func() { _ = unix.Close(int(fd)) }() // the rules are in force without it
	for _, r := range s.rules {
		if err := allow(int(fd), r, attr.Handled_access_fs); err != nil {
			return err
		}
	}
	if _, _, errno := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); errno != 0 {
		return fmt.Errorf("apply landlock rules: %w", errno)
	}
	return nil
}

// handledRights are the rights that are denied unless a rule allows them.
func handledRights(version int) uint64 {
	rights := uint64(landFirst)
	if version >= 2 {
		rights |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= 3 {
		rights |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 5 {
		rights |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	return rights
}

// allow adds one rule. A file that is not there needs none: for a segment that
// vanished meanwhile DuckDB gives the error that makes the caller list again.
func allow(ruleset int, r landlockRule, handled uint64) error {
	fd, err := unix.Open(r.path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("open %s for a landlock rule: %w", r.path, err)
	}
	defer func() { _ = unix.Close(fd) }() // holds nothing
	rights := r.rights & handled
	if r.rights&unix.LANDLOCK_ACCESS_FS_WRITE_FILE != 0 {
		rights |= (unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_REFER) & handled
	}
	attr := unix.LandlockPathBeneathAttr{Allowed_access: rights, Parent_fd: int32(fd)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(ruleset), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&attr)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("allow %s by landlock: %w", r.path, errno)
	}
	return nil
}
